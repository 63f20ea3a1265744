from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import Actor, ActorKind, Severity, Trust
from services.monitoring.domain.causes import RevocationCause, VulnerabilityCause
from services.monitoring.domain.matching import Match
from services.monitoring.domain.trust import (
    TrustState,
    cleared,
    rejudged,
    released,
    revoked,
    stand_as,
    trusted_again,
    untrusted,
    with_advisory,
    with_matches,
)
from shared.errors import Conflict, Invalid

T0 = datetime(2026, 1, 1, tzinfo=UTC)
T1, T2, T3 = (T0 + timedelta(days=days) for days in (1, 2, 3))
ANNA = Actor(subject="anna", kind=ActorKind.HUMAN)


def found(
    advisory_id: str, severity: Severity = Severity.HIGH, component: str = "pkg:pypi/a@1.0", fix: str = "1.1"
) -> Match:
    return Match(advisory_id=advisory_id, aliases=(), component=component, severity=severity, fixed_in=fix)


def cause(match: Match, since: datetime = T1) -> VulnerabilityCause:
    return VulnerabilityCause(match=match, since=since)


def at_risk(*matches: Match) -> TrustState:
    return with_matches(released(T0), matches, T1)[0]


def test_a_match_puts_a_release_at_risk_and_its_end_brings_trust_back() -> None:
    state, change = with_matches(released(T0), [found("X-1")], T1)
    assert state == TrustState(trust=Trust.AT_RISK, since=T1, causes=(cause(found("X-1")),))
    assert change is not None
    assert (change.before, change.after, change.at) == (Trust.TRUSTED, Trust.AT_RISK, T1)
    assert (change.added, change.removed) == ((cause(found("X-1")),), ())
    state, change = cleared(state, {"X-1"}, T2)
    assert state == TrustState(trust=Trust.TRUSTED, since=T2)
    assert change is not None
    assert (change.before, change.after, change.removed) == (Trust.AT_RISK, Trust.TRUSTED, (cause(found("X-1")),))


def test_saying_it_twice_changes_nothing() -> None:
    state = at_risk(found("X-1"))
    assert with_matches(state, [found("X-1")], T2) == (state, None)
    assert with_advisory(state, "X-1", [found("X-1")], T2) == (state, None)
    assert rejudged(state, [found("X-1")], T2) == (state, None)
    assert cleared(state, {"X-9"}, T2) == (state, None)
    assert with_matches(released(T0), [], T2) == (released(T0), None)


def test_a_second_cause_is_a_change_but_no_new_spell() -> None:
    state, change = with_matches(at_risk(found("X-1")), [found("X-2")], T2)
    assert (state.trust, state.since) == (Trust.AT_RISK, T1)
    assert change is not None
    assert (change.before, change.after) == (Trust.AT_RISK, Trust.AT_RISK)
    assert change.added == (cause(found("X-2"), T2),)
    state, _ = cleared(state, {"X-1"}, T3)
    assert (state.trust, state.since, state.vulnerabilities) == (Trust.AT_RISK, T1, (cause(found("X-2"), T2),))


@pytest.mark.parametrize(
    ("severity", "counts"),
    [
        (Severity.NONE, False),
        (Severity.LOW, False),
        (Severity.MEDIUM, True),
        (Severity.CRITICAL, True),
        (Severity.UNKNOWN, True),
    ],
)
def test_only_what_reaches_the_threshold_counts(severity: Severity, *, counts: bool) -> None:
    state, change = with_matches(released(T0), [found("X-1", severity)], T1, threshold=Severity.MEDIUM)
    assert (state.trust is Trust.AT_RISK) is counts
    assert (change is not None) is counts


def test_a_revised_cause_keeps_its_first_time() -> None:
    revised = found("X-1", Severity.CRITICAL)
    state, change = with_matches(at_risk(found("X-1")), [revised], T2)
    assert state.causes == (cause(revised, T1),)
    assert change is not None
    assert (change.added, change.removed) == ((cause(revised, T1),), (cause(found("X-1"), T1),))


def test_a_cause_that_is_rated_harmless_stops_counting() -> None:
    state, change = with_matches(at_risk(found("X-1")), [found("X-1", Severity.NONE)], T2)
    assert state == TrustState(trust=Trust.TRUSTED, since=T2)
    assert change is not None
    assert change.removed == (cause(found("X-1")),)


def test_a_revised_advisory_takes_back_what_it_no_longer_says() -> None:
    other = found("X-1", component="pkg:pypi/b@1.0")
    state = at_risk(found("X-1"), other, found("X-2"))
    state, change = with_advisory(state, "X-1", [other], T2)
    assert change is not None
    assert change.removed == (cause(found("X-1")),)
    assert [one.match for one in state.vulnerabilities] == [found("X-2"), other]
    state, _ = with_advisory(state, "X-1", [], T3)
    assert [one.match for one in state.vulnerabilities] == [found("X-2")]


def test_matching_everything_again_leaves_only_that() -> None:
    state, _ = rejudged(at_risk(found("X-1"), found("X-2")), [found("X-2"), found("X-3")], T2)
    assert state.causes == (cause(found("X-2"), T1), cause(found("X-3"), T2))


def test_revocation_is_final() -> None:
    state, change = revoked(at_risk(found("X-1")), "key stolen", ANNA, T2)
    stolen = RevocationCause(reason="key stolen", by=ANNA, since=T2)
    assert (state.trust, state.since, state.causes[0]) == (Trust.REVOKED, T2, stolen)
    assert change is not None
    assert (change.before, change.after, change.added) == (Trust.AT_RISK, Trust.REVOKED, (stolen,))
    assert revoked(state, "again", ANNA, T3) == (state, None)
    assert cleared(state, {"X-1"}, T3) == (state, None)
    assert with_matches(state, [found("X-2")], T3) == (state, None)


def test_a_revocation_needs_a_reason_and_a_release() -> None:
    with pytest.raises(Invalid) as unreasoned:
        revoked(released(T0), "  ", ANNA, T1)
    assert unreasoned.value.code == "reason_missing"
    with pytest.raises(Conflict) as unreleased:
        revoked(TrustState(trust=Trust.NONE, since=T0), "why", ANNA, T1)
    assert unreleased.value.code == "trust_absent"


def test_what_was_never_released_is_never_at_risk() -> None:
    state, change = with_matches(TrustState(trust=Trust.NONE, since=T0), [found("X-1")], T1)
    assert (state.trust, state.since, len(state.causes)) == (Trust.NONE, T0, 1)
    assert change is not None
    assert change.after is Trust.NONE


def test_a_state_survives_storage() -> None:
    state = revoked(at_risk(found("X-1")), "key stolen", ANNA, T2)[0]
    assert TrustState.model_validate(state.model_dump(mode="json")) == state


def test_a_release_that_may_not_be_trusted_keeps_its_causes_and_is_not_at_risk() -> None:
    state = untrusted(at_risk(found("X-1")), T2)
    assert state == TrustState(trust=Trust.NONE, since=T2, causes=(cause(found("X-1")),))
    assert untrusted(state, T3) == state
    assert with_matches(state, [found("X-2")], T3)[0].trust is Trust.NONE
    with pytest.raises(Conflict) as refused:
        revoked(state, "stolen", ANNA, T3)
    assert refused.value.code == "trust_absent"


def test_a_trusted_release_afterwards_begins_where_its_causes_stand() -> None:
    assert trusted_again(untrusted(released(T0), T1), T2) == released(T2)
    assert trusted_again(untrusted(at_risk(found("X-1")), T2), T3).trust is Trust.AT_RISK
    for state in (released(T0), at_risk(found("X-1"))):
        assert trusted_again(state, T2) == state


def test_a_revocation_outlives_every_release() -> None:
    state = revoked(released(T0), "stolen", ANNA, T1)[0]
    assert untrusted(state, T2) == state
    assert trusted_again(state, T2) == state


FOUND = st.builds(
    found,
    st.sampled_from(["X-1", "X-2"]),
    st.sampled_from([Severity.NONE, Severity.LOW, Severity.HIGH, Severity.UNKNOWN]),
    st.sampled_from(["pkg:pypi/a@1.0", "pkg:pypi/b@1.0"]),
    st.sampled_from(["1.1", "1.2"]),
)


@given(st.lists(FOUND, max_size=4), st.lists(FOUND, max_size=4), st.booleans())
def test_a_release_stands_as_it_matches_when_judging_it_again_changes_nothing(
    before: list[Match], now: list[Match], gone: bool
) -> None:
    state = at_risk(*before)
    if gone:
        state, _ = revoked(state, "Broken.", ANNA, T2)
    stands = gone or stand_as((cause.match for cause in state.vulnerabilities), now)
    assert stands is (rejudged(state, now, T3)[1] is None)
