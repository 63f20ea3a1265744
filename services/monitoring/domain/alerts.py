"""One alert: a small state machine.

| state | acknowledged | snoozed | snooze ends | deadline passes | cause gone |
|---|---|---|---|---|---|
| open | acknowledged | snoozed | | escalated | closed |
| acknowledged | the same | snoozed | | escalated | closed |
| snoozed | acknowledged | snoozed anew | open | escalated | closed |
| escalated | acknowledged | refused | | the same | closed |
| closed | refused | refused | | | the same |

- It may be assigned in every state but closed.
- It escalates once. Acknowledged afterwards, it does not again; a snooze ends at the deadline at the latest.
- Nothing leads out of closed: a cause that comes back opens another alert, which names this one.
- Its id follows from the cause and from how many alerts there were about it before, so that the same fact heard twice
  makes the same alert.
"""

from __future__ import annotations

from datetime import datetime

from contracts.alerting import AlertChange, AlertEntry, AlertKind, AlertState, ClosedBy
from contracts.vocabulary import Criticality, Frozen, Severity, Utc, utc
from shared.digests import sha256_digest
from shared.errors import Conflict, Invalid

KEPT_ENTRIES = 50
_ID_DIGITS = 24
_ACKNOWLEDGED, _SNOOZED = AlertState.ACKNOWLEDGED, AlertState.SNOOZED
_UNTIMED = frozenset({AlertState.CLOSED, AlertState.ESCALATED})


class Alert(Frozen):
    """Something that somebody has to deal with."""

    alert_id: str
    project: str
    application: str
    version: str
    stage: str
    kind: AlertKind
    name: str
    """What the cause was called when it opened; its id is made of it."""
    component: str
    ids: tuple[str, ...]
    """What the cause is called now."""
    known_as: tuple[str, ...]
    """What it was ever called, its first name among them."""
    severity: Severity
    exploited: bool
    summary: str
    fixed_in: str | None
    criticality: Criticality
    owners: tuple[str, ...]
    since: Utc
    opened_at: Utc
    due: Utc
    occurrence: int
    follows: str | None = None
    state: AlertState = AlertState.OPEN
    assignee: str | None = None
    snoozed_until: Utc | None = None
    acknowledged_at: Utc | None = None
    acknowledged_by: str | None = None
    escalated_at: Utc | None = None
    closed_at: Utc | None = None
    closed_by: ClosedBy | None = None
    because: str = ""
    replaced_by: str | None = None
    history: tuple[AlertEntry, ...] = ()
    revision: int = 0

    @property
    def release(self) -> str:
        """The release that it is about, as releases are stored."""
        return f"{self.project}/{self.application}/{self.version}"

    @property
    def active(self) -> bool:
        """Whether anything is left to do."""
        return self.state is not AlertState.CLOSED

    @property
    def met(self) -> bool | None:
        """Whether it closed within its deadline; None while it is not closed."""
        return None if self.closed_at is None else self.closed_at <= self.due

    @property
    def look_at(self) -> datetime | None:
        """When time changes it; None when time does not."""
        if not self.active:
            return None
        moments = [self.due if self.escalated_at is None else None, self.snoozed_until]
        return min((one for one in moments if one), default=None)

    def is_overdue(self, at: datetime) -> bool:
        """Whether its deadline passed before it was closed."""
        return self.due < (self.closed_at or at)


def id_of(release: str, kind: AlertKind, component: str, name: str, occurrence: int) -> str:
    """The id of the alert about a cause, the `occurrence`th one."""
    words = "\n".join((release, kind, component, name, str(occurrence)))
    return "al-" + sha256_digest(words.encode()).removeprefix("sha256:")[:_ID_DIGITS]


def acknowledged(alert: Alert, by: str, reason: str, at: datetime) -> Alert:
    """Somebody deals with it. Raises `Conflict` (`alert_closed`)."""
    _refuse_closed(alert)
    if alert.state is _ACKNOWLEDGED:
        return alert
    entry = AlertEntry(change="acknowledged", at=at, by=by, reason=reason)
    changes = {"state": _ACKNOWLEDGED, "snoozed_until": None, "acknowledged_at": at, "acknowledged_by": by}
    return _with(alert, entry, **changes)


def snoozed(alert: Alert, until: datetime, by: str, reason: str, at: datetime) -> Alert:
    """It is put aside.

    Raises `Conflict` (`alert_closed`, `alert_overdue`) and `Invalid` (`snooze_past`, `snooze_long`).
    """
    _refuse_closed(alert)
    if alert.escalated_at is not None or alert.due <= at:
        raise Conflict(
            "alert_overdue",
            f"The deadline of {alert.alert_id} was {utc(alert.due)}: it cannot be put aside any more.",
            remedy="Acknowledge it, and have the cause removed.",
        )
    if until <= at:
        raise Invalid("snooze_past", "The snooze would end before it begins.", remedy="Name a moment to come.")
    if until > alert.due:
        raise Invalid(
            "snooze_long",
            f"The snooze would end after the deadline, {utc(alert.due)}.",
            remedy="Name a moment before the deadline.",
        )
    if alert.state is _SNOOZED and alert.snoozed_until == until:
        return alert
    entry = AlertEntry(change="snoozed", at=at, by=by, reason=reason, until=until)
    return _with(alert, entry, state=_SNOOZED, snoozed_until=until)


def assigned(alert: Alert, to: str | None, by: str, reason: str, at: datetime) -> Alert:
    """It is somebody's, or nobody's. Raises `Conflict` (`alert_closed`)."""
    _refuse_closed(alert)
    if alert.assignee == to:
        return alert
    return _with(alert, AlertEntry(change="assigned", at=at, by=by, reason=reason, assignee=to), assignee=to)


def swept(alert: Alert, at: datetime) -> Alert:
    """As time leaves it: escalated at its deadline, once; open again when a snooze is over."""
    if alert.active and alert.escalated_at is None and alert.due <= at:
        entry = AlertEntry(change="escalated", at=at, until=alert.due)
        return _with(alert, entry, state=AlertState.ESCALATED, escalated_at=at, snoozed_until=None)
    if alert.state is _SNOOZED and alert.snoozed_until is not None and alert.snoozed_until <= at:
        return _with(alert, AlertEntry(change="woken", at=at), state=AlertState.OPEN, snoozed_until=None)
    return alert


def closed(alert: Alert, by: ClosedBy, because: str, at: datetime, *, replaced_by: str | None = None) -> Alert:
    """Its cause is gone, or another alert goes on with it."""
    if not alert.active:
        return alert
    changes = {"closed_at": at, "closed_by": by, "because": because, "replaced_by": replaced_by}
    entry = AlertEntry(change="closed", at=at, reason=because)
    return _with(alert, entry, state=AlertState.CLOSED, snoozed_until=None, **changes)


def change_between(before: Alert, after: Alert) -> AlertChange | None:
    """What happened between two forms of an alert, of which one follows directly on the other; None for nothing."""
    if after == before:
        return None
    return after.history[-1].change if after.history != before.history else "restated"


def _with(alert: Alert, entry: AlertEntry, **changes: object) -> Alert:
    return alert.model_copy(update={**changes, "history": (*alert.history, entry)[-KEPT_ENTRIES:]})


def _refuse_closed(alert: Alert) -> None:
    if not alert.active:
        raise Conflict(
            "alert_closed",
            f"{alert.alert_id} is closed: {alert.because}",
            remedy=f"See {alert.replaced_by}, which goes on with it."
            if alert.replaced_by
            else "Nothing is to be done.",
        )
