"""Which flaws VEX takes away: by whom, about what, until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from contracts.facts import VexProduct, VexStatement
from contracts.vocabulary import Severity, Trust
from services.monitoring.domain.causes import VulnerabilityCause
from services.monitoring.domain.matching import Match
from services.monitoring.domain.trust import TrustState, rejudged, released
from services.monitoring.domain.vex import (
    Excused,
    VexItem,
    counting_only,
    excuse_for,
    split,
    with_excused,
)
from services.monitoring.domain.vex_places import VersionParts, places
from shared.digests import sha256_digest

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIB, APP, OTHER = "pkg:pypi/lib@1.5", "pkg:pypi/shop@1.0", "pkg:pypi/tool@1.0"


def digest(name: str) -> str:
    return sha256_digest(name.encode())


WHOLE, IMAGE, TOOL, INNER = map(digest, ("whole", "image", "tool", "inner"))
VERSIONS = (
    VersionParts(WHOLE, (IMAGE, INNER), {IMAGE: APP}),
    VersionParts(INNER, (TOOL,), {TOOL: OTHER}),
)
IN_IMAGE = places(VERSIONS, {LIB: [IMAGE]}, WHOLE)
FLAW = Match(advisory_id="GHSA-1", aliases=("CVE-2026-1",), component=LIB, severity=Severity.HIGH, fixed_in="2.0")


def statement(status: Any = "not_affected", name: str = "CVE-2026-1", **more: Any) -> VexStatement:
    why = {"justification": "vulnerable_code_not_present"} if status == "not_affected" else {}
    return VexStatement.model_validate({"vulnerability": name, "status": status} | why | more)


def vex(*statements: VexStatement, day: int = 0, author: str = "ann", **more: Any) -> VexItem:
    at = NOW + day * DAY
    item = VexItem(
        f"ev-{author}-{day}",
        (IMAGE,),
        at,
        at,
        author,
        ("vex-root",),
        ("vex-root (security)",),
        believed=True,
        statements=statements,
    )
    return replace(item, **more)


def excused(*known: VexItem, flaw: Match = FLAW, where: Any = None) -> bool:
    """Whether they excuse it, in whatever order they are known."""
    answers = {excuse_for(flaw, (where or IN_IMAGE)[LIB], order) is not None for order in permutations(known)}
    (answer,) = answers
    return answer


@pytest.mark.parametrize(
    ("one", "is_excused"),
    [
        (statement(), True),
        (statement(justification=None, impact="Only reached in tests."), True),
        (statement(justification=None), False),
        (statement("fixed"), True),
        (statement("affected"), False),
        (statement("under_investigation"), False),
        (statement(name="ghsa-1"), True),
        (statement(name="X-1", aliases=("cve-2026-1",)), True),
        (statement(name="CVE-2026-2"), False),
        (statement(products=(VexProduct(id=LIB),)), True),
        (statement(products=(VexProduct(id="pkg:pypi/lib"),)), True),
        (statement(products=(VexProduct(id="pkg:pypi/lib@1.4"),)), False),
        (statement(products=(VexProduct(id=APP),)), True),
        (statement(products=(VexProduct(id=APP, subcomponents=(LIB,)),)), True),
        (statement(products=(VexProduct(id=APP, subcomponents=("pkg:pypi/fine@1",)),)), False),
        (statement(products=(VexProduct(id="shop", digests=(IMAGE,)),)), True),
        (statement(products=(VexProduct(id="shop", digests=(WHOLE,)),)), True),
        (statement(products=(VexProduct(id="shop", digests=(TOOL,)),)), False),
        (statement(products=(VexProduct(id="the shop"),)), False),
    ],
)
def test_what_takes_a_flaw_away(one: VexStatement, is_excused: bool) -> None:
    assert excused(vex(one)) is is_excused


def test_the_newest_statement_of_an_author_holds() -> None:
    assert excused(vex(statement("affected")), vex(statement(), day=1))
    assert not excused(vex(statement()), vex(statement("affected"), day=1))
    assert not excused(vex(statement()), vex(statement("under_investigation", name="GHSA-1"), day=1))
    assert not excused(vex(statement(), statement("affected")))
    # A time in the document that its evidence does not claim is not believed.
    assert not excused(vex(statement(made_at=NOW + 9 * DAY)), vex(statement("affected"), day=1))
    assert not excused(vex(statement(made_at=NOW - DAY), day=5), vex(statement("affected")))


def test_of_two_authors_the_one_that_does_not_excuse_holds() -> None:
    bob = vex(statement("affected"), author="bob")
    assert not excused(bob, vex(statement(), day=1))
    assert excused(bob, vex(statement(), day=1), vex(statement("fixed"), day=2, author="bob"))
    # Nobody speaks in another's name: who vouches for the document is part of who says it.
    assert not excused(bob, vex(statement("fixed"), day=2, author="bob", roots=("other",)))


def test_who_is_distrusted_excuses_nothing_and_still_tells_against() -> None:
    assert not excused(vex(statement(), believed=False))
    assert not excused(vex(statement()), vex(statement(), day=1, believed=False))
    assert not excused(vex(statement(), author="bob"), vex(statement("affected"), believed=False))
    assert excused(vex(statement(), author="bob"), vex(statement(), believed=False))


def test_what_cannot_be_read_may_take_everything_older_back() -> None:
    assert not excused(vex(statement()), vex(day=1, author="", hides=True))
    assert excused(vex(statement(), day=2), vex(day=1, author="", hides=True))


def test_one_of_several_flaws_found_as_one_is_not_all_of_them() -> None:
    several = replace(FLAW, aliases=("CVE-2026-1", "CVE-2026-2"))
    assert not excused(vex(statement()), flaw=several)
    assert excused(vex(statement(name="GHSA-1")), flaw=several)
    assert not excused(vex(statement(name="GHSA-1")), vex(statement("affected", name="CVE-2026-2")), flaw=several)


def test_it_must_be_excused_everywhere_that_it_was_found() -> None:
    both = places(VERSIONS, {LIB: [IMAGE, TOOL]}, WHOLE)
    assert not excused(vex(statement()), where=both)
    assert excused(vex(statement(), subjects=(WHOLE,)), where=both)
    assert excused(vex(statement(products=(VexProduct(id=LIB),))), where=both)
    inner = places(VERSIONS, {LIB: [TOOL]}, WHOLE)
    assert excused(vex(statement(), subjects=(INNER,)), where=inner)
    assert not excused(vex(statement(products=(VexProduct(id=APP),))), where=inner)
    whole = places(VERSIONS, {LIB: [WHOLE]}, WHOLE)
    assert not excused(vex(statement()), where=whole)
    assert not excused(vex(statement(products=(VexProduct(id=APP),))), where=whole)


def test_where_a_component_was_found_must_be_known() -> None:
    assert excuse_for(FLAW, (), [vex(statement())]) is None
    unknown = places((), {LIB: [IMAGE]}, WHOLE)
    assert excused(vex(statement()), where=unknown)
    assert not excused(vex(statement(products=(VexProduct(id=APP),))), where=unknown)
    assert not excused(
        vex(statement()), vex(statement("affected", products=(VexProduct(id=APP),)), day=1), where=unknown
    )


def test_what_is_taken_away_is_kept_and_comes_back_as_it_was() -> None:
    linked = Match(advisory_id="PYSEC-1", aliases=("CVE-2026-1",), component=LIB, severity=Severity.LOW, fixed_in="2.0")
    other = replace(FLAW, advisory_id="GHSA-9", aliases=())
    state, _ = rejudged(released(NOW - DAY), [FLAW, linked, other], NOW)
    causes = state.vulnerabilities
    counting, away = split(causes, IN_IMAGE, [vex(statement())], (), NOW + DAY)
    assert [one.match.advisory_id for one in counting] == ["GHSA-9"]
    assert [one.cause.match.advisory_id for one in away] == ["GHSA-1", "PYSEC-1"]
    assert {(one.since, one.excuse.author, one.excuse.evidence_id) for one in away} == {(NOW + DAY, "ann", "ev-ann-0")}
    again = split(causes, IN_IMAGE, [vex(statement())], away, NOW + 2 * DAY)
    assert again == (counting, away)
    distrusted = split(causes, IN_IMAGE, [vex(statement(), believed=False)], away, NOW + 2 * DAY)
    assert distrusted == (causes, ())
    assert {one.since for one in distrusted[0]} == {NOW}


def test_trust_keeps_its_time_while_everything_is_excused() -> None:
    before = released(NOW)
    cause = VulnerabilityCause(match=FLAW, since=NOW)
    away = split([cause], IN_IMAGE, [vex(statement())], (), NOW)[1]
    judged, _ = rejudged(with_excused(before, away), [FLAW], NOW + DAY)
    assert counting_only(before, judged, (), NOW + DAY) == before
    back = counting_only(before, judged, (cause,), NOW + DAY)
    assert (back.trust, back.since, back.causes) == (Trust.AT_RISK, NOW + DAY, (cause,))
    assert counting_only(back, back, (), NOW + 2 * DAY) == TrustState(trust=Trust.TRUSTED, since=NOW + 2 * DAY)
    none = TrustState(trust=Trust.NONE, since=NOW)
    assert counting_only(none, none, (cause,), NOW + DAY).trust is Trust.NONE


def test_what_was_taken_away_is_put_back_in_order() -> None:
    early = VulnerabilityCause(match=replace(FLAW, component="pkg:pypi/a@1"), since=NOW)
    cause = VulnerabilityCause(match=FLAW, since=NOW)
    excuse = excuse_for(FLAW, IN_IMAGE[LIB], [vex(statement())])
    assert excuse is not None
    state = TrustState(trust=Trust.AT_RISK, since=NOW, causes=(cause,))
    back = with_excused(state, [Excused(cause=early, excuse=excuse, since=NOW)])
    assert back.causes == (early, cause)
