"""Advisories by id, indexed by the packages they name; how many there are is counted as they come.

`advisories`  {_id: advisory id, packages: ["<ecosystem>:<name>"], record}
`counters`    {_id: "advisories", known, last_import}
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Iterable
from datetime import datetime

from services.monitoring.domain.advisory import Advisory
from services.monitoring.domain.matching import advisory_keys
from services.monitoring.domain.packages import PackageKey
from shared.mongo import Collection, Index

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
        where = {"_id": {"$in": sorted(ids)}}
        return {row["_id"]: Advisory.model_validate(row["record"]) async for row in self._advisories.stream(where)}

    async def naming(self, packages: Members[PackageKey]) -> tuple[Advisory, ...]:
        """Those that name at least one of these packages."""
        where = {"packages": {"$in": sorted(map(str, packages))}}
        return tuple([Advisory.model_validate(row["record"]) async for row in self._advisories.stream(where)])

    async def put(self, advisories: Iterable[Advisory]) -> None:
        """Keep these forms of them."""
        await self._advisories.put_all(
            [
                {
                    "_id": one.id,
                    "packages": [str(key) for key in advisory_keys(one)],
                    "record": one.model_dump(mode="json"),
                }
                for one in advisories
            ]
        )

    async def imported(self, *, added: int, at: datetime) -> None:
        """Count an import."""
        await self._counters.change(
            {"_id": _COUNTER}, {"$inc": {"known": added}, "$max": {"last_import": at}}, upsert=True
        )

    async def count(self) -> tuple[int, datetime | None]:
        """How many are known, and when the last import was."""
        found = await self._counters.get(_COUNTER)
        return (found["known"], found["last_import"]) if found else (0, None)
