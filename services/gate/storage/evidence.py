"""Evidence as the evidence service announced it: each piece once, found by the digests it is about."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.facts import EvidenceItem
from contracts.vocabulary import Digest, ProjectName
from shared.errors import Conflict
from shared.mongo import Collection, Document, Index

INDEXES = (Index((("project", 1), ("subjects", 1))),)


class EvidenceRepository:
    """All evidence of all projects, unverified pieces included: those are counted, and judged by no rule."""

    def __init__(self, evidence: Collection) -> None:
        self._evidence = evidence

    async def add(self, project: ProjectName, item: EvidenceItem) -> None:
        """Keep a piece; nothing happens when it is known. Raises `Conflict` for the same id with other content."""
        known = await self._evidence.get(_key(project, item))
        if known is None:
            await self._evidence.add(_to_document(project, item))
        elif _from_document(known) != item:
            raise Conflict(
                "evidence_contradictory",
                f"Evidence {item.evidence_id} arrived again with other content than the gate holds.",
                remedy="Attach changed evidence as a new piece; what was recorded is never edited.",
            )

    async def about(self, project: ProjectName, subjects: Iterable[Digest]) -> tuple[EvidenceItem, ...]:
        """Every piece about any of these digests, by id. Not paged: a gate that overlooks a piece could open."""
        where = {"project": project, "subjects": {"$in": sorted(subjects)}}
        return tuple([_from_document(document) async for document in self._evidence.stream(where)])


def _key(project: str, item: EvidenceItem) -> str:
    return f"{project}|{item.evidence_id}"


def _to_document(project: str, item: EvidenceItem) -> Document:
    return {
        "_id": _key(project, item),
        "project": project,
        "subjects": list(item.subjects),
        # JSON form: BSON would cut times to milliseconds, and then the same piece would not equal itself.
        "item": item.model_dump(mode="json"),
    }


def _from_document(document: Document) -> EvidenceItem:
    return EvidenceItem.model_validate(document["item"])
