"""What outside tools said: what runs where, and what failed.

`deployments`  {_id: "<project>/<application>|[<environment>, <service>]", application, environment, service, change,
               purl, digest, version, by, at, event}: the latest that happened to a service
`incidents`    {_id: digest of application and incident, application, sources, incident, opened_at, version,
               version_at, resolved_at}: the earliest beginning, the version that the earliest word with one named,
               the latest end

Each keeps what a later or an earlier time makes of it, so that the order of arrival makes no difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from shared.digests import canonical_digest
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "deployments": (Index((("application", 1), ("_id", 1))),),
    "incidents": (Index((("incident", 1), ("sources", 1))),),
}
_MOST_APPLICATIONS = 100
"""Of one incident: a source that tells of the same incident in more of them has to name the one it means."""


class KnownIncident(NamedTuple):
    """What is known of the beginning of an incident."""

    opened_at: datetime
    version: str | None


class Deliveries:
    """What runs where, and what failed."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._deployments = unit.collection("deployments")
        self._incidents = unit.collection("incidents")

    async def deployed(self, application: str, said: Mapping[str, Any], *, at: datetime, event: str) -> bool:
        """Keep what happened to a service of `project/application`; whether nothing later is known of it.

        `said` names the environment and the service; `event` decides between two of the same moment.
        """
        at = to_the_millisecond(at)
        key = f"{application}|{json.dumps([said['environment'], said['service']])}"
        known = await self._deployments.get(key)
        if known and (known["at"], known["event"]) > (at, event):
            return False
        await self._deployments.put({"_id": key, "application": application, **said, "at": at, "event": event})
        return True

    async def began(
        self, application: str, source: str, incident: str, *, version: str | None, at: datetime
    ) -> KnownIncident | None:
        """Keep word of the beginning of an incident; what is known of it by now, None when this was no news."""
        at = to_the_millisecond(at)
        known = await self._known(application, source, incident)
        opened_at, failing, failing_at = min(at, known["opened_at"] or at), known["version"], known["version_at"]
        if version and (failing_at is None or (at, version) < (failing_at, failing)):
            failing, failing_at = version, at
        if (opened_at, failing) == (known["opened_at"], known["version"]):
            return None
        await self._incidents.put({**known, "opened_at": opened_at, "version": failing, "version_at": failing_at})
        return KnownIncident(opened_at, failing)

    async def ended(self, application: str, source: str, incident: str, *, at: datetime) -> bool:
        """Keep word of the end of an incident, of which more may still be heard; whether this was news."""
        at = to_the_millisecond(at)
        known = await self._known(application, source, incident)
        if known["resolved_at"] and known["resolved_at"] >= at:
            return False
        await self._incidents.put({**known, "resolved_at": at})
        return True

    async def _known(self, application: str, source: str, incident: str) -> Document:
        key = canonical_digest([application, incident])
        nothing: Document = {"opened_at": None, "version": None, "version_at": None, "resolved_at": None}
        about: Document = {"application": application, "incident": incident, "sources": []}
        known = await self._incidents.get(key) or {"_id": key, **about, **nothing}
        return {**known, "sources": sorted({*known["sources"], source})}

    async def applications_of_incident(self, source: str, incident: str) -> list[tuple[str, str]]:
        """The projects and applications in which a source told of an incident."""
        found = await self._incidents.find({"incident": incident, "sources": source}, limit=_MOST_APPLICATIONS)
        return [(project, name) for project, _, name in (str(one["application"]).partition("/") for one in found)]


def to_the_millisecond(moment: datetime) -> datetime:
    """The moment as MongoDB gives it back, so that two can be compared."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
