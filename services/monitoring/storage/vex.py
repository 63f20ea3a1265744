"""VEX evidence that was believed, by the subjects that it is about.

`vex`  {_id: "<project>|<evidence id>", project, subjects, revision, item}
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from contracts.facts import VexStatement
from services.monitoring.domain.vex import VexItem
from shared.mongo import Collection, Document, Index

VEX = "vex"
INDEXES: dict[str, tuple[Index, ...]] = {VEX: (Index((("project", 1), ("subjects", 1))),)}


class VexRepository:
    """What people say of flaws."""

    def __init__(self, vex: Collection) -> None:
        self._vex = vex

    async def put(self, project: str, item: VexItem) -> bool:
        """Keep it, unless this form of it or a newer one is known; whether it is news."""
        key = f"{project}|{item.evidence_id}"
        known = await self._vex.get(key)
        if known is not None and known["revision"] >= item.revision:
            return False
        row = asdict(replace(item, statements=())) | {
            "statements": [one.model_dump(mode="json") for one in item.statements]
        }
        await self._vex.put({"_id": key, "project": project, **row})
        return True

    async def about_each(self, wanted: Mapping[str, tuple[str, Members[str]]]) -> dict[str, list[VexItem]]:
        """Everything about at least one of the subjects of a project, for several of both, each under a name."""
        subjects: dict[str, set[str]] = {}
        for project, some in wanted.values():
            subjects.setdefault(project, set()).update(some)
        where = [{"project": project, "subjects": {"$in": sorted(some)}} for project, some in subjects.items() if some]
        rows = await self._vex.every({"$or": where}) if where else []
        items = [(row["project"], _from_document(row)) for row in sorted(rows, key=lambda one: one["_id"])]
        return {
            name: [item for home, item in items if home == project and not some.isdisjoint(item.subjects)]
            for name, (project, given) in wanted.items()
            for some in (set(given),)
        }


def _from_document(row: Document) -> VexItem:
    fields: dict[str, Any] = {name: row[name] for name in VexItem.__dataclass_fields__}
    for name in ("subjects", "roots", "signers"):
        fields[name] = tuple(fields[name])
    fields["statements"] = tuple(VexStatement.model_validate(one) for one in row["statements"])
    return VexItem(**fields)
