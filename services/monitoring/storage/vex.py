"""VEX evidence that was believed, by the subjects that it is about.

`vex`  {_id: "<project>|<evidence id>", project, subjects, revision, item}
"""

from __future__ import annotations

from collections.abc import Collection as Members
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

    async def about(self, project: str, subjects: Members[str]) -> list[VexItem]:
        """Everything about at least one of the subjects."""
        where = {"project": project, "subjects": {"$in": sorted(subjects)}}
        return [_from_document(row) async for row in self._vex.stream(where)]


def _from_document(row: Document) -> VexItem:
    fields: dict[str, Any] = {name: row[name] for name in VexItem.__dataclass_fields__}
    for name in ("subjects", "roots", "signers"):
        fields[name] = tuple(fields[name])
    fields["statements"] = tuple(VexStatement.model_validate(one) for one in row["statements"])
    return VexItem(**fields)
