"""Moves of every kind in a bundle: they follow one another, and rest on no passage that was withdrawn."""

from typing import Any

import pytest

from contracts.promotion.v1.events import PromotionEnded
from contracts.vocabulary import PromotionState
from services.cli.verifier.verify import Check, verify_bundle
from services.evidence.domain.log import EntryKind
from shared.trust.statement import Subject
from tests.support.bundles import Story, packed

MOVES, SIGNED = "every move was allowed", "the evidence is signed and logged"
OTHER = "sha256:" + "0" * 64
Move = tuple[str, str | None, str]
ON: list[Move] = [("promote", None, "dev"), ("promote", "dev", "lab"), ("release", "lab", "prod")]
RINGS: list[Move] = [*ON[:2], ("release", "lab", "eu"), ("release", "lab", "us")]


def story_of(*moves: Move, **last: Any) -> Story:
    story = Story()
    story.policy()
    for number, (kind, from_stage, to_stage) in enumerate(moves):
        release = to_stage in {"prod", "eu", "us"}
        onward = kind in {"promote", "release"}
        gates = [(from_stage, "exit")] * (onward and from_stage is not None) + [(to_stage, "entry")]
        gates += [(to_stage, "release")] * release
        passages = [{"stage": stage, "gate": gate, "open": True} for stage, gate in gates]
        verdict = story.judged(f"pr-{number}", passages)
        lies = last if number == len(moves) - 1 else {}
        story.moved(verdict, from_stage, to_stage, **{"kind": kind, "release": release} | lies)
    return story


def checked(story: Story) -> Check:
    """The last check of the bundle, or the first that failed."""
    return verify_bundle(packed(story.write(earlier=1))).checks[-1]


@pytest.mark.parametrize(
    "moves",
    [
        ON,
        [*ON, ("rollback", "prod", "prod")],
        [*ON, ("rollback", "prod", "lab"), ("rollback", "prod", "dev"), ("recertify", "prod", "prod")],
        [*ON, ("demote", "prod", "dev"), ("promote", "dev", "lab"), ("release", "lab", "prod")],
        [*ON, ("recertify", "lab", "lab"), ("demote", "prod", "lab"), ("release", "lab", "prod")],
        RINGS,
        [
            *RINGS,
            ("recertify", "eu", "eu"),
            ("demote", "us", "lab"),
            ("release", "lab", "us"),
            ("release", "lab", "eu"),
        ],
        [("release", None, "eu"), ("release", None, "us")],
    ],
)
def test_moves_that_follow_one_another_verify(moves: list[Move]) -> None:
    last = checked(story_of(*moves))
    assert (last.passed, last.name) == (True, "nothing is left over"), last.detail


@pytest.mark.parametrize(
    "moves",
    [
        [*ON, ("release", "lab", "prod")],
        [*ON, ("promote", "dev", "lab")],
        [*ON[:2], ("rollback", "lab", "prod")],
        [*ON, ("rollback", "lab", "prod")],
        [*ON, ("demote", "lab", "dev")],
        [*ON, ("demote", "prod", "prod")],
        [*ON[:2], ("demote", "lab", "prod")],
        [*ON, ("recertify", "lab", "prod")],
        [*ON[:2], ("recertify", "prod", "prod")],
        [*ON, ("demote", "prod", "dev"), ("release", "lab", "prod")],
        [*ON, ("demote", "prod", "dev"), ("rollback", "dev", "prod")],
        [*ON, ("demote", "prod", "dev"), ("recertify", "prod", "prod")],
        [*RINGS, ("release", "lab", "us")],
        [*RINGS[:3], ("release", "eu", "us"), ("demote", "eu", "lab")],
        [*RINGS[:3], ("release", "dev", "us")],
        [*RINGS[:3], ("release", None, "us")],
    ],
)
def test_a_move_that_begins_elsewhere_is_named(moves: list[Move]) -> None:
    last = checked(story_of(*moves))
    assert (last.passed, last.name) == (False, MOVES)
    assert "does not begin where the one before ended" in last.detail


@pytest.mark.parametrize("attested_kind", ["promote", "recertify"])
def test_a_summary_says_whether_the_version_was_taken_back_or_certified_again(attested_kind: str) -> None:
    last = checked(story_of(*ON, ("demote", "prod", "lab"), attested_kind=attested_kind))
    assert (last.passed, last.name) == (False, MOVES)
    assert "its passage does not say what its verdict says" in last.detail


def failed(story: Story) -> Story:
    """The last promotion of the story was given up after its passage was attested."""
    verdict = story.judged("pr-failed", [{"stage": "dev", "gate": "exit", "open": True}, LAB_ENTRY])
    story.moved(verdict, "dev", "lab", withdrawn={}, never_moved=True)
    said = {"kind": "promote", "to_stage": "lab", "state": PromotionState.FAILED, "because": "the stage was taken"}
    story.ended(EntryKind.REFUSAL, PromotionEnded, verdict, **said)
    return story


LAB_ENTRY = {"stage": "lab", "gate": "entry", "open": True}


def test_a_withdrawn_passage_is_in_the_bundle_and_no_proof_of_a_move() -> None:
    report = verify_bundle(packed(failed(story_of(*ON[:1])).write(earlier=1)))
    assert report.passed, report.checks[-1].detail
    [moves] = [check for check in report.checks if check.name == MOVES]
    assert moves.detail == "1 moves were allowed, attested and logged; 1 passages were withdrawn"

    last = checked(story_of(*ON[:2], withdrawn={}))
    assert (last.passed, last.name) == (False, MOVES)
    assert "its passage was withdrawn" in last.detail


@pytest.mark.parametrize(
    "lie",
    [
        {"passage_digest": OTHER},
        {"promotion_id": "pr-0"},
        {"attempt": 2},
        {"logged_as": "pr-0|1"},
        {"logged_as": "pr-9|1"},
    ],
)
def test_a_withdrawal_takes_back_the_passage_of_its_attempt_and_no_other(lie: dict[str, Any]) -> None:
    last = checked(story_of(*ON[:2], withdrawn=lie))
    assert (last.passed, last.name) == (False, SIGNED)
    assert "takes back no passage that is in the bundle" in last.detail


@pytest.mark.parametrize("promotion", ["pr-0", "pr-9"])
def test_a_withdrawal_of_what_was_never_attested_is_refused(promotion: str) -> None:
    story = story_of(*ON[:1])
    story.withdraw(promotion, OTHER)
    last = checked(story)
    assert (last.passed, last.name) == (False, SIGNED)
    assert "takes back no passage" in last.detail


def test_a_withdrawal_is_about_this_version() -> None:
    last = checked(story_of(*ON[:2], withdrawn={"subject": Subject(OTHER)}))
    assert (last.passed, last.name) == (False, SIGNED)
    assert "is about something else" in last.detail
