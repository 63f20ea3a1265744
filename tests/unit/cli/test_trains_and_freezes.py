"""Trains, freezes, broken glass and the ways back at the command line: what is sent, said, and ends it."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.promotion.v1.freezes import ApplyFreeze, FreezeView
from contracts.vocabulary import PromotionState
from deploy.examples import example_of
from services.cli.main import app
from services.cli.output import console, out
from tests.support.small_gateway import SmallGateway, small_gateway
from tests.unit.cli.waiting_promotions import NOW, a_finding, a_promotion

S = PromotionState
TRAIN = "/projects/shop/trains/tr-1"
FREEZE = """\
apiVersion: hallmark/v1
kind: Freeze
metadata: {project: shop, name: year-end}
spec:
  reason: The accounts are closed.
  stages: [prod]
  windows:
    - {startsAt: 2026-12-20T00:00:00+01:00, endsAt: 2027-01-02T00:00:00+01:00}
  recurring:
    - {rule: FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0, lasts: 12h, timeZone: Europe/Berlin}
"""


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    console.width = 200
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *words: object) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [str(one) for one in words])


def a_train(*states: S, **more: Any) -> dict[str, Any]:
    members = [
        a_promotion(state, "asked", promotion_id=f"pr-{place}", application=f"app{place}", train_id="tr-1", **more)
        for place, state in enumerate(states)
    ]
    return {"train_id": "tr-1", "project": "shop", "promotions": [one.model_dump(mode="json") for one in members]}


def test_a_train_names_its_members_once_and_shows_each() -> None:
    with small_gateway({"POST /projects/shop/trains": a_train(S.CHECKING, S.CHECKING)}) as gateway:
        result = ask(gateway, "train", "start", "shop/web/1.0", "shop/api/2.0", "--to", "qa", "-m", "Together.")
    assert result.exit_code == 0, result.output
    assert gateway.sent["POST /projects/shop/trains"] == {
        "members": [{"application": "web", "version": "1.0"}, {"application": "api", "version": "2.0"}],
        "kind": "promote",
        "to_stage": "qa",
        "reason": "Together.",
        "patience_seconds": 86_400,
    }
    assert "tr-1" in result.output
    assert "app0/1.0" in result.output
    assert "app1/1.0" in result.output


def test_a_train_through_two_projects_is_refused_here() -> None:
    with small_gateway({}) as gateway:
        result = ask(gateway, "train", "start", "shop/web/1.0", "bank/api/2.0")
    assert getattr(result.exception, "code", "") == "train_of_several_projects"
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((S.COMPLETED, S.COMPLETED), 0),
        ((S.CANCELLED, S.DENIED), 3),
        ((S.EXPIRED, S.CANCELLED), 4),
        ((S.FAILED, S.CANCELLED), 5),
    ],
)
def test_whoever_waits_for_a_train_learns_what_stopped_it(states: tuple[S, ...], code: int) -> None:
    stopped = a_train(*states, findings=(a_finding(),))
    with small_gateway({f"GET {TRAIN}": stopped}) as gateway:
        result = ask(gateway, "train", "show", "tr-1", "-p", "shop", "--wait")
    assert result.exit_code == code, result.output
    assert "app0/1.0" in result.output
    assert ("prod/two-people" in result.output) == (code != 0)


def a_freeze(**more: Any) -> dict[str, Any]:
    known = {"freeze": "year-end", "active_until": None, "next_from": NOW, "reason": "Closed.", "stages": ("prod",)}
    return FreezeView.model_validate({**example_of(FreezeView).model_dump(), **known, **more}).model_dump(mode="json")


def test_freezes_say_whether_they_hold_now() -> None:
    freezes = {"freezes": [a_freeze(), a_freeze(freeze="night", active_until=NOW)]}
    with small_gateway({"GET /projects/shop/freezes": freezes}) as gateway:
        listed = ask(gateway, "freeze", "list", "-p", "shop").output
        shown = ask(gateway, "freeze", "show", "night", "-p", "shop").output
        unknown = ask(gateway, "freeze", "show", "nix", "-p", "shop").exception
    [year_end, night] = listed.splitlines()[1:]
    assert "open" in year_end
    assert "frozen until 2026-06-01 12:00:00 UTC" in night
    assert "frozen until 2026-06-01 12:00:00 UTC" in shown
    assert getattr(unknown, "remedy", "") == "There are: year-end, night."


def test_a_freeze_is_a_document(tmp_path: Path) -> None:
    file = tmp_path / "freeze.yaml"
    file.write_text(FREEZE, encoding="utf-8")
    path = "/projects/shop/freezes/year-end"
    applied = {"kind": "Freeze", "name": "year-end", "change": "created", "revision": 1, "digest": "sha256:1"}
    with small_gateway(
        {f"PUT {path}": applied, "GET /projects/shop/freezes": {"freezes": [a_freeze(freeze="other")]}}
    ) as gateway:
        assert ask(gateway, "diff", "-f", file).exit_code == 3
        result = ask(gateway, "apply", "-f", file)
    assert result.exit_code == 0, result.output
    sent = {"command_id": "c", "project": "shop", "freeze": "year-end", **gateway.sent[f"PUT {path}"]}
    freeze = ApplyFreeze.model_validate(sent)
    assert freeze.windows[0].ends_at.isoformat() == "2027-01-01T23:00:00+00:00"
    assert (freeze.recurring[0].time_zone, freeze.recurring[0].lasts) == ("Europe/Berlin", "12h")
    there = a_freeze(**freeze.model_dump(exclude={"command_id"}))
    with small_gateway({"GET /projects/shop/freezes": {"freezes": [there]}}) as gateway:
        same = ask(gateway, "diff", "-f", file)
    assert (same.exit_code, "nothing would change" in same.output) == (0, True), same.output


def test_glass_is_broken_with_a_reason() -> None:
    path = "/projects/shop/promotions/pr-1/break-glass"
    with small_gateway({f"POST {path}": a_promotion().model_dump(mode="json")}) as gateway:
        assert ask(gateway, "promotion", "break-glass", "pr-1", "-p", "shop").exit_code == 2
        assert ask(gateway, "promotion", "break-glass", "pr-1", "-p", "shop", "-m", "It is down.").exit_code == 0
    assert gateway.sent[f"POST {path}"] == {"reason": "It is down."}


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("demote", "-m", "Too slow."), {"kind": "demote", "reason": "Too slow."}),
        (("demote", "-m", "Too slow.", "--to", "qa"), {"kind": "demote", "to_stage": "qa"}),
        (("recertify",), {"kind": "recertify", "reason": ""}),
        (("recertify", "--stage", "prod"), {"kind": "recertify", "to_stage": "prod"}),
        (("rollback", "-m", "Broken."), {"kind": "rollback", "reason": "Broken."}),
        (("release", "--to", "eu"), {"kind": "release", "to_stage": "eu"}),
    ],
)
def test_each_way_of_moving_is_a_request_of_its_kind(words: tuple[str, ...], sent: dict[str, str]) -> None:
    operation = "POST /projects/shop/promotions"
    with small_gateway({operation: a_promotion().model_dump(mode="json")}) as gateway:
        result = ask(gateway, words[0], "shop/web/1.0", *words[1:])
    assert result.exit_code == 0, result.output
    assert sent.items() <= gateway.sent[operation].items()
    assert ("to_stage" in gateway.sent[operation]) == ("to_stage" in sent)


@pytest.mark.parametrize("command", ["demote", "rollback"])
def test_the_ways_back_need_a_reason(command: str) -> None:
    with small_gateway({}) as gateway:
        assert ask(gateway, command, "shop/web/1.0").exit_code == 2
    assert gateway.asked == []
