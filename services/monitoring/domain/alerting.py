"""Which alerts there are to be about one release, given those that there are and what stands against it.

- Of what stands, everything has exactly one alert that is not closed, and nothing else has one.
- What became worse since its alert opened closes that one as `raised` and opens another.
- Alerts about flaws that turn out to be one are joined: the one with the nearest deadline goes on.
- The rest is restated: names, severity, deadline and owners are those of now.
- Giving the same twice changes nothing. The order in which facts came decides nothing but how many alerts were raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from contracts.alerting import AlertEntry, AlertKind, ClosedBy
from contracts.vocabulary import Trust
from services.monitoring.domain.alerts import Alert, closed, id_of
from services.monitoring.domain.deadlines import Deadline, Standing, got_worse
from services.monitoring.domain.release import Context, Release

Key = tuple[AlertKind, str, str]
"""Kind, component and one id of a cause."""
_HANDED_ON = "It became worse."
_JOINED = "It is the same flaw as that of another alert."


class Cause(NamedTuple):
    """Something that stands against a release, with its deadline."""

    standing: Standing
    deadline: Deadline

    @property
    def keys(self) -> tuple[Key, ...]:
        """By which alerts about it are found."""
        return tuple((self.standing.kind, self.standing.component, name) for name in self.standing.ids)


class Step(NamedTuple):
    """What becomes of one alert; `before` is None for one that opens."""

    before: Alert | None
    after: Alert


End = Callable[[Alert], tuple[ClosedBy, str]]
"""Why the cause of an alert is gone, in a word and a sentence."""


def alarming(release: Release, standing: Iterable[Standing]) -> tuple[Cause, ...]:
    """What somebody has to deal with: everything that stands against what runs, unless its trust is gone for good."""
    if not release.current or release.state.trust is Trust.REVOKED:
        return ()
    return tuple(Cause(one, deadline) for one, deadline in zip(standing, release.deadlines, strict=True))


@dataclass(frozen=True)
class Plan:
    """Which alert is about which cause."""

    pairs: tuple[tuple[Cause, Alert | None], ...]
    """Every cause, with the alert that it has."""
    joined: tuple[tuple[Alert, Cause], ...]
    """Alerts about a cause that has another one."""
    gone: tuple[Alert, ...]
    """Alerts about nothing any more."""

    @property
    def unheard(self) -> tuple[str, ...]:
        """Every id of causes that need a new alert: what to know the earlier alerts of."""
        new = (cause for cause, alert in self.pairs if alert is None or _is_raised(alert, cause.standing))
        return tuple(sorted({name for cause in new for name in cause.standing.ids}))


def planned(active: Sequence[Alert], causes: Sequence[Cause]) -> Plan:
    """Give each cause the alert about it: one that did not become worse before one that did, then by deadline."""
    by_key: dict[Key, list[Alert]] = {}
    for alert in active:
        for name in alert.ids:
            by_key.setdefault((alert.kind, alert.component, name), []).append(alert)
    pairs: list[tuple[Cause, Alert | None]] = []
    taken: set[str] = set()
    about: dict[str, Cause] = {}
    for cause in causes:
        found = {alert.alert_id: alert for key in cause.keys for alert in by_key.get(key, ())}
        for name in found:
            about.setdefault(name, cause)
        free = [alert for alert in found.values() if alert.alert_id not in taken]
        chosen = min(free, key=lambda one: _preference(one, cause.standing), default=None)
        taken |= {chosen.alert_id} if chosen else set()
        pairs.append((cause, chosen))
    left = [alert for alert in active if alert.alert_id not in taken]
    return Plan(
        pairs=tuple(pairs),
        joined=tuple((alert, about[alert.alert_id]) for alert in left if alert.alert_id in about),
        gone=tuple(alert for alert in left if alert.alert_id not in about),
    )


def reconciled(release: Release, plan: Plan, past: Iterable[Alert], at: datetime, end: End) -> list[Step]:
    """What has to become of the alerts about a release; `past` are at least all that ever had a name of `unheard`."""
    earlier = _latest(past)
    steps: list[Step] = []
    goes_on: dict[Cause, str] = {}
    for cause, alert in plan.pairs:
        if alert is not None and not _is_raised(alert, cause.standing):
            steps.append(Step(alert, _restated(alert, cause, release.context)))
            goes_on[cause] = alert.alert_id
            continue
        last = max((earlier[key] for key in cause.keys if key in earlier), key=lambda one: one.occurrence, default=None)
        opened = _opened(release, cause, last, at, alert)
        goes_on[cause] = opened.alert_id
        if alert is not None:
            raised = closed(alert, ClosedBy.RAISED, _HANDED_ON, at, replaced_by=opened.alert_id)
            steps.append(Step(alert, raised))
        steps.append(Step(None, opened))
    for alert, cause in plan.joined:
        steps.append(Step(alert, closed(alert, ClosedBy.JOINED, _JOINED, at, replaced_by=goes_on[cause])))
    for alert in plan.gone:
        by, because = end(alert)
        steps.append(Step(alert, closed(alert, by, because, at)))
    return [step for step in steps if step.after != step.before]


def _opened(release: Release, cause: Cause, last: Alert | None, at: datetime, raised: Alert | None) -> Alert:
    standing = cause.standing
    occurrence = last.occurrence + 1 if last else 1
    return Alert(
        alert_id=id_of(release.key, standing.kind, standing.component, standing.name, occurrence),
        project=release.project,
        application=release.application,
        version=release.version,
        stage=release.stage,
        kind=standing.kind,
        name=standing.name,
        component=standing.component,
        ids=standing.ids,
        known_as=standing.ids,
        severity=standing.severity,
        exploited=standing.exploited,
        summary=standing.summary,
        fixed_in=standing.fixed_in,
        criticality=release.context.criticality,
        owners=release.context.owners,
        since=standing.since,
        opened_at=at,
        due=cause.deadline.due,
        occurrence=occurrence,
        follows=last.alert_id if last else None,
        assignee=raised.assignee if raised else None,
        history=(AlertEntry(change="opened", at=at, reason=_HANDED_ON if raised else ""),),
    )


def _restated(alert: Alert, cause: Cause, context: Context) -> Alert:
    standing, due = cause.standing, cause.deadline.due
    return alert.model_copy(
        update={
            "ids": standing.ids,
            "known_as": tuple(sorted({*alert.known_as, *standing.ids})),
            "severity": standing.severity,
            "exploited": standing.exploited,
            "summary": standing.summary,
            "fixed_in": standing.fixed_in,
            "since": standing.since,
            "due": due,
            "snoozed_until": alert.snoozed_until and min(alert.snoozed_until, due),
            "criticality": context.criticality,
            "owners": context.owners,
        }
    )


def _is_raised(alert: Alert, now: Standing) -> bool:
    return got_worse(now.severity, alert.severity, exploited=now.exploited, was_exploited=alert.exploited)


def _preference(alert: Alert, now: Standing) -> tuple[bool, datetime, str]:
    return _is_raised(alert, now), alert.due, alert.alert_id


def _latest(alerts: Iterable[Alert]) -> dict[Key, Alert]:
    """Of each cause by each name that it ever had, the newest alert."""
    found: dict[Key, Alert] = {}
    for alert in sorted(alerts, key=lambda one: one.occurrence):
        found |= {(alert.kind, alert.component, name): alert for name in alert.known_as}
    return found
