"""Which flaws of a release do not count, because somebody who is believed says so (VEX).

- `not_affected`, with a justification or a described impact, and `fixed` take a flaw away; `affected` and
  `under_investigation` never do.
- Of one author about one flaw in one place, the newest statement holds: by its own time, which is never later than that
  of its evidence, then by evidence. Within one document the worse one holds. An author is the name in the document
  together with the trust roots that vouch for it: nobody speaks in another's name.
- Of two authors, the one that does not excuse holds.
- A statement counts whose signer was believed. Once that signer is distrusted, what it says against a release still
  counts, what it excuses does not, and no older statement of the same author takes its place.
- What a statement speaks of is read as the gates read it: it excuses only what it surely names, in every part of the
  release that the component was found in; it takes back whatever it may name. A statement that clears one of several
  flaws that were found as one clears nothing.
- Evidence that cannot be read, or whose statements are not all listed, may take back everything older.

Source: openvex/spec OPENVEX-SPEC.md 0.2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.facts import VexStatement, VexStatus
from contracts.vocabulary import Digest, Frozen, Text, Trust, Utc
from services.monitoring.domain.causes import Cause, VulnerabilityCause
from services.monitoring.domain.matching import Match
from services.monitoring.domain.remediation import distinct
from services.monitoring.domain.trust import TrustState
from shared.policy.rules.vex_products import Place, clears, may_concern
from shared.policy.rules.vulnerability_ids import excusing_names, names

_AGAINST: tuple[VexStatus, ...] = ("affected", "under_investigation")
_Order = tuple[datetime, datetime, datetime, str, bool, int]


@dataclass(frozen=True, slots=True)
class VexItem:
    """One piece of VEX evidence that was believed when it came."""

    evidence_id: str
    subjects: tuple[Digest, ...]
    made_at: datetime
    received_at: datetime
    author: str
    roots: tuple[str, ...]
    """The trust roots of its signers, sorted."""
    signers: tuple[str, ...]
    believed: bool
    """Not distrusted since."""
    statements: tuple[VexStatement, ...] = ()
    hides: bool = False
    """It cannot be read, or not all that it says against something is listed."""
    revision: int = 0


class Excuse(Frozen):
    """Why a flaw does not count."""

    status: Literal["not_affected", "fixed"]
    justification: str | None
    impact: Text
    author: str
    signers: tuple[str, ...]
    evidence_id: str
    said_at: Utc


class Excused(Frozen):
    """One match that does not count."""

    cause: VulnerabilityCause
    excuse: Excuse
    since: Utc
    """Since when."""


@dataclass(frozen=True, slots=True)
class _Said:
    order: _Order
    item: VexItem
    statement: VexStatement

    @property
    def names(self) -> frozenset[str]:
        return names(self.statement.vulnerability, self.statement.aliases)


def excuse_for(flaw: Match, where: Sequence[Place], known: Iterable[VexItem]) -> Excuse | None:
    """Why a flaw (its aliases joined) does not count anywhere that it was found; None when it does."""
    said = _about(flaw, known)
    excuses = [_excuse_at(flaw, place, *said) for place in where]
    if not excuses or None in excuses:
        return None
    # All of them are needed; the newest says since when all of them were there.
    newest = max((one for one in excuses if one is not None), key=lambda one: one.order)
    return _excuse(newest)


def split(
    causes: Iterable[VulnerabilityCause],
    where: Mapping[str, Sequence[Place]],
    known: Sequence[VexItem],
    before: Iterable[Excused],
    at: datetime,
) -> tuple[tuple[VulnerabilityCause, ...], tuple[Excused, ...]]:
    """What counts and what is excused of everything that was matched, each sorted by component and advisory."""
    given = {_key(one.match): one for one in causes}
    since = {(_key(one.cause.match), one.excuse.evidence_id): one.since for one in before}
    excused: dict[tuple[str, str], Excused] = {}
    for flaw in distinct(one.match for one in given.values()):
        excuse = excuse_for(flaw, where.get(flaw.component, ()), known)
        if excuse is None:
            continue
        for name in (flaw.advisory_id, *flaw.aliases):
            key = (flaw.component, name)
            if key in given:
                begun = since.get((key, excuse.evidence_id), at)
                excused[key] = Excused(cause=given[key], excuse=excuse, since=begun)
    counting = tuple(one for key, one in sorted(given.items()) if key not in excused)
    return counting, tuple(one for _, one in sorted(excused.items()))


def with_excused(state: TrustState, excused: Iterable[Excused]) -> TrustState:
    """The state with what was taken away put back among its causes, to be judged; its trust is as it was."""
    back = tuple(one.cause for one in excused)
    return state.model_copy(update={"causes": _in_order((*state.causes, *back))}) if back else state


def counting_only(
    before: TrustState, judged: TrustState, counting: Iterable[VulnerabilityCause], at: datetime
) -> TrustState:
    """The state `judged` with `counting` as its only vulnerabilities; `before` says since when its trust is what it is.

    A revoked release stays as it was when it was revoked.
    """
    if judged.trust is Trust.REVOKED:
        return judged
    others = tuple(one for one in judged.causes if not isinstance(one, VulnerabilityCause))
    causes: tuple[Cause, ...] = (*others, *counting)
    trust = judged.trust
    if trust is not Trust.NONE:
        trust = Trust.AT_RISK if causes else Trust.TRUSTED
    since = before.since if trust is before.trust else judged.since if trust is judged.trust else at
    return TrustState(trust=trust, since=since, causes=causes)


def _about(flaw: Match, known: Iterable[VexItem]) -> tuple[list[_Said], _Order | None]:
    """What is said of a flaw, the newest first; and what hides everything older."""
    every = names(flaw.advisory_id, flaw.aliases)
    said: list[_Said] = []
    hidden: list[_Order] = []
    for item in known:
        if item.hides:
            hidden.append((item.made_at, item.made_at, item.received_at, item.evidence_id, True, -1))
        for place, statement in enumerate(item.statements):
            # A time that the evidence itself does not claim is not believed: it could never be taken back.
            made_at = min(statement.made_at or item.made_at, item.made_at)
            against = statement.status in _AGAINST
            order = (made_at, item.made_at, item.received_at, item.evidence_id, against, place)
            one = _Said(order, item, statement)
            if not every.isdisjoint(one.names):
                said.append(one)
    return sorted(said, key=lambda one: one.order, reverse=True), max(hidden, default=None)


def _excuse_at(flaw: Match, place: Place, said: Sequence[_Said], hidden: _Order | None) -> _Said | None:
    whole = excusing_names(flaw.advisory_id, flaw.aliases)
    decided: set[tuple[str, tuple[str, ...]]] = set()
    newest: _Said | None = None
    for one in said:
        author = (one.item.author, one.item.roots)
        if author in decided:
            continue
        if one.statement.status in _AGAINST:
            if may_concern(one.statement, one.item.subjects, place):
                return None
        elif not whole.isdisjoint(one.names) and clears(one.statement, one.item.subjects, place):
            decided.add(author)
            if newest is None and _holds(one) and (hidden is None or one.order > hidden):
                newest = one
    return newest


def _holds(one: _Said) -> bool:
    explained = one.statement.status == "fixed" or bool(one.statement.justification or one.statement.impact)
    return explained and one.item.believed


def _excuse(one: _Said) -> Excuse:
    return Excuse(
        status="fixed" if one.statement.status == "fixed" else "not_affected",
        justification=one.statement.justification,
        impact=one.statement.impact,
        author=one.item.author,
        signers=one.item.signers,
        evidence_id=one.item.evidence_id,
        said_at=one.order[0],
    )


def _in_order(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    given = tuple(causes)
    others = tuple(one for one in given if not isinstance(one, VulnerabilityCause))
    flaws = sorted((one for one in given if isinstance(one, VulnerabilityCause)), key=lambda one: _key(one.match))
    return (*others, *flaws)


def _key(match: Match) -> tuple[str, str]:
    return match.component, match.advisory_id
