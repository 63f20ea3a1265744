"""The soak in small: `make soak` is the same with ten thousand promotions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.soak.__main__ import read_arguments
from tests.soak.history import History
from tests.soak.soak import Soaking, soak
from tests.support.traffic import lanes_of

PROMOTIONS = 60


@pytest.mark.servers
@pytest.mark.stack
async def test_promotions_survive_random_kills(tmp_path: Path) -> None:
    outcome = await soak(Soaking(tmp_path, promotions=PROMOTIONS, at_once=16, seed=11, kill_every=15))
    print(json.dumps(outcome.figures))  # noqa: T201 - the seed and the kills, where it fails
    assert outcome.problems == []
    assert sum(outcome.figures["ends"].values()) == PROMOTIONS
    assert sum(outcome.figures["kills"].values()) >= 2
    kept = list(History(tmp_path / "history.jsonl").lines())
    assert sum(line["what"] == "ended" for line in kept) == PROMOTIONS


def test_a_history_that_a_crash_tore_is_read_up_to_there(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    with history:
        history.note(what="version", key="shop/app-0/1.0")
    with history.path.open("a") as file:
        file.write('{"what": "rece')
    with history:
        history.note(what="kill", process="gate")
    assert [line["what"] for line in history.lines()] == ["version", "kill"]


def test_the_same_seed_gives_the_same_journeys_and_fewer_are_the_first_of_more() -> None:
    few, many = lanes_of(40, 4, seed=1), lanes_of(400, 4, seed=1)
    assert lanes_of(40, 4, seed=1) == few
    assert [lane[: len(short)] for lane, short in zip(many, few, strict=True)] == few
    assert lanes_of(400, 4, seed=2) != many
    assert {journey.sort for lane in many for journey in lane} == {"good", "late", "bad"}


def test_arguments_are_what_is_wanted(tmp_path: Path) -> None:
    wanted = read_arguments(["--promotions", "300", "--at-once", "8", "--seed", "4", "--folder", str(tmp_path)])
    assert (wanted.promotions, wanted.at_once, wanted.seed, wanted.kill_every) == (300, 8, 4, 50)
    assert wanted.folder == tmp_path
