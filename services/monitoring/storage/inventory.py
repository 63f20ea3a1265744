"""Versions that were registered or have moved, with what they consist of.

`inventory`  {_id: "<project>/<application>/<version>", project, application, version, digest, own, subjects, sboms,
             stage, moved_at, registered, criticality, owners, stated_at, revision}
"""

from __future__ import annotations

from collections.abc import Collection as Members

from contracts.vocabulary import Criticality
from services.monitoring.domain.inventory import KnownVersion
from services.monitoring.domain.release import Context
from shared.mongo import Collection, Document, Index

INVENTORY = "inventory"
INDEXES: dict[str, tuple[Index, ...]] = {
    INVENTORY: (
        Index((("project", 1), ("subjects", 1))),
        Index((("project", 1), ("own", 1))),
        Index((("sboms", 1), ("_id", 1))),
    )
}


class InventoryRepository:
    """The versions that are known, released or not."""

    def __init__(self, inventory: Collection) -> None:
        self._inventory = inventory

    async def find(self, project: str, application: str, version: str) -> KnownVersion | None:
        """One version, if it is known."""
        found = await self._inventory.get(f"{project}/{application}/{version}")
        return from_document(found) if found else None

    async def made_of(self, project: str, subjects: Members[str]) -> list[KnownVersion]:
        """Those that contain at least one of the subjects."""
        where = {"project": project, "subjects": {"$in": sorted(subjects)}}
        return [from_document(found) for found in await self._inventory.every(where)]

    async def owning(self, project: str, digests: Members[str]) -> list[KnownVersion]:
        """Registered versions of which one of these is the digest, or the digest of an artifact."""
        where = {"project": project, "own": {"$in": sorted(digests)}}
        found = [from_document(row) for row in await self._inventory.every(where)] if digests else []
        return [one for one in found if one.registered]

    async def save(self, version: KnownVersion) -> KnownVersion:
        """Keep it as it is now. Raises `StaleDocumentError` when somebody else was quicker."""
        await self._inventory.replace(to_document(version), revision=version.revision)
        return version


def to_document(one: KnownVersion) -> Document:
    """What `inventory` holds of a version, but for its revision."""
    return {
        "_id": one.key,
        "project": one.project,
        "application": one.application,
        "version": one.version,
        "digest": one.digest,
        "own": list(one.own),
        "subjects": list(one.subjects),
        "sboms": list(one.sboms),
        "stage": one.stage,
        "moved_at": one.moved_at,
        "registered": one.registered,
        "criticality": one.context.criticality.value,
        "owners": list(one.context.owners),
        "stated_at": one.context.stated_at,
    }


def from_document(found: Document) -> KnownVersion:
    """The version that a document of `inventory` holds."""
    return KnownVersion(
        project=found["project"],
        application=found["application"],
        version=found["version"],
        digest=found["digest"],
        own=tuple(found["own"]),
        context=Context(Criticality(found["criticality"]), tuple(found["owners"]), found["stated_at"]),
        subjects=tuple(found["subjects"]),
        sboms=tuple(found["sboms"]),
        stage=found["stage"],
        moved_at=found["moved_at"],
        registered=found["registered"],
        revision=found["revision"],
    )
