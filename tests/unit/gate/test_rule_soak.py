from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.circumstances import Circumstances, IncidentFacts, StagePassage
from contracts.vocabulary import Outcome, PromotionKind
from shared.errors import Invalid
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import NOW, VERSION, context_for, dossier, policy, rule, rule_of

SOAK = rule("soak", stage="qa", **{"for": "72h"})


def hours(count: float) -> datetime:
    return NOW - timedelta(hours=count)


def entered(ago: float, kind: PromotionKind = PromotionKind.PROMOTE, to_stage: str = "qa") -> StagePassage:
    return StagePassage(
        kind=kind, from_stage="dev", to_stage=to_stage, release=False, at=hours(ago), promotion_id=f"p{ago}"
    )


def incident(name: str, opened: float, resolved: float | None = None, version: str | None = "1.0.0") -> IncidentFacts:
    ended = None if resolved is None else hours(resolved)
    return IncidentFacts(incident_id=name, version=version, opened_at=hours(opened), resolved_at=ended)


def answer(
    *passed: StagePassage,
    incidents: tuple[IncidentFacts, ...] = (),
    current: str | None = "1.0.0",
    kind: PromotionKind = PromotionKind.PROMOTE,
    **changes: Any,
) -> RuleAnswer:
    standing = {"qa": current} if current else {}
    held = dossier(circumstances=Circumstances(passed=passed, incidents=incidents, current=standing))
    return check(rule_of(SOAK | changes), held, replace(context_for(held), kind=kind))


def test_long_enough_allows_to_the_moment() -> None:
    given = answer(entered(72))
    assert (given.outcome, given.valid_until) == (Outcome.ALLOW, None)
    assert given.observed == "It has stood in qa since 2026-11-17T12:00:00.000000Z."
    assert given.required == "This version has stood in qa for 3d without an incident."


def test_not_long_enough_waits_and_says_for_how_long() -> None:
    given = answer(entered(71))
    assert (given.outcome, given.passes_at, given.awaits) == (Outcome.PENDING, NOW + timedelta(hours=1), None)
    assert given.observed == "It has stood in qa since 2026-11-17T13:00:00.000000Z only."
    assert given.remedy == "Leave it there until 2026-11-20T13:00:00.000000Z."


def test_not_there_yet_waits_for_a_promotion() -> None:
    given = answer(entered(99, to_stage="dev"))
    assert (given.outcome, given.passes_at, given.awaits) == (Outcome.PENDING, None, "promotion")
    assert given.observed == "It has not entered qa yet."
    assert given.remedy == "Ask for its promotion to qa and leave it there for 3d."


def test_the_last_entry_counts_and_a_rollback_is_one() -> None:
    assert answer(entered(99), entered(2, PromotionKind.ROLLBACK)).outcome is Outcome.PENDING
    assert answer(entered(80, PromotionKind.ROLLBACK), entered(99)).outcome is Outcome.ALLOW


def test_an_incident_that_is_not_resolved_denies_whatever_the_time() -> None:
    given = answer(entered(200), incidents=(incident("i1", 5),))
    assert (given.outcome, given.passes_at) == (Outcome.DENY, None)
    assert given.observed == "An incident that concerns this version is not resolved: i1."
    assert given.remedy == "Resolve the incident, or roll back; the time starts again when it is resolved."
    assert given.violations[0].artifact == VERSION
    assert answer(incidents=(incident("i1", 5),)).outcome is Outcome.DENY


def test_an_incident_of_no_known_version_counts_and_one_of_another_does_not() -> None:
    assert answer(entered(200), incidents=(incident("i1", 5, version=None),)).outcome is Outcome.DENY
    assert answer(entered(200), incidents=(incident("i1", 5, version="0.9.0"),)).outcome is Outcome.ALLOW


def test_a_resolved_incident_starts_the_time_again() -> None:
    given = answer(entered(200), incidents=(incident("i1", 90, 71), incident("i2", 150, 140)))
    assert (given.outcome, given.passes_at) == (Outcome.PENDING, NOW + timedelta(hours=1))
    assert answer(entered(200), incidents=(incident("i1", 90, 72),)).outcome is Outcome.ALLOW
    assert answer(entered(80), incidents=(incident("i1", 190, 180),)).outcome is Outcome.ALLOW


def test_the_order_of_incidents_and_entries_never_matters() -> None:
    one, other, first, last = incident("i2", 9), incident("i1", 5), entered(200), entered(100)
    given = answer(first, last, incidents=(one, other))
    assert given.observed == "An incident that concerns this version is not resolved: i2, i1."
    assert answer(last, first, incidents=(other, one)) == given


def test_incidents_can_be_left_out() -> None:
    given = answer(entered(200), incidents=(incident("i1", 5), incident("i2", 9, 2)), no_incidents=False)
    assert (given.outcome, given.required) == (Outcome.ALLOW, "This version has stood in qa for 3d.")


def test_the_time_counts_only_while_no_other_version_took_its_place() -> None:
    given = answer(entered(200), current="1.1.0")
    assert (given.outcome, given.passes_at, given.awaits) == (Outcome.PENDING, None, "promotion")
    assert given.observed == "1.1.0 has taken its place in qa."
    assert given.remedy == "Promote 1.1.0 instead, or roll qa back to this version and let the time pass."
    assert answer(entered(200), current="1.1.0", still_there=False).outcome is Outcome.ALLOW
    assert answer(entered(200), current=None).outcome is Outcome.ALLOW


@pytest.mark.parametrize("kind", [PromotionKind.ROLLBACK, PromotionKind.DEMOTE, PromotionKind.RECERTIFY])
def test_who_does_not_go_on_may_find_another_version_there(kind: PromotionKind) -> None:
    assert answer(entered(200), current="1.1.0", kind=kind).outcome is Outcome.ALLOW
    assert answer(entered(71), current="1.1.0", kind=kind).outcome is Outcome.PENDING
    assert answer(entered(200), incidents=(incident("i1", 5),), kind=kind).outcome is Outcome.DENY
    assert answer(entered(200), current="1.1.0", kind=PromotionKind.RELEASE).outcome is Outcome.PENDING


def test_a_certification_starts_no_time_and_stands_for_no_entry() -> None:
    assert answer(entered(99), entered(2, PromotionKind.RECERTIFY)).outcome is Outcome.ALLOW
    assert answer(entered(2, PromotionKind.RECERTIFY)).outcome is Outcome.PENDING


def test_a_demotion_starts_the_time_where_it_leads_and_ends_it_where_it_comes_from() -> None:
    assert (
        answer(entered(99), entered(90, to_stage="prod"), entered(2, PromotionKind.DEMOTE)).outcome is Outcome.PENDING
    )
    way = [entered(300, to_stage="dev"), entered(200), entered(9, PromotionKind.DEMOTE, "dev")]
    given = answer(*way, current=None)
    assert (given.outcome, given.observed) == (Outcome.PENDING, "It was taken back from qa.")
    assert answer(*way, entered(1)).observed == "It has stood in qa since 2026-11-20T11:00:00.000000Z only."


@pytest.mark.parametrize("wrong", [{"for": "0h"}, {"for": 72}, {"length": "72h"}, {"stage": ""}])
def test_what_says_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        policy(SOAK | wrong)
    with pytest.raises(Invalid):
        policy(rule("soak", stage="qa"))


def test_the_normal_form_is_read_back() -> None:
    normal: Any = policy(SOAK).normal_form()
    assert normal["spec"]["rules"][0]["for"] == "3d"
