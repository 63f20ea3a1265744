from __future__ import annotations

from contracts.vocabulary import Doubt
from services.monitoring.domain.doubts import KEPT, Doubts, doubts_among
from services.monitoring.domain.matching import Undecided


def doubt(component: str, advisory: str = "A") -> Undecided:
    return Undecided(advisory_id=advisory, component=component, doubt=Doubt.VERSION_MISSING)


def test_answers_of_an_advisory_replace_its_earlier_ones() -> None:
    before = doubts_among([doubt("b"), doubt("a"), doubt("a", "B")])
    assert [one.key for one in before.kept] == ["a|A", "a|B", "b|A"]
    after = before.revised({"A"}, [doubt("c"), doubt("d", "other")])
    assert ([one.key for one in after.kept], after.total) == (["a|B", "c|A"], 2)
    assert after.revised({"A", "B"}, ()) == Doubts()


def test_only_so_many_are_kept_and_all_are_counted() -> None:
    many = doubts_among(doubt(f"{number:04}") for number in range(KEPT + 20))
    assert (len(many.kept), many.total) == (KEPT, KEPT + 20)
    more = many.revised({"B"}, [doubt("0000", "B")])
    assert (len(more.kept), more.total) == (KEPT, KEPT + 21)
    assert more.kept[1].advisory_id == "B"
