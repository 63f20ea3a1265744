"""What lies before a version, whatever way it came."""

from typing import NamedTuple

import pytest

from contracts.vocabulary import GateKind, PromotionKind
from services.gate.domain.outlook import Station, outlook
from shared.way import way_of

PROMOTE, DEMOTE = PromotionKind.PROMOTE, PromotionKind.DEMOTE
RECERTIFY, ROLLBACK = PromotionKind.RECERTIFY, PromotionKind.ROLLBACK


class Step(NamedTuple):
    to_stage: str
    kind: PromotionKind = PROMOTE


def stations(*names: str, release: int = 1) -> list[Station]:
    return [Station(name=name, release=place >= len(names) - release) for place, name in enumerate(names)]


LINE, RINGS = stations("dev", "qa", "prod"), stations("dev", "qa", "eu", "us", release=2)
ON = [Step(name) for name in ("dev", "qa", "prod")]


@pytest.mark.parametrize(
    ("lifecycle", "steps", "expected"),
    [
        (LINE, [], "dev entry"),
        (LINE, ON[:1], "dev exit, qa entry"),
        (LINE, ON[:2], "qa exit, prod entry, prod release"),
        (LINE, ON, None),
        (LINE, [*ON[:2], Step("dev", ROLLBACK)], "qa exit, prod entry, prod release"),
        (LINE, [*ON[:2], Step("dev", RECERTIFY)], "qa exit, prod entry, prod release"),
        (LINE, [*ON, Step("dev", DEMOTE)], "dev exit, qa entry"),
        (LINE, [*ON, Step("dev", DEMOTE), Step("qa")], "qa exit, prod entry, prod release"),
        (LINE, [Step("elsewhere")], None),
        (RINGS, ON[:2], "qa exit, eu entry, eu release"),
        (RINGS, [*ON[:2], Step("us")], "qa exit, eu entry, eu release"),
        (RINGS, [*ON[:2], Step("eu")], "qa exit, us entry, us release"),
        (RINGS, [*ON[:2], Step("us"), Step("eu")], None),
        (RINGS, [*ON[:2], Step("us"), Step("qa", DEMOTE)], "qa exit, eu entry, eu release"),
        (stations("eu", "us", release=2), [Step("eu")], "us entry, us release"),
        ([], [], None),
    ],
)
def test_the_gates_on_the_way_to_the_next_stage(
    lifecycle: list[Station], steps: list[Step], expected: str | None
) -> None:
    before = outlook(lifecycle, way_of(steps))
    found = ", ".join(f"{one.stage} {one.gate}" for one in before.passages) if before else None
    assert found == expected
    if before:
        left: list[str | None] = [one.stage for one in before.passages if one.gate is GateKind.EXIT]
        assert [before.from_stage] == (left or [None])
