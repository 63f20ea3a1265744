"""When a version may move, and what is so afterwards."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.vocabulary import PromotionKind, ReleaseStatus
from services.registry.domain.lifecycle import check_change
from services.registry.domain.moving import WantedMove
from shared.digests import sha256_digest
from shared.errors import Conflict
from tests.unit.registry.moves import DEMOTE, LINE, NOW, RECERTIFY, RINGS, ROLLBACK, Board, a_move, lifecycle

PRE_RELEASE, RELEASED, TRUSTED = ReleaseStatus.PRE_RELEASE, ReleaseStatus.RELEASED, ReleaseStatus.TRUSTED_RELEASE


def refused(board: Board, name: str, wanted: WantedMove) -> str:
    before = (dict(board.versions), dict(board.standings))
    with pytest.raises(Conflict) as refusal:
        board.ask(name, wanted)
    assert (board.versions, board.standings) == before
    assert refusal.value.message
    return refusal.value.code


def test_a_version_goes_stage_by_stage_and_is_trusted_in_the_last() -> None:
    board = Board()
    seen = [board.walk("1.0", stage).release_status for stage in LINE.names]
    assert seen == [PRE_RELEASE, PRE_RELEASE, TRUSTED]
    released = board.version()
    assert (released.stage, released.held) == ("prod", ("dev", "qa", "prod"))
    assert [(move.from_stage, move.to_stage) for move in released.history] == [
        (None, "dev"),
        ("dev", "qa"),
        ("qa", "prod"),
    ]


@pytest.mark.parametrize(
    ("stages", "wanted", "code"),
    [
        ("", a_move(None, "qa"), "stage_skipped"),
        ("", a_move(None, "elsewhere"), "stage_skipped"),
        ("", a_move("dev", "qa"), "version_elsewhere"),
        ("dev qa", a_move("dev", "qa"), "version_elsewhere"),
        ("dev", a_move("dev", "prod"), "stage_skipped"),
        ("dev qa", a_move("qa", "dev"), "stage_skipped"),
        ("dev qa prod", a_move("prod", "prod"), "stage_skipped"),
        ("dev qa prod", a_move("qa", "prod"), "version_elsewhere"),
        ("", replace(a_move(None, "dev"), version_digest=sha256_digest(b"other")), "move_digest_differs"),
        ("", replace(a_move(None, "dev"), verdict_expires_at=NOW - timedelta(seconds=1)), "verdict_expired"),
        ("dev qa", a_move("qa", "prod", ROLLBACK), "rollback_to_stranger"),
        ("dev qa prod", a_move("prod", "prod", ROLLBACK), "rollback_to_current"),
        ("", a_move(None, "dev", DEMOTE), "version_elsewhere"),
        ("dev qa", a_move("prod", "dev", DEMOTE), "version_elsewhere"),
        ("dev qa", a_move("qa", "qa", DEMOTE), "demotion_not_back"),
        ("dev qa", a_move("qa", "prod", DEMOTE), "demotion_not_back"),
        ("dev qa", a_move("qa", "elsewhere", DEMOTE), "demotion_not_back"),
        ("dev qa", a_move("dev", "qa", RECERTIFY), "recertify_moves"),
        ("dev qa", a_move("prod", "prod", RECERTIFY), "recertify_to_stranger"),
    ],
)
def test_every_other_move_is_refused(stages: str, wanted: WantedMove, code: str) -> None:
    board = Board()
    board.walk("1.0", *stages.split())
    assert refused(board, "1.0", wanted) == code


def test_release_stages_are_entered_from_the_stage_before_them_in_any_order() -> None:
    board = Board(RINGS)
    board.walk("1.0", "dev", "qa", "us", "asia", "eu")
    version = board.version()
    assert [move.from_stage for move in version.history[2:]] == ["qa"] * 3
    assert (version.stage, version.release_status) == ("eu", TRUSTED)
    assert [board.standing(stage).current for stage in RINGS.names] == ["1.0"] * 5
    # Each of them once: what stands there already does not stand before it.
    assert refused(board, "1.0", a_move("qa", "us")) == "version_elsewhere"
    assert refused(board, "1.0", a_move("eu", "us")) == "stage_skipped"


def test_a_lifecycle_of_release_stages_alone_is_entered_from_nowhere() -> None:
    board = Board(lifecycle("eu", "us", release=("eu", "us")))
    assert board.walk("1.0", "us", "eu").held == ("us", "eu")
    assert board.version().release_status is TRUSTED


def test_a_stage_that_was_put_before_the_release_stages_is_not_skipped_by_who_has_released() -> None:
    board = Board(RINGS)
    board.walk("1.0", "dev", "qa", "eu")
    board.lifecycle = lifecycle("dev", "qa", "canary", "eu", "us", release=("eu", "us"))
    check_change(RINGS, board.lifecycle, {"dev", "qa", "eu"})
    assert refused(board, "1.0", a_move("canary", "us")) == "version_elsewhere"


def test_a_rollback_brings_a_good_version_back_erases_nothing_and_quarantines_what_it_replaces() -> None:
    board = Board()
    for name in ("1.0", "2.0", "3.0"):
        board.walk(name, *LINE.names)
    assert board.pointers("prod") == ("3.0", "2.0", [])
    before = board.version("2.0").history
    made = board.go("2.0", "prod", ROLLBACK, reason="3.0 loses orders")
    assert (made.replaced, board.version("2.0").history) == ("3.0", (*before, made))
    assert board.pointers("prod") == ("2.0", "1.0", ["3.0"])
    [kept_out] = board.standing("prod").quarantined
    assert (kept_out.promotion_id, kept_out.reason) == (made.promotion_id, "3.0 loses orders")
    # Elsewhere nothing was said against it.
    assert board.pointers("qa") == ("3.0", "2.0", [])
    # Any earlier good version will do, and is not where the last one would have gone.
    board.go("1.0", "prod", ROLLBACK)
    assert board.pointers("prod") == ("1.0", None, ["2.0", "3.0"])
    for name in ("2.0", "3.0"):
        assert refused(board, name, a_move("prod", "prod", ROLLBACK)) == "version_quarantined"
    board.walk("4.0", *LINE.names)
    assert board.pointers("prod") == ("4.0", "1.0", ["2.0", "3.0"])


def test_a_quarantined_version_cannot_come_back_by_a_demotion_and_a_promotion() -> None:
    board = Board()
    for name in ("1.0", "2.0"):
        board.walk(name, *LINE.names)
    board.go("1.0", "prod", ROLLBACK)
    board.go("2.0", "qa", DEMOTE)
    assert board.pointers("prod") == ("1.0", None, ["2.0"])
    assert refused(board, "2.0", a_move("qa", "prod")) == "version_quarantined"
    assert refused(board, "2.0", a_move("prod", "prod", RECERTIFY)) == "recertify_after_demotion"


def test_a_certification_in_the_stage_ends_the_quarantine_and_nothing_else_does() -> None:
    board = Board()
    for name in ("1.0", "2.0"):
        board.walk(name, *LINE.names)
    board.go("1.0", "prod", ROLLBACK)
    board.go("2.0", "qa", RECERTIFY)
    assert board.pointers("prod") == ("1.0", None, ["2.0"])
    assert refused(board, "2.0", a_move("prod", "prod", ROLLBACK)) == "version_quarantined"
    board.go("2.0", "prod", RECERTIFY)
    assert board.pointers("prod") == ("1.0", "2.0", []), "it moves nothing"
    board.go("2.0", "prod", ROLLBACK)
    assert board.pointers("prod") == ("2.0", None, ["1.0"])


def test_a_demotion_into_a_stage_where_it_is_quarantined_is_refused() -> None:
    board = Board()
    for name in ("1.0", "2.0"):
        board.walk(name, "dev", "qa")
    board.go("1.0", "dev", ROLLBACK)
    assert refused(board, "2.0", a_move("qa", "dev", DEMOTE)) == "version_quarantined"


def test_a_demotion_takes_it_out_of_every_stage_since_and_on_again_only_one_by_one() -> None:
    board = Board()
    for name in ("1.0", "2.0"):
        board.walk(name, *LINE.names)
    made = board.go("2.0", "dev", DEMOTE, reason="it was too early")
    version = board.version("2.0")
    assert (made.left, made.replaced) == (("qa", "prod"), None)
    assert (version.stage, version.held, version.release_status) == ("dev", ("dev",), PRE_RELEASE)
    assert [board.pointers(stage) for stage in LINE.names] == [
        ("2.0", "1.0", []),
        (None, "1.0", []),
        (None, "1.0", []),
    ]
    # Abuse case 43: it has been in production, and may not jump back there.
    assert refused(board, "2.0", a_move("dev", "prod")) == "stage_skipped"
    assert refused(board, "2.0", a_move("dev", "prod", ROLLBACK)) == "rollback_after_demotion"
    assert refused(board, "2.0", a_move("dev", "prod", DEMOTE)) == "demotion_not_back"
    assert refused(board, "2.0", a_move("prod", "prod", RECERTIFY)) == "recertify_after_demotion"
    assert board.walk("2.0", "qa", "prod").release_status is TRUSTED


def test_a_demotion_replaces_whoever_has_come_after_it() -> None:
    board = Board()
    board.walk("1.0", *LINE.names)
    board.walk("2.0", "dev", "qa")
    assert board.go("1.0", "qa", DEMOTE).replaced == "2.0"
    assert board.pointers("qa") == ("1.0", "2.0", []), "it is no rollback: nothing is said against 2.0"


def test_a_demotion_leaves_no_release_stage_and_goes_into_none() -> None:
    board = Board(RINGS)
    board.walk("1.0", "dev", "qa", "eu", "us")
    assert refused(board, "1.0", a_move("us", "eu", DEMOTE)) == "demotion_not_back"
    assert board.go("1.0", "qa", DEMOTE).left == ("eu", "us")
    assert [board.standing(stage).current for stage in ("eu", "us")] == [None, None]
    assert board.walk("1.0", "us").held == ("dev", "qa", "us")


def test_a_certification_in_place_moves_nothing_and_judges_the_release_anew() -> None:
    board = Board()
    board.walk("1.0", *LINE.names)
    for name in ("1.1", "1.2"):
        board.walk(name, "dev")
    before = [board.pointers(stage) for stage in LINE.names]
    board.go("1.0", "qa", RECERTIFY)
    assert board.version().release_status is TRUSTED, "qa is no release stage"
    for trusted, status in ((False, RELEASED), (True, TRUSTED)):
        board.go("1.0", "prod", RECERTIFY, trusted=trusted)
        assert board.version().release_status is status
    # The newest certification does not make it stand elsewhere, nor current where another one is.
    board.go("1.0", "dev", RECERTIFY)
    assert (board.version().stage, len(board.version().history)) == ("prod", 7)
    assert [board.pointers(stage) for stage in LINE.names] == before


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("then", [True, False])
def test_the_newest_passage_through_the_release_gate_decides_whether_it_is_trusted(first: bool, then: bool) -> None:
    board = Board()
    board.walk("1.0", "dev", "qa")
    board.go("1.0", "prod", trusted=first, waivers=("wv-1",))
    assert board.version().history[-1].waivers == ("wv-1",)
    board.walk("2.0", *LINE.names)
    board.go("1.0", "prod", ROLLBACK, trusted=then)
    assert board.version().release_status is (TRUSTED if then else RELEASED)
    # Back into an earlier stage it passes no release gate.
    board.go("1.0", "qa", ROLLBACK, trusted=not then)
    assert board.version().release_status is (TRUSTED if then else RELEASED)


def test_before_the_release_stages_nothing_is_released_whatever_the_verdict_says_of_trust() -> None:
    board = Board()
    assert board.ask("1.0", a_move(None, "dev", trusted=False)).trusted is False
    assert board.version().release_status is PRE_RELEASE


def test_a_version_that_became_current_before_stays_were_kept_is_good_when_it_is_replaced() -> None:
    board = Board()
    for name in ("1.0", "2.0"):
        board.walk(name, *LINE.names)
    board.standings["prod"] = replace(board.standing("prod"), places=0, stays={})
    board.walk("3.0", *LINE.names)
    assert board.pointers("prod") == ("3.0", "2.0", [])


def test_a_release_goes_on_as_a_promotion_does() -> None:
    board = Board()
    board.walk("1.0", "dev", "qa")
    board.go("1.0", "prod", PromotionKind.RELEASE)
    assert (board.version().stage, board.version().release_status) == ("prod", TRUSTED)
