"""What monitoring says of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.message import Event
from contracts.monitoring.v1.alerts import AlertChanged, AlertClosed, AlertOpened, AlertView
from services.monitoring.domain.alerting import Step
from services.monitoring.domain.alerts import Alert, change_between

_SAME = {
    "alert_id",
    "project",
    "application",
    "version",
    "kind",
    "name",
    "component",
    "severity",
    "exploited",
    "criticality",
    "owners",
    "assignee",
    "due",
}
"""What each fact and the view call as the alert does."""
_VIEWED = _SAME | {
    "stage",
    "summary",
    "fixed_in",
    "state",
    "since",
    "opened_at",
    "snoozed_until",
    "acknowledged_at",
    "acknowledged_by",
    "escalated_at",
    "closed_at",
    "closed_by",
    "because",
    "follows",
    "replaced_by",
    "occurrence",
}
_WORTH_TELLING = {"severity", "exploited", "criticality", "owners", "due"}
"""An alert that is only worded otherwise is no news."""


def alert_view(alert: Alert, at: datetime, *, whole: bool = True) -> AlertView:
    """One alert; in lists without its history."""
    said = alert.model_dump(include=_VIEWED)
    aliases = tuple(one for one in alert.ids if one != alert.name)
    history = alert.history if whole else ()
    return AlertView(**said, aliases=aliases, overdue=alert.is_overdue(at), met=alert.met, history=history)


def told(step: Step, at: datetime) -> Event | None:
    """What to announce of a change; None when it is not worth telling."""
    alert = step.after
    same: dict[str, Any] = {**alert.model_dump(include=_SAME), "at": at}
    if step.before is None:
        more = {"aliases": tuple(one for one in alert.ids if one != alert.name)}
        more |= alert.model_dump(include={"summary", "fixed_in", "since", "follows", "occurrence"})
        return AlertOpened(**same, **more)
    if step.before.active and not alert.active:
        return AlertClosed(
            **same,
            met=bool(alert.met),
            **alert.model_dump(include={"closed_by", "because", "opened_at", "replaced_by"}),
        )
    change = change_between(step.before, alert)
    if change is None or (change == "restated" and not _is_news(step.before, alert)):
        return None
    entry = alert.history[-1] if change != "restated" else None
    return AlertChanged(
        **same,
        change=change,
        state=alert.state,
        snoozed_until=alert.snoozed_until,
        by=entry.by if entry else None,
        reason=entry.reason if entry else "",
    )


def _is_news(before: Alert, after: Alert) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in _WORTH_TELLING)
