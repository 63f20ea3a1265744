"""Whether one released version may still be relied on, and why.

- `trusted` while nothing stands against it; `at_risk` while at least one vulnerability at or above the threshold does,
  evidence that it was admitted on is distrusted, or a rule that admitted it would not any more; back to `trusted` when
  nothing is left. The default threshold is `low`; an unknown severity always counts.
- `revoked` is final: it is said by somebody, with a reason, and nothing that happens afterwards changes it.
- A version that is no trusted release (`none`) keeps its causes but is never at risk: one that was never released, or
  whose newest release may not be called trusted. The next trusted release of it begins where the causes stand.
- Saying the same thing twice changes nothing: no new state, no change to announce.
- A cause keeps the time it was first seen, also when its advisory is revised: deadlines do not restart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from contracts.vocabulary import Actor, Frozen, Severity, Trust, Utc
from services.monitoring.domain.advisory import reaches
from services.monitoring.domain.causes import Cause, DistrustCause, RevocationCause, RuleCause, VulnerabilityCause
from services.monitoring.domain.matching import Match
from shared.errors import Conflict, Invalid


class TrustState(Frozen):
    """Where the trust of one version stands."""

    trust: Trust
    since: Utc
    """When `trust` took its value."""
    causes: tuple[Cause, ...] = ()
    """Everything that stands against it: a revocation first, then distrusted evidence by its digest, then rules by
    name, then vulnerabilities by component and advisory id."""

    @property
    def vulnerabilities(self) -> tuple[VulnerabilityCause, ...]:
        """The causes that an upgrade can remove."""
        return tuple(cause for cause in self.causes if isinstance(cause, VulnerabilityCause))

    @property
    def rules(self) -> tuple[RuleCause, ...]:
        """The causes that the gate's next judgement can remove."""
        return tuple(cause for cause in self.causes if isinstance(cause, RuleCause))

    @property
    def distrusted(self) -> tuple[DistrustCause, ...]:
        """The causes that passing the release gate again, on other evidence, can remove."""
        return tuple(cause for cause in self.causes if isinstance(cause, DistrustCause))


class TrustChange(Frozen):
    """What to announce: the trust, or what stands against it, is not what it was."""

    before: Trust
    after: Trust
    at: Utc
    added: tuple[Cause, ...]
    removed: tuple[Cause, ...]
    """A revised cause is here as it was, and in `added` as it is."""


TrustStep = tuple[TrustState, TrustChange | None]
"""The new state, and the change to announce; the same state and None when nothing changed."""

_Key = tuple[str, str]
_Open = Mapping[_Key, VulnerabilityCause]


def released(at: datetime) -> TrustState:
    """The state of a version that has just become a trusted release."""
    return TrustState(trust=Trust.TRUSTED, since=at)


def untrusted(state: TrustState, at: datetime) -> TrustState:
    """The state after a release that may not be called trusted; a revocation stays, rules that failed do not."""
    if state.trust in {Trust.REVOKED, Trust.NONE}:
        return state
    causes = tuple(cause for cause in state.causes if not isinstance(cause, RuleCause))
    return TrustState(trust=Trust.NONE, since=at, causes=causes)


def trusted_again(state: TrustState, at: datetime) -> TrustState:
    """The state after a trusted release of a version that was none; any other state is as it was."""
    if state.trust is not Trust.NONE:
        return state
    return TrustState(trust=_trust(Trust.TRUSTED, at_risk=bool(state.causes)), since=at, causes=state.causes)


def with_matches(
    state: TrustState, matches: Iterable[Match], at: datetime, threshold: Severity = Severity.LOW
) -> TrustStep:
    """Adds matches, or revises those that are known; one that fell below the threshold stops counting."""
    return _settled(state, {**_open(state), **_causes(state, matches, at)}, at, threshold)


def with_advisory(
    state: TrustState,
    advisory_id: str,
    matches: Iterable[Match],
    at: datetime,
    threshold: Severity = Severity.LOW,
) -> TrustStep:
    """Makes `matches` the only ones of one advisory, as after its revision or withdrawal."""
    others = {key: cause for key, cause in _open(state).items() if key[1] != advisory_id}
    mine = [match for match in matches if match.advisory_id == advisory_id]
    return _settled(state, {**others, **_causes(state, mine, at)}, at, threshold)


def with_advisories(
    state: TrustState,
    advisory_ids: Collection[str],
    matches: Iterable[Match],
    at: datetime,
    threshold: Severity = Severity.LOW,
) -> TrustStep:
    """Makes `matches` the only ones of these advisories: as `with_advisory` for each of them, at once."""
    others = {key: cause for key, cause in _open(state).items() if key[1] not in advisory_ids}
    mine = [match for match in matches if match.advisory_id in advisory_ids]
    return _settled(state, {**others, **_causes(state, mine, at)}, at, threshold)


def rejudged(
    state: TrustState, matches: Iterable[Match], at: datetime, threshold: Severity = Severity.LOW
) -> TrustStep:
    """Makes `matches` all there are, as after matching the whole release again."""
    return _settled(state, _causes(state, matches, at), at, threshold)


def stand_as(kept: Iterable[Match], matches: Iterable[Match], threshold: Severity = Severity.LOW) -> bool:
    """Whether `rejudged` would change nothing of what is kept of a release that is not revoked.

    For many releases at a time: it makes no cause.
    """
    said = {_key(match): match for match in matches}
    counting = {key: match for key, match in said.items() if reaches(match.severity, threshold)}
    return counting == {_key(match): match for match in kept}


def cleared(state: TrustState, advisory_ids: Collection[str], at: datetime) -> TrustStep:
    """Removes every match of these advisories: they were withdrawn, or do not apply."""
    left = {key: cause for key, cause in _open(state).items() if key[1] not in advisory_ids}
    # What is open was judged against its threshold when it came; clearing others does not judge it again.
    return _settled(state, left, at, Severity.NONE)


def resting_on(state: TrustState, distrusted: Iterable[DistrustCause], at: datetime) -> TrustStep:
    """Makes `distrusted` all the distrusted evidence that the release rests on."""
    causes = {cause.content_digest: cause for cause in distrusted}
    ordered = tuple(cause for _, cause in sorted(causes.items()))
    return _with_causes(state, (*ordered, *state.rules, *state.vulnerabilities), at)


def failed_by(state: TrustState, rules: Iterable[RuleCause], at: datetime) -> TrustStep:
    """Makes `rules` all those that admitted the release and would not any more."""
    causes = {cause.name: cause for cause in rules}
    ordered = tuple(cause for _, cause in sorted(causes.items()))
    return _with_causes(state, (*state.distrusted, *ordered, *state.vulnerabilities), at)


def revoked(state: TrustState, reason: str, by: Actor, at: datetime) -> TrustStep:
    """Takes the trust away for good; a second revocation leaves the first one standing.

    Raises `Invalid` (`reason_missing`) and, for a version that is no trusted release, `Conflict` (`trust_absent`).
    """
    if not reason.strip():
        raise Invalid(
            "reason_missing",
            "A revocation was asked for without a reason.",
            remedy="Say why the release may no longer be relied on.",
        )
    if state.trust is Trust.NONE:
        raise Conflict(
            "trust_absent",
            "A version that is no trusted release has no trust to revoke.",
            remedy="Name a trusted release.",
        )
    if state.trust is Trust.REVOKED:
        return state, None
    cause = RevocationCause(reason=reason.strip(), by=by, since=at)
    after = TrustState(trust=Trust.REVOKED, since=at, causes=(cause, *state.causes))
    change = TrustChange(before=state.trust, after=Trust.REVOKED, at=at, added=(cause,), removed=())
    return after, change


def _settled(state: TrustState, causes: _Open, at: datetime, threshold: Severity) -> TrustStep:
    counting = tuple(cause for _, cause in sorted(causes.items()) if reaches(cause.match.severity, threshold))
    return _with_causes(state, (*state.distrusted, *state.rules, *counting), at)


def _with_causes(state: TrustState, counting: tuple[Cause, ...], at: datetime) -> TrustStep:
    if state.trust is Trust.REVOKED:
        return state, None
    added, removed = _missing_from(state.causes, counting), _missing_from(counting, state.causes)
    if not added and not removed:
        return state, None
    trust = _trust(state.trust, at_risk=bool(counting))
    since = state.since if trust is state.trust else at
    change = TrustChange(before=state.trust, after=trust, at=at, added=added, removed=removed)
    return TrustState(trust=trust, since=since, causes=counting), change


def _missing_from(others: Iterable[Cause], causes: Iterable[Cause]) -> tuple[Cause, ...]:
    # By what names them: comparing every cause with every other takes long for a release that has hundreds.
    known = {_name(cause): cause for cause in others}
    return tuple(cause for cause in causes if not _same(known.get(_name(cause)), cause))


def _same(one: Cause | None, other: Cause) -> bool:
    return one is other or one == other


def _name(cause: Cause) -> tuple[str, ...]:
    match cause:
        case VulnerabilityCause():
            return (cause.kind, *_key(cause.match))
        case DistrustCause():
            return (cause.kind, cause.content_digest)
        case RuleCause():
            return (cause.kind, cause.name)
        case RevocationCause():
            return (cause.kind,)


def _trust(before: Trust, *, at_risk: bool) -> Trust:
    if before is Trust.NONE:
        return Trust.NONE
    return Trust.AT_RISK if at_risk else Trust.TRUSTED


def _open(state: TrustState) -> dict[_Key, VulnerabilityCause]:
    return {_key(cause.match): cause for cause in state.vulnerabilities}


def _causes(state: TrustState, matches: Iterable[Match], at: datetime) -> dict[_Key, VulnerabilityCause]:
    known = _open(state)
    return {
        _key(match): VulnerabilityCause(match=match, since=known[_key(match)].since if _key(match) in known else at)
        for match in matches
    }


def _key(match: Match) -> _Key:
    return match.component, match.advisory_id
