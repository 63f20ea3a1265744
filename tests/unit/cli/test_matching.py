"""`hallmark undecided` and `hallmark advisory rematch`: what is asked, and what people and programs get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.monitoring.v1.rematching import Rematch, RematchState
from contracts.monitoring.v1.undecided import UndecidedComponent, UndecidedPage
from deploy.examples import example_of
from services.cli.main import app
from services.cli.output import console, out
from tests.support.small_gateway import SmallGateway, small_gateway

UNDECIDED = "GET /projects/shop/applications/web/versions/1.0/undecided"
REMATCH = "/advisories/rematch"


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    console.width = 200
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *words: str) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, list(words))


def a_page(*components: str, total: int, following: str | None = None) -> dict[str, Any]:
    one = example_of(UndecidedComponent)
    listed = tuple(one.model_copy(update={"component": name}) for name in components)
    return UndecidedPage(undecided=listed, total=total, next=following).model_dump(mode="json")


def test_every_page_of_what_is_undecided_is_shown_and_what_is_not_listed_is_counted() -> None:
    pages = [a_page("pkg:npm/[red]a", total=9, following="more"), a_page("pkg:npm/b", total=9)]
    answers = {UNDECIDED: lambda _: pages.pop(0) if pages else a_page("pkg:npm/[red]a", total=9)}
    with small_gateway(answers) as gateway:
        shown = ask(gateway, "undecided", "shop/web/1.0")
    assert shown.exit_code == 0, shown.output
    for words in ("pkg:npm/[red]a", "pkg:npm/b", example_of(UndecidedComponent).doubt.value, "7 more are not listed"):
        assert words in shown.output, words


def test_programs_get_all_that_is_listed() -> None:
    with small_gateway({UNDECIDED: a_page("pkg:npm/a", total=1)}) as gateway:
        told = json.loads(ask(gateway, "--json", "undecided", "shop/web/1.0").output)
        shown = ask(gateway, "undecided", "shop/web/1.0")
        unknown = ask(gateway, "undecided", "shop/web/2.0")
    assert ([one["component"] for one in told["undecided"]], told["total"]) == (["pkg:npm/a"], 1)
    assert "not listed" not in shown.output
    assert unknown.exit_code != 0


def test_a_rematch_is_asked_for_or_only_shown() -> None:
    last = example_of(Rematch).model_copy(update={"releases": 41, "differences": 2})
    asked = RematchState(last=last, under_way=last.model_copy(update={"finished_at": None}), requested=True)
    answers = {
        f"POST {REMATCH}": asked.model_dump(mode="json"),
        f"GET {REMATCH}": RematchState().model_dump(mode="json"),
    }
    with small_gateway(answers) as gateway:
        said = ask(gateway, "advisory", "rematch")
        shown = ask(gateway, "advisory", "rematch", "--show")
        told = json.loads(ask(gateway, "--json", "advisory", "rematch", "--show").output)
    assert (said.exit_code, shown.exit_code) == (0, 0), said.output
    for words in ("41 releases, 2 differences repaired", "under way: since", "another one begins"):
        assert words in said.output, words
    assert "last re-match: none yet" in shown.output
    assert "under way" not in shown.output
    assert told == {"last": None, "under_way": None, "requested": False}
    assert gateway.asked == [f"POST {REMATCH}", f"GET {REMATCH}", f"GET {REMATCH}"]
