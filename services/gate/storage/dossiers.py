"""Versions and evidence as heard from the others. A dossier is read from both: nothing is copied into it.

Evidence is kept once, by its subjects, so it does not matter whether it came before or after the version, and two
pieces that arrive at once never collide over a dossier.
"""

from __future__ import annotations

from typing import Any

from contracts.facts import EvidenceItem
from contracts.registry.v1.events import ApplicationApplied, VersionCreated
from services.gate.domain.dossier import Dossier
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "versions": (Index((("project", 1), ("application", 1))), Index((("project", 1), ("subjects", 1)))),
    "evidence": (Index((("project", 1), ("subjects", 1))),),
    "subjects": (),
}
_MOST_EVIDENCE = 10_000


class Dossiers:
    """What the gate knows about versions."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._versions = unit.collection("versions")
        self._evidence = unit.collection("evidence")
        self._subjects = unit.collection("subjects")

    async def of(self, project: str, application: str, version: str) -> Dossier | None:
        """The dossier of a version; None while the version has not been heard of."""
        found = await self._versions.get(f"{project}/{application}/{version}")
        if found is None:
            return None
        where = {"project": project, "subjects": {"$in": found["subjects"]}}
        items = await self._evidence.find(where, limit=_MOST_EVIDENCE)
        return _dossier(found, [EvidenceItem.model_validate_json(item["item"]) for item in items])

    async def add_version(self, event: VersionCreated) -> None:
        """Keep what a version is."""
        artifacts = [artifact.digest for artifact in event.artifacts]
        await self._versions.put(
            {
                "_id": f"{event.project}/{event.application}/{event.version}",
                "project": event.project,
                "application": event.application,
                "version": event.version,
                "version_digest": event.version_digest,
                "artifacts": artifacts,
                "subjects": [event.version_digest, *artifacts],
                "criticality": event.criticality.value,
                "labels": _pairs(event.labels),
            }
        )

    async def update_context(self, event: ApplicationApplied) -> None:
        """Keep the business context of an application's versions."""
        change = {"criticality": event.criticality.value, "labels": _pairs(event.labels)}
        where = {"project": event.project, "application": event.application}
        await self._versions.update(where, {"$set": change})

    async def add_evidence(self, project: str, item: EvidenceItem) -> None:
        """Keep a piece of evidence."""
        document = {"project": project, "subjects": list(item.subjects), "item": item.model_dump_json()}
        await self._evidence.put({"_id": f"{project}|{item.evidence_id}", **document})

    async def touch(self, project: str, subjects: tuple[str, ...]) -> None:
        """Collide with whoever touches these subjects at the same time: one of the two runs again and sees the other.

        Snapshots alone would let new evidence and an evaluation that waits for it miss each other.
        """
        for subject in sorted(set(subjects)):
            await self._subjects.update({"_id": f"{project}|{subject}"}, {"$inc": {"touched": 1}}, upsert=True)


def _pairs(labels: dict[str, str]) -> list[list[str]]:
    # Labels are named by people: as pairs, no name can be mistaken for an operator or a path.
    return [[name, value] for name, value in sorted(labels.items())]


def _dossier(document: Document, items: list[EvidenceItem]) -> Dossier:
    labels: dict[str, Any] = dict(document["labels"])
    return Dossier(
        project=document["project"],
        application=document["application"],
        version=document["version"],
        version_digest=document["version_digest"],
        artifacts=tuple(document["artifacts"]),
        criticality=document["criticality"],
        labels=labels,
        items=tuple(items),
    )
