"""Envelopes, the records read from them, and how many there are per subject."""

from __future__ import annotations

from typing import Any

from contracts.evidence.v1.views import ComponentPage, EvidencePage, EvidenceView
from contracts.facts import Component, EarlierStanding, EvidenceItem
from services.evidence.domain.record import Record
from shared.digests import sha256_digest
from shared.errors import Invalid, NotFound
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, DuplicateKeyError, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "records": (
        Index((("project", 1), ("received_at", -1), ("_id", 1))),
        Index((("project", 1), ("subjects", 1), ("received_at", -1))),
        Index((("project", 1), ("roots_state", 1), ("received_at", -1))),
    ),
    "components": (Index((("evidence", 1), ("_id", 1))),),
    "positions": (),
    "blobs": (),
}
MAX_COMPONENTS = 20_000


async def read_blob(scope: Scope, project: str, digest: str) -> bytes | None:
    """The bytes with that digest, when the project has them: a digest opens nothing in other projects."""
    found = await scope.collection("blobs").get(f"{project}|{digest}")
    return bytes(found["data"]) if found else None


async def keep_blob(scope: Scope, project: str, data: bytes) -> str:
    """Keep bytes under their digest; the same bytes again cost nothing."""
    digest = sha256_digest(data)
    blobs = scope.collection("blobs")
    key = f"{project}|{digest}"
    if await blobs.find_one({"_id": key}) is None:
        try:
            await blobs.add({"_id": key, "data": data, "size": len(data)})
        except DuplicateKeyError:  # Somebody else brought the same bytes at the same moment.
            if isinstance(scope, UnitOfWork):
                raise
    return digest


async def count_up(scope: Scope, project: str, subjects: tuple[str, ...]) -> dict[str, int]:
    """Raise the position of each subject by one; the positions afterwards."""
    positions = {}
    for subject in sorted(set(subjects)):
        key = {"_id": f"{project}|{subject}"}
        counted = await scope.collection("positions").change(key, {"$inc": {"count": 1}}, upsert=True)
        positions[subject] = int(counted["count"]) if counted else 0
    return positions


class Records:
    """Evidence on record."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._records = unit.collection("records")
        self._components = unit.collection("components")
        self._positions = unit.collection("positions")

    async def known(self, project: str, evidence_id: str) -> EvidenceItem | None:
        """The evidence, when it is on record."""
        found = await self._records.get(f"{project}|{evidence_id}")
        return EvidenceItem.model_validate_json(found["item"]) if found else None

    async def add(
        self, project: str, application: str | None, record: Record, *, size: int, by: str, roots_state: str
    ) -> dict[str, int]:
        """Put it on record; the positions of its subjects afterwards. Raises `Invalid` for too many components."""
        item = record.item
        if len(record.components) > MAX_COMPONENTS:
            raise Invalid(
                "sbom_too_large",
                f"The bill of materials names {len(record.components)} components, above {MAX_COMPONENTS}.",
                remedy="Split it by artifact.",
            )
        await self._records.add(
            {
                "_id": f"{project}|{item.evidence_id}",
                "project": project,
                "application": application,
                "evidence_id": item.evidence_id,
                "subjects": list(item.subjects),
                "received_at": item.received_at,
                "item": item.model_dump_json(),
                "size": size,
                "submitted_by": by,
                "roots_state": roots_state,
            }
        )
        await self._components.add_all(
            [
                {"_id": f"{project}|{item.evidence_id}|{number:06}", "evidence": f"{project}|{item.evidence_id}"}
                | component.model_dump()
                for number, component in enumerate(record.components)
            ]
        )
        return await count_up(self._unit, project, item.subjects)

    async def positions(self, project: str, subjects: tuple[str, ...]) -> dict[str, int]:
        """Per subject: how many pieces of evidence are on record, and how often their standing has changed."""
        keys = [f"{project}|{subject}" for subject in subjects]
        found = await self._positions.find({"_id": {"$in": keys}}, limit=len(keys))
        counted = {str(one["_id"]).partition("|")[2]: int(one["count"]) for one in found}
        return {subject: counted.get(subject, 0) for subject in subjects}

    async def show(self, project: str, evidence_id: str) -> EvidenceView:
        """One piece of evidence. Raises `NotFound`."""
        return (await self._views([await self._get(project, evidence_id)]))[0]

    async def page(self, project: str, subjects: tuple[str, ...], *, after: str | None, limit: int) -> EvidencePage:
        """Evidence of a project, newest first. Raises `NotFound` for an unknown `after`."""
        where: Document = {"project": project}
        if subjects:
            where["subjects"] = {"$in": list(subjects)}
        if after:
            last = await self._get(project, after)
            where["$or"] = [
                {"received_at": {"$lt": last["received_at"]}},
                {"received_at": last["received_at"], "_id": {"$gt": last["_id"]}},
            ]
        found = await self._records.find(where, sort=(("received_at", -1), ("_id", 1)), limit=limit + 1)
        views = await self._views(found[:limit])
        following = views[-1].item.evidence_id if len(found) > limit else None
        return EvidencePage(evidence=tuple(views), next=following)

    async def components(self, project: str, evidence_id: str, *, after: str | None, limit: int) -> ComponentPage:
        """Components of a bill of materials, in its order. Raises `NotFound`."""
        await self._get(project, evidence_id)
        evidence = f"{project}|{evidence_id}"
        where = {"evidence": evidence, "_id": {"$gt": f"{evidence}|{after or ''}"}}
        found = await self._components.find(where, limit=limit + 1)
        following = str(found[limit - 1]["_id"]).rpartition("|")[2] if len(found) > limit else None
        components = tuple(Component.model_validate(one) for one in found[:limit])
        return ComponentPage(components=components, next=following)

    async def _get(self, project: str, evidence_id: str) -> Document:
        found = await self._records.get(f"{project}|{evidence_id}")
        if found is None:
            raise NotFound("evidence_unknown", f"There is no evidence {evidence_id} in {project}.", remedy="List it.")
        return found

    async def _views(self, documents: list[Document]) -> list[EvidenceView]:
        ids = [document["evidence_id"] for document in documents]
        logged = await self._unit.collection("log_entries").find({"about": {"$in": ids}}, only={"about": 1})
        places: dict[str, Any] = {about: entry["_id"] for entry in reversed(logged) for about in entry["about"]}
        return [
            EvidenceView(
                project=document["project"],
                application=document["application"],
                item=EvidenceItem.model_validate_json(document["item"]),
                size=document["size"],
                submitted_by=document["submitted_by"],
                log_index=places.get(document["evidence_id"]),
                history=tuple(EarlierStanding.model_validate_json(one) for one in document.get("history", ())),
            )
            for document in documents
        ]
