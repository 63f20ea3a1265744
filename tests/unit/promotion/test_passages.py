"""Which gates stand before a version, and which ways do not exist."""

import pytest

from contracts.vocabulary import GateKind, PromotionKind
from services.promotion.domain.passages import Route, Stage, Whereabouts, next_stages, route
from shared.errors import Conflict, Invalid, Rejection

ENTRY, EXIT, RELEASE = GateKind.ENTRY, GateKind.EXIT, GateKind.RELEASE
STAGES = (Stage("dev", (ENTRY,), release=False), Stage("qa", (), release=False), Stage("prod", (EXIT,), release=True))
PROMOTE, BACK = PromotionKind.PROMOTE, PromotionKind.ROLLBACK


def way(
    standing: str | None, kind: PromotionKind = PROMOTE, wanted: str | None = None, entered: tuple[str, ...] = ()
) -> Route:
    return route(STAGES, Whereabouts(standing, frozenset(entered)), kind, wanted)


def gates(found: Route) -> list[tuple[str, GateKind, bool]]:
    return [(gate.stage, gate.gate, gate.open) for gate in found.gates]


def test_the_first_stage_has_only_an_entry() -> None:
    found = way(None)
    assert (found.from_stage, found.to_stage, found.release) == (None, "dev", False)
    assert gates(found) == [("dev", ENTRY, True)]


def test_between_stages_the_way_leads_out_and_in() -> None:
    found = way("dev", wanted="qa")
    assert (found.from_stage, found.to_stage, found.release) == ("dev", "qa", False)
    assert gates(found) == [("dev", EXIT, False), ("qa", ENTRY, False)]


@pytest.mark.parametrize("kind", [PROMOTE, PromotionKind.RELEASE])
def test_into_the_last_stage_a_release_gate_stands_too(kind: PromotionKind) -> None:
    found = way("qa", kind)
    assert found.release
    assert gates(found) == [("qa", EXIT, False), ("prod", ENTRY, False), ("prod", RELEASE, False)]


def test_back_into_a_stage_leads_through_its_entry_and_out_of_nothing() -> None:
    found = way("prod", BACK, "qa", ("dev", "qa", "prod"))
    assert (found.from_stage, found.to_stage, found.release) == ("prod", "qa", False)
    assert gates(found) == [("qa", ENTRY, False)]


def test_a_rollback_goes_to_the_release_stage_unless_told_otherwise() -> None:
    found = way("prod", BACK, None, ("prod",))
    assert (found.to_stage, found.release) == ("prod", True)
    assert gates(found) == [("prod", ENTRY, False), ("prod", RELEASE, False)]


@pytest.mark.parametrize(
    ("standing", "kind", "wanted", "error", "code"),
    [
        ("prod", PROMOTE, None, Conflict, "promotion_nowhere_to_go"),
        ("removed", PROMOTE, None, Conflict, "promotion_nowhere_to_go"),
        (None, PROMOTE, "qa", Conflict, "promotion_skips_stage"),
        ("qa", PROMOTE, "dev", Conflict, "promotion_skips_stage"),
        ("qa", PROMOTE, "moon", Invalid, "stage_unknown"),
        ("dev", PromotionKind.RELEASE, None, Conflict, "release_too_early"),
        ("qa", BACK, "prod", Conflict, "rollback_to_stranger"),
    ],
)
def test_other_ways_do_not_exist(
    standing: str | None, kind: PromotionKind, wanted: str | None, error: type[Rejection], code: str
) -> None:
    with pytest.raises(error) as refused:
        way(standing, kind, wanted, ("dev", "qa"))
    assert refused.value.code == code
    assert refused.value.remedy


def test_nothing_follows_the_last_stage() -> None:
    assert next_stages(STAGES, Whereabouts("prod")) == ()
    assert next_stages(STAGES, Whereabouts(None)) == (STAGES[0],)


DEMOTE, RECERTIFY = PromotionKind.DEMOTE, PromotionKind.RECERTIFY
RINGS = (
    Stage("qa", (), release=False),
    Stage("canary", (), release=True),
    Stage("eu", (), release=True),
    Stage("us", (), release=True),
)


def ring(stage: str | None, *current: str, kind: PromotionKind = PROMOTE, to: str | None = None) -> Route:
    where = Whereabouts(stage, frozenset({"qa", *current}), frozenset(current))
    return route(RINGS, where, kind, to)


@pytest.mark.parametrize(("stage", "current"), [("qa", ()), ("canary", ("canary",)), ("us", ("canary", "us"))])
def test_release_stages_are_parallel_and_entered_from_the_last_stage_before_them(
    stage: str, current: tuple[str, ...]
) -> None:
    found = ring(stage, *current, to="eu")
    assert (found.from_stage, found.to_stage, found.release) == ("qa", "eu", True)
    assert gates(found) == [("qa", EXIT, False), ("eu", ENTRY, False), ("eu", RELEASE, False)]


def test_which_release_stage_has_to_be_said_while_there_are_several() -> None:
    with pytest.raises(Invalid) as refused:
        ring("qa")
    assert refused.value.code == "stage_ambiguous"
    assert "canary, eu, us" in refused.value.message
    assert ring("us", "canary", "us").to_stage == "eu", "the only one left"
    with pytest.raises(Conflict) as nowhere:
        ring("us", "canary", "eu", "us")
    assert nowhere.value.code == "promotion_nowhere_to_go"
    with pytest.raises(Invalid) as which:
        ring("us", "us", kind=BACK)
    assert which.value.code == "stage_ambiguous"


def test_a_lifecycle_of_release_stages_alone_is_entered_from_nowhere() -> None:
    found = route(RINGS[1:], Whereabouts(None), PROMOTE, "eu")
    assert (found.from_stage, gates(found)) == (None, [("eu", ENTRY, False), ("eu", RELEASE, False)])


def test_a_demotion_leads_through_the_entry_of_an_earlier_stage() -> None:
    found = way("prod", DEMOTE, None, ("dev", "qa", "prod"))
    assert (found.from_stage, found.to_stage, found.release) == ("prod", "qa", False)
    assert gates(found) == [("qa", ENTRY, False)]
    assert way("prod", DEMOTE, "dev", ("dev", "qa", "prod")).to_stage == "dev"
    assert ring("us", "eu", "us", kind=DEMOTE).to_stage == "qa", "parallel stages are not before each other"
    for stage, wanted in (("dev", None), ("qa", "prod"), ("qa", "qa")):
        with pytest.raises(Conflict) as refused:
            way(stage, DEMOTE, wanted, ("dev", "qa"))
        assert refused.value.code == "demotion_nowhere_to_go"
    with pytest.raises(Conflict) as nowhere:
        way(None, DEMOTE)
    assert nowhere.value.code == "demotion_from_nowhere"


def test_a_recertification_passes_the_gates_of_where_it_stands() -> None:
    found = way("prod", RECERTIFY, None, ("dev", "qa", "prod"))
    assert (found.from_stage, found.to_stage) == ("prod", "prod")
    assert gates(found) == [("prod", ENTRY, False), ("prod", RELEASE, False)]
    assert gates(way("prod", RECERTIFY, "qa", ("dev", "qa", "prod"))) == [("qa", ENTRY, False)]
    with pytest.raises(Conflict) as stranger:
        way("qa", RECERTIFY, "prod", ("dev", "qa"))
    assert stranger.value.code == "recertification_of_stranger"


def test_what_is_quarantined_in_a_stage_is_certified_there_before_it_enters() -> None:
    quarantined = frozenset({"prod"})
    there = Whereabouts("prod", frozenset({"dev", "qa", "prod"}), quarantined_in=quarantined)
    for where, kind in (
        (there, BACK),
        (Whereabouts("qa", frozenset({"dev", "qa"}), frozenset(), quarantined), PROMOTE),
    ):
        with pytest.raises(Conflict) as refused:
            route(STAGES, where, kind, "prod")
        assert refused.value.code == "version_quarantined"
    assert route(STAGES, there, RECERTIFY, "prod").to_stage == "prod"


def test_what_is_current_is_not_rolled_back_to() -> None:
    with pytest.raises(Conflict) as refused:
        route(STAGES, Whereabouts("prod", frozenset({"prod"}), frozenset({"prod"})), BACK, "prod")
    assert refused.value.code == "rollback_to_current"
