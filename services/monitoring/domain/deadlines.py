"""The deadlines of one release: one per flaw and component, and per piece of distrusted evidence.

- A deadline counts from the time the cause was first seen. Advisories that are reworded do not move it.
- A cause that gets worse (its severity rises, or its exploitation becomes known) counts anew from that moment, but is
  never due later than it was, unless that has passed already.
- A cause that gets milder counts from where its earliest running deadline counts.
- Causes that turn out to be one keep the nearer deadline.
- Criticality and table may change at any time: what was begun is kept, and the moment computed from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from contracts.alerting import AlertKind
from contracts.vocabulary import Criticality, Frozen, Severity, Utc
from services.monitoring.domain.sla import DEFAULT, SlaTable, due, is_worse


class Mark(Frozen):
    """From this moment on it was this bad."""

    at: Utc
    severity: Severity
    exploited: bool = False


class Standing(Frozen):
    """Something that stands against a release right now."""

    kind: AlertKind
    component: str
    ids: tuple[str, ...]
    """Every name of it, sorted."""
    severity: Severity
    exploited: bool
    since: Utc
    summary: str = ""
    fixed_in: str | None = None

    @property
    def name(self) -> str:
        """The CVE id, which most databases give, else the first id: so the order of arrival matters little."""
        return min(self.ids, key=lambda one: (not one.startswith("CVE-"), one))


class Deadline(Frozen):
    """Until when one cause must be gone."""

    kind: AlertKind
    component: str
    ids: tuple[str, ...]
    marks: tuple[Mark, ...]
    """What it counts from, the oldest first; at most two, of which the nearer one counts."""
    due: Utc


class Terms(NamedTuple):
    """What deadlines are computed with."""

    criticality: Criticality
    table: SlaTable = DEFAULT


def counted(
    known: Sequence[Deadline], standing: Iterable[Standing], terms: Terms, at: datetime
) -> tuple[Deadline, ...]:
    """The deadline of everything that stands, in its order, given those that were known before."""
    by_id: dict[tuple[AlertKind, str, str], list[Deadline]] = {}
    for old in known:
        for name in old.ids:
            by_id.setdefault((old.kind, old.component, name), []).append(old)
    found = []
    for one in standing:
        before = [other for name in one.ids for other in by_id.get((one.kind, one.component, name), ())]
        nearest = min(before, key=lambda other: (other.due, other.ids), default=None)
        marks = _marks(nearest, one, terms, at)
        found.append(Deadline(kind=one.kind, component=one.component, ids=one.ids, marks=marks, due=_due(marks, terms)))
    return tuple(found)


def got_worse(severity: Severity, other: Severity, *, exploited: bool, was_exploited: bool) -> bool:
    """Whether this is worse than the `other`: a higher severity, or known exploitation that was not known."""
    return is_worse(severity, other) or (exploited and not was_exploited)


def _marks(before: Deadline | None, now: Standing, terms: Terms, at: datetime) -> tuple[Mark, ...]:
    fresh = Mark(at=at, severity=now.severity, exploited=now.exploited)
    if before is None:
        return (fresh.model_copy(update={"at": now.since}),)
    last = before.marks[-1]
    if got_worse(now.severity, last.severity, exploited=now.exploited, was_exploited=last.exploited):
        running = min(before.marks, key=lambda one: _due((one,), terms))
        return (running, fresh) if _due((running,), terms) > at else (fresh,)
    if got_worse(last.severity, now.severity, exploited=last.exploited, was_exploited=now.exploited):
        return (fresh.model_copy(update={"at": before.marks[0].at}),)
    # As bad as before, perhaps in another word: `unknown` counts as high.
    return (*before.marks[:-1], fresh.model_copy(update={"at": last.at}))


def _due(marks: Sequence[Mark], terms: Terms) -> datetime:
    return min(
        due(terms.criticality, one.severity, one.at, exploited=one.exploited, table=terms.table) for one in marks
    )
