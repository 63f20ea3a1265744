"""The advisories that are known, indexed by the packages they name; how many there are is counted as they come.

`advisories`  {_id: advisory id, packages: ["<ecosystem>:<name>"], record}
`counters`    {_id: "advisories", known, last_import}

A re-match reads them by the thousand: a record is built as it was kept, without being checked again.
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Iterable
from datetime import datetime

from contracts.vocabulary import Severity, utc
from services.monitoring.domain.advisory import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Bound,
    RangeEvent,
    RangeType,
)
from services.monitoring.domain.matching import advisory_keys
from services.monitoring.domain.packages import PackageKey
from shared.mongo import Collection, Document, Index

ADVISORIES, COUNTERS = "advisories", "counters"
INDEXES: dict[str, tuple[Index, ...]] = {
    ADVISORIES: (Index((("packages", 1),)), Index((("record.aliases", 1),))),
    COUNTERS: (),
}
_COUNTER = "advisories"


class AdvisoryRepository:
    """The advisories that are known."""

    def __init__(self, advisories: Collection, counters: Collection) -> None:
        self._advisories = advisories
        self._counters = counters

    async def by_id(self, ids: Members[str]) -> dict[str, Advisory]:
        """Those of these ids that are known."""
        found = await self._advisories.every({"_id": {"$in": sorted(ids)}})
        return {row["_id"]: from_document(row) for row in found}

    async def naming(self, packages: Members[PackageKey]) -> tuple[Advisory, ...]:
        """Those that name at least one of these packages."""
        where = {"packages": {"$in": sorted(map(str, packages))}}
        return tuple([from_document(row) for row in await self._advisories.every(where, only={"record": 1})])

    async def put(self, advisories: Iterable[Advisory]) -> None:
        """Keep these forms of them."""
        await self._advisories.put_all([_to_document(one) for one in advisories])

    async def imported(self, *, added: int, at: datetime) -> None:
        """Count an import."""
        await self._counters.change(
            {"_id": _COUNTER}, {"$inc": {"known": added}, "$max": {"last_import": at}}, upsert=True
        )

    async def count(self) -> tuple[int, datetime | None]:
        """How many are known, and when the last import was."""
        found = await self._counters.get(_COUNTER)
        return (found["known"], found["last_import"]) if found else (0, None)


def _to_document(one: Advisory) -> Document:
    record = {
        "id": one.id,
        "aliases": list(one.aliases),
        "modified": utc(one.modified),
        "withdrawn": utc(one.withdrawn) if one.withdrawn else None,
        "summary": one.summary,
        "severity": one.severity.value,
        "affected": [_affected_document(entry) for entry in one.affected],
    }
    return {"_id": one.id, "packages": [str(key) for key in advisory_keys(one)], "record": record}


def _affected_document(entry: AffectedPackage) -> Document:
    ranges = [
        {
            "type": one.type.value,
            "events": [{"bound": event.bound.value, "version": event.version} for event in one.events],
        }
        for one in entry.ranges
    ]
    return {"ecosystem": entry.ecosystem, "name": entry.name, "ranges": ranges, "versions": list(entry.versions)}


def from_document(found: Document) -> Advisory:
    """The advisory that a document of `advisories` holds."""
    record = found["record"]
    withdrawn = record["withdrawn"]
    return Advisory(
        id=record["id"],
        aliases=tuple(record["aliases"]),
        modified=datetime.fromisoformat(record["modified"]),
        withdrawn=datetime.fromisoformat(withdrawn) if withdrawn else None,
        summary=record["summary"],
        severity=Severity(record["severity"]),
        affected=tuple([_affected(one) for one in record["affected"]]),
    )


def _affected(kept: Document) -> AffectedPackage:
    ranges = []
    for one in kept["ranges"]:
        events = [RangeEvent(Bound(event["bound"]), event["version"]) for event in one["events"]]
        ranges.append(AffectedRange(RangeType(one["type"]), tuple(events)))
    return AffectedPackage(kept["ecosystem"], kept["name"], tuple(ranges), tuple(kept["versions"]))
