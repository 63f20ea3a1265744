"""Evaluations: what promotions have asked and may be waiting for.

They are work in progress, not record (verdicts are): a day after its deadline MongoDB drops one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import ApplicationName, Digest, ProjectName
from services.gate.domain.evaluation import Evaluation
from shared.mongo import Collection, Document, Index

_KEPT_SECONDS = 86_400
INDEXES = (
    Index((("project", 1), ("subjects", 1)), where={"open": True}),
    Index((("project", 1), ("application", 1)), where={"open": True}),
    Index((("deadline", 1),), expire_after_seconds=_KEPT_SECONDS),
)


@dataclass(frozen=True, slots=True)
class HeldEvaluation:
    """An evaluation as stored, and the revision to replace it at."""

    evaluation: Evaluation
    revision: int


class EvaluationRepository:
    """One evaluation per attempt of a promotion."""

    def __init__(self, evaluations: Collection) -> None:
        self._evaluations = evaluations

    async def find(self, evaluation: Evaluation) -> HeldEvaluation | None:
        """What is stored for the same attempt of the same promotion."""
        document = await self._evaluations.get(_key(evaluation))
        return _from_document(document) if document else None

    async def waiting_for(
        self, project: ProjectName, subjects: Iterable[Digest], *, at: datetime
    ) -> list[HeldEvaluation]:
        """The open ones that evidence about any of these digests could change."""
        return await self._open({"project": project, "subjects": {"$in": sorted(subjects)}}, at)

    async def waiting_in(
        self, project: ProjectName, application: ApplicationName | None = None, *, at: datetime
    ) -> list[HeldEvaluation]:
        """The open ones of a project, or of one application in it."""
        return await self._open({"project": project, **({"application": application} if application else {})}, at)

    async def save(self, evaluation: Evaluation, *, revision: int) -> None:
        """Store how it stands now. Raises `StaleDocumentError` unless the stored one is at `revision` (0: none is)."""
        await self._evaluations.replace(_to_document(evaluation), revision=revision)

    async def _open(self, where: Document, at: datetime) -> list[HeldEvaluation]:
        found = self._evaluations.stream({**where, "open": True, "deadline": {"$gt": at}})
        return [_from_document(document) async for document in found]


def _key(evaluation: Evaluation) -> str:
    return f"{evaluation.promotion_id}|{evaluation.attempt}"


def _to_document(evaluation: Evaluation) -> Document:
    return {
        "_id": _key(evaluation),
        "project": evaluation.case.project,
        "application": evaluation.case.application,
        "subjects": list(evaluation.subjects),
        "open": evaluation.open,
        "deadline": evaluation.deadline,
        "evaluation": evaluation.model_dump(mode="json"),
    }


def _from_document(document: Document) -> HeldEvaluation:
    return HeldEvaluation(Evaluation.model_validate(document["evaluation"]), document["revision"])
