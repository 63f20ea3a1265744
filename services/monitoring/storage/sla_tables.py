"""Tables of deadlines, as people applied them.

`sla_tables`  {_id: project, or "*" for the shared one, project, content, digest, revision}
"""

from __future__ import annotations

from collections.abc import Collection as Members
from typing import NamedTuple

from contracts.monitoring.v1.sla import ApplySlaTable
from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.sla import DEFAULT, SlaTable, made
from services.monitoring.domain.working_days import WEEKDAYS, Calendar
from shared.digests import canonical_digest
from shared.mongo import Collection, Document, Index

SLA_TABLES = "sla_tables"
INDEXES: dict[str, tuple[Index, ...]] = {SLA_TABLES: ()}
SHARED = "*"


class Applied(NamedTuple):
    """A table, and where it comes from."""

    table: SlaTable
    origin: str
    project: str | None = None
    revision: int = 0
    key: str = ""


class SlaTableRepository:
    """The tables of all projects."""

    def __init__(self, tables: Collection) -> None:
        self._tables = tables

    async def apply(self, command: ApplySlaTable) -> tuple[str, Document]:
        """Take a table over: what became of it (`created`, `updated`, `unchanged`), and how it is kept now."""
        content = command.model_dump(mode="json", exclude={"command_id"})
        digest = canonical_digest(content)
        key = SHARED if command.shared else command.project
        before = await self._tables.get(key)
        if before and before["digest"] == digest:
            return "unchanged", before
        revision = before["revision"] if before else 0
        document = {"_id": key, "project": command.project, "content": content, "digest": digest}
        await self._tables.replace(document, revision=revision)
        return "updated" if before else "created", {**document, "revision": revision + 1}

    async def counting_in(self, project: str) -> Applied:
        """The table that counts in a project: its own, else the shared one, else the one that is built in."""
        return (await self.counting_in_each([project]))[project]

    async def counting_in_each(self, projects: Members[str]) -> dict[str, Applied]:
        """The table that counts in each of these projects."""
        rows = await self._tables.every({"_id": {"$in": sorted({*projects, SHARED})}})
        found = {row["_id"]: _applied(row) for row in rows}
        usual = found.get(SHARED, Applied(DEFAULT, "default"))
        return {project: found.get(project, usual) for project in projects}

    async def page(self, after: str | None, limit: int, projects: Members[str] | None) -> list[Applied]:
        """Tables by key, the shared one first; None means of all projects."""
        where: Document = {"_id": {"$gt": after or ""}}
        if projects is not None:
            where["_id"]["$in"] = sorted({SHARED, *projects})
        return [_applied(one) for one in await self._tables.find(where, limit=limit)]


def table_of(command: ApplySlaTable) -> SlaTable:
    """The table that a document states. Raises `Invalid` (`sla_not_monotone`, `sla_time_zone_unknown`)."""
    calendar = command.calendar
    return made(
        {
            Criticality(row): {Severity(severity): days for severity, days in cells.items()}
            for row, cells in command.days.items()
        },
        {Criticality(row): days for row, days in command.exploited.items()},
        Calendar(
            time_zone=calendar.time_zone,
            working_days=tuple(sorted(set(calendar.working_days), key=WEEKDAYS.index)),
            holidays=frozenset(calendar.holidays),
        )
        if calendar
        else None,
    )


def _applied(kept: Document) -> Applied:
    command = ApplySlaTable.model_validate({**kept["content"], "command_id": "kept"})
    origin = "shared" if kept["_id"] == SHARED else "project"
    return Applied(table_of(command), origin, kept["project"], kept["revision"], kept["_id"])
