"""Which gates stand before a version, and which ways do not exist."""

import pytest

from contracts.vocabulary import GateKind, PromotionKind
from services.promotion.domain.passages import Route, Stage, next_stage, route
from shared.errors import Conflict, Invalid, Rejection

ENTRY, EXIT, RELEASE = GateKind.ENTRY, GateKind.EXIT, GateKind.RELEASE
STAGES = (Stage("dev", (ENTRY,), release=False), Stage("qa", (), release=False), Stage("prod", (EXIT,), release=True))
PROMOTE, BACK = PromotionKind.PROMOTE, PromotionKind.ROLLBACK


def way(
    standing: str | None, kind: PromotionKind = PROMOTE, wanted: str | None = None, entered: tuple[str, ...] = ()
) -> Route:
    return route(STAGES, standing, frozenset(entered), kind, wanted)


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
    assert next_stage(STAGES, "prod") is None
    assert next_stage(STAGES, None) == STAGES[0]
