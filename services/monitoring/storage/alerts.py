"""Alerts, those that are closed included: they are the facts from which the time to remediate is counted.

`alerts`  {_id: alert id, project, application, version, release, kind, name, component, ids, known_as, severity,
           exploited, criticality, owners, state, active, assignee, opened_at, due, closed_at, closed_by, met,
           escalated_at, place, look_at, revision, ...}

`place` sorts by deadline, then by id. `look_at` is when time changes it.
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.alerting import AlertState
from contracts.monitoring.v1.alerts import ListAlerts
from contracts.vocabulary import utc
from services.monitoring.domain.alerting import Step
from services.monitoring.domain.alerts import Alert
from shared.errors import NotFound
from shared.mongo import Collection, Database, Document, Index

ALERTS = "alerts"
_LISTED = (("state", 1), ("place", 1))
OPEN_BY_DEADLINE = (("project", 1), ("active", 1), ("application", 1), ("severity", 1), ("due", 1))
INDEXES: dict[str, tuple[Index, ...]] = {
    ALERTS: (
        Index((("release", 1), ("active", 1)), where={"active": True}),
        Index((("release", 1), ("known_as", 1))),
        Index((("look_at", 1),), where={"active": True}),
        Index((("project", 1), *_LISTED)),
        Index((("project", 1), ("application", 1), *_LISTED)),
        Index((("project", 1), ("assignee", 1), *_LISTED)),
        Index((("project", 1), ("owners", 1), *_LISTED)),
        Index((("project", 1), ("severity", 1), *_LISTED)),
        # What is counted over time is counted from these alone.
        Index(OPEN_BY_DEADLINE, where={"active": True}),
        Index((("project", 1), ("opened_at", 1), ("application", 1), ("severity", 1))),
        Index((("project", 1), ("closed_at", 1), ("application", 1), ("severity", 1), ("met", 1))),
    )
}
_NOT_CLOSED = tuple(state.value for state in AlertState if state is not AlertState.CLOSED)
_MOMENTS = ("since", "opened_at", "due", "acknowledged_at", "snoozed_until", "escalated_at", "closed_at")


class AlertRepository:
    """The alerts about all releases."""

    def __init__(self, alerts: Collection) -> None:
        self._alerts = alerts

    async def get(self, project: str, alert_id: str) -> Alert:
        """One alert of a project. Raises `NotFound` (`alert_unknown`)."""
        found = await self.find(alert_id)
        if found is None or found.project != project:
            raise NotFound(
                "alert_unknown",
                f"There is no alert {alert_id} in project {project}.",
                remedy="See the alerts of the project with `hallmark alerts list`.",
            )
        return found

    async def find(self, alert_id: str) -> Alert | None:
        """One alert, if there is one."""
        found = await self._alerts.get(alert_id)
        return _from_document(found) if found else None

    async def active(self, releases: Members[str]) -> dict[str, list[Alert]]:
        """Those about each of these releases that are not closed, by id."""
        return await self._of_each(releases, {"active": True})

    async def past(self, names: Mapping[str, Members[str]]) -> dict[str, list[Alert]]:
        """Of each of these releases at least those whose cause was ever called so."""
        wanted = sorted({name for some in names.values() for name in some})
        return await self._of_each([key for key, some in names.items() if some], {"known_as": {"$in": wanted}})

    async def _of_each(self, releases: Members[str], where: Document) -> dict[str, list[Alert]]:
        found: dict[str, list[Alert]] = {key: [] for key in releases}
        rows = await self._alerts.every({"release": {"$in": sorted(releases)}, **where}) if releases else []
        for one in sorted(map(_from_document, rows), key=lambda one: one.alert_id):
            found[one.release].append(one)
        return found

    async def take(self, steps: Sequence[Step]) -> None:
        """Keep what became of alerts, if they are still what they were."""
        await self._alerts.add_all([_to_document(one.after) | {"revision": 1} for one in steps if one.before is None])
        await self._alerts.replace_all(
            [(_to_document(one.after), one.before.revision) for one in steps if one.before is not None]
        )


async def alert_page(alerts: Collection, query: ListAlerts, now: datetime) -> tuple[list[Alert], str | None]:
    """One page by deadline, and what to pass as `after` for the next; None at the end."""
    where: Document = {"project": query.project, "state": query.state or {"$in": list(_NOT_CLOSED)}}
    chosen = {
        "application": query.application,
        "assignee": query.assignee,
        "owners": query.owner,
        "severity": query.severity,
    }
    where |= {name: value for name, value in chosen.items() if value is not None}
    between: Document = {"$gt": query.after} if query.after else {}
    if query.overdue and query.state is AlertState.CLOSED:
        where["met"] = False
    elif query.overdue:
        between["$lt"] = utc(now)
    if between:
        where["place"] = between
    found = await alerts.find(where, sort=(("place", 1),), limit=query.limit + 1)
    page = found[: query.limit]
    return [_from_document(one) for one in page], page[-1]["place"] if len(found) > query.limit else None


async def due_for_a_look(database: Database, now: datetime, limit: int) -> list[tuple[str, int]]:
    """Alerts that time changes, with their revisions; those that wait longest leading."""
    where: Document = {"active": True, "look_at": {"$lte": now}}
    alerts = database.collection(ALERTS)
    found = await alerts.find(where, sort=(("look_at", 1),), limit=limit, only={"revision": 1})
    return [(one["_id"], one["revision"]) for one in found]


def _to_document(alert: Alert) -> Document:
    # Times that are compared or counted with stay times; those in the history travel as texts.
    document = alert.model_dump(mode="json", exclude={"alert_id", "revision"})
    return {
        **document,
        **{name: getattr(alert, name) for name in _MOMENTS},
        "_id": alert.alert_id,
        "release": alert.release,
        "active": alert.active,
        "met": alert.met,
        "place": f"{utc(alert.due)}|{alert.alert_id}",
        "look_at": alert.look_at,
    }


def _from_document(found: Document) -> Alert:
    return Alert.model_validate({**found, "alert_id": found["_id"]})
