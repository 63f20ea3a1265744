"""Versions, applications and evidence as heard from the others. A dossier is read from all three, nothing is copied.

- Evidence is kept once, by its subjects, so it does not matter whether it came before or after the version.
- Versions and evidence are written once: heard again they are the same, or they are a contradiction. Only what
  evidence counts for may change, by a newer judgement.
- Reads are never cut short: a gate that overlooks a piece of evidence could open.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.facts import EvidenceItem
from contracts.registry.v1.events import VersionCreated
from contracts.vocabulary import Criticality
from services.gate.domain.application import ApplicationContext
from shared.errors import Conflict
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index
from shared.policy.dossier import Dossier, newest

INDEXES: dict[str, tuple[Index, ...]] = {
    "versions": (),
    "applications": (),
    "evidence": (Index((("project", 1), ("subjects", 1))),),
    "subjects": (),
}


class Dossiers:
    """What the gate knows about versions."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._versions = unit.collection("versions")
        self._applications = unit.collection("applications")
        self._evidence = unit.collection("evidence")
        self._subjects = unit.collection("subjects")

    async def of(self, project: str, application: str, version: str, *, counting: Iterable[str] = ()) -> Dossier | None:
        """The dossier of a version; None while the version has not been heard of.

        `counting` names more digests, such as those of nested versions: evidence about them is loaded to be counted,
        and no rule judges it.
        """
        found = await self._versions.get(f"{project}/{application}/{version}")
        if found is None:
            return None
        subjects = {found["version_digest"], *found["artifacts"], *counting}
        pieces = self._evidence.stream({"project": project, "subjects": {"$in": sorted(subjects)}})
        items = [EvidenceItem.model_validate_json(piece["item"]) async for piece in pieces]
        return _dossier(found, await self.context(project, application), items)

    async def add_version(self, event: VersionCreated) -> None:
        """Keep what a version is. Raises `Conflict` when the same name was announced with other content."""
        document: Document = {
            "_id": f"{event.project}/{event.application}/{event.version}",
            "project": event.project,
            "application": event.application,
            "version": event.version,
            "version_digest": event.version_digest,
            "artifacts": [artifact.digest for artifact in event.artifacts],
        }
        known = await self._versions.get(document["_id"])
        if known is None:
            await self._versions.add(document)
        elif known != document:
            raise Conflict(
                "version_contradictory",
                f"{event.application} {event.version} was announced again with other content.",
                remedy="See why the registry announced one version twice; the gate keeps the first.",
            )

    async def context(self, project: str, application: str) -> ApplicationContext | None:
        """The business context in force; None when nothing was heard of the application."""
        found = await self._applications.get(f"{project}/{application}")
        return ApplicationContext.model_validate({**found, "labels": dict(found["labels"])}) if found else None

    async def put_context(self, context: ApplicationContext) -> None:
        """Put a business context in force, and collide with evaluations that begin to wait under the old one."""
        document = {**context.model_dump(), "labels": _pairs(context), "criticality": context.criticality.value}
        await self._applications.put({"_id": f"{context.project}/{context.application}", **document})
        await self.touch(context.project, [_context_key(context.application)])

    async def add_evidence(self, project: str, item: EvidenceItem) -> None:
        """Keep a piece of evidence, in its newest form. Raises `Conflict` when the same id has other content."""
        key = f"{project}|{item.evidence_id}"
        known = await self._evidence.get(key)
        held = EvidenceItem.model_validate_json(known["item"]) if known else None
        if held is None or newest(held, item) is not held:
            document = {"project": project, "subjects": list(item.subjects), "item": item.model_dump_json()}
            await self._evidence.put({"_id": key, **document})

    async def touch_waiting(self, dossier: Dossier) -> None:
        """Collide with evidence about this version, and with changes of its application."""
        await self.touch(dossier.project, [*dossier.subjects, _context_key(dossier.application)])

    async def touch(self, project: str, subjects: Iterable[str]) -> None:
        """Collide with whoever touches these subjects at the same time: one of the two runs again and sees the other.

        Snapshots alone would let new evidence and an evaluation that waits for it miss each other.
        """
        for subject in sorted(set(subjects)):
            await self._subjects.update({"_id": f"{project}|{subject}"}, {"$inc": {"touched": 1}}, upsert=True)


def _context_key(application: str) -> str:
    return f"context of {application}"


def _pairs(context: ApplicationContext) -> list[list[str]]:
    # Labels are named by people: as pairs, no name can be mistaken for an operator or a path.
    return [[name, value] for name, value in sorted(context.labels.items())]


def _dossier(document: Document, context: ApplicationContext | None, items: list[EvidenceItem]) -> Dossier:
    return Dossier(
        project=document["project"],
        application=document["application"],
        version=document["version"],
        version_digest=document["version_digest"],
        artifacts=tuple(document["artifacts"]),
        criticality=context.criticality if context else Criticality.UNSPECIFIED,
        labels=context.labels if context else {},
        items=tuple(items),
    )
