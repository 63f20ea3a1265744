"""Documents that two transactions both write when one must not overlook the other.

Under snapshot isolation a transaction that stores evidence and one that stores a waiting evaluation read past each
other: neither sees what the other adds, both commit, and nobody judges again. So both touch one document; MongoDB then
refuses one of them, which runs again and sees everything.

- A waiting evaluation meets new evidence at each of its subjects, a new policy at its project's policies, and a
  change of its application at the application.
- Whoever judges again writes the evaluation itself: there the two meet without any of these.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.vocabulary import ApplicationName, Digest, ProjectName
from services.gate.domain.dossier import Dossier
from shared.errors import Transient
from shared.mongo import Collection, DuplicateKeyError, Index

INDEXES: tuple[Index, ...] = ()


class MeetingPoints:
    """Touching one makes this transaction collide with every other one that touches it at the same time."""

    def __init__(self, points: Collection) -> None:
        self._points = points

    async def for_evidence(self, project: ProjectName, subjects: Iterable[Digest]) -> None:
        """Meet evaluations of versions that these digests belong to."""
        await self._touch(_subject(project, digest) for digest in subjects)

    async def for_policies(self, project: ProjectName) -> None:
        """Meet all evaluations of the project."""
        await self._touch([_policies(project)])

    async def for_application(self, project: ProjectName, application: ApplicationName) -> None:
        """Meet all evaluations of the application."""
        await self._touch([_application(project, application)])

    async def for_waiting(self, dossier: Dossier) -> None:
        """Meet everything that could end the waiting of an evaluation of this version."""
        project = dossier.project
        subjects = (_subject(project, digest) for digest in dossier.subjects)
        await self._touch([*subjects, _policies(project), _application(project, dossier.application)])

    async def _touch(self, keys: Iterable[str]) -> None:
        ids = sorted(set(keys))
        touched = await self._points.update({"_id": {"$in": ids}}, {"$inc": {"touched": 1}})
        if touched == len(ids):
            return
        found = await self._points.find({"_id": {"$in": ids}}, limit=len(ids), only={"_id": 1})
        present = {document["_id"] for document in found}
        try:
            await self._points.add_all([{"_id": key, "touched": 1} for key in ids if key not in present])
        except DuplicateKeyError as error:
            raise Transient("transaction_conflict", "Somebody else was here first; this runs again.") from error


def _subject(project: str, digest: str) -> str:
    return f"{project}|subject|{digest}"


def _policies(project: str) -> str:
    return f"{project}|policies"


def _application(project: str, application: str) -> str:
    return f"{project}|application|{application}"
