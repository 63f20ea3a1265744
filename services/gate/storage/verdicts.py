"""Verdicts, never changed once given, and evaluations that are still open."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.views import VerdictPage, VerdictView
from contracts.vocabulary import Outcome
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "verdicts": (Index((("version", 1), ("judged_at", -1), ("_id", 1))),),
    "evaluations": (
        Index((("project", 1), ("subjects", 1)), where={"open": True}),
        Index((("project", 1), ("application", 1)), where={"open": True}),
        Index((("promotion_id", 1),)),
    ),
}


class Evaluation(NamedTuple):
    """A question whose answer may still change."""

    question: EvaluateGates
    fingerprint: str
    outcome: Outcome


class Verdicts:
    """What was said."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._verdicts = unit.collection("verdicts")
        self._evaluations = unit.collection("evaluations")

    async def add(self, verdict: VerdictView) -> None:
        """Keep a verdict."""
        await self._verdicts.add(
            {
                "_id": verdict.verdict_id,
                "version": f"{verdict.project}/{verdict.application}/{verdict.version}",
                "judged_at": verdict.judged_at,
                "verdict": verdict.model_dump_json(),
            }
        )

    async def get(self, project: str, verdict_id: str) -> VerdictView:
        """A verdict of that project. Raises `NotFound`."""
        found = await self._verdicts.get(verdict_id)
        verdict = _verdict(found) if found else None
        if verdict is None or verdict.project != project:
            raise NotFound("verdict_unknown", f"There is no verdict {verdict_id} in {project}.", remedy="List them.")
        return verdict

    async def page(self, version: str, after: str | None, limit: int) -> VerdictPage:
        """Verdicts on `project/application/version`, newest first."""
        where: Document = {"version": version}
        last = await self._verdicts.get(after) if after else None
        if last:
            where["$or"] = [
                {"judged_at": {"$lt": last["judged_at"]}},
                {"judged_at": last["judged_at"], "_id": {"$gt": last["_id"]}},
            ]
        found = await self._verdicts.find(where, sort=(("judged_at", -1), ("_id", 1)), limit=limit + 1)
        # The evidence considered may be long, and belongs to one verdict: it is read with that.
        verdicts = tuple(
            _verdict(document).model_copy(update={"considered": (), "circumstances": None})
            for document in found[:limit]
        )
        return VerdictPage(verdicts=verdicts, next=verdicts[-1].verdict_id if len(found) > limit else None)

    async def remember(self, evaluation: Evaluation, subjects: list[str], *, is_open: bool) -> None:
        """Keep a question with its answer; earlier attempts of the same promotion are over."""
        question = evaluation.question
        await self._evaluations.update(
            {"promotion_id": question.promotion_id, "attempt": {"$lt": question.attempt}}, {"$set": {"open": False}}
        )
        await self._evaluations.put(
            {
                "_id": f"{question.promotion_id}|{question.attempt}",
                "promotion_id": question.promotion_id,
                "attempt": question.attempt,
                "project": question.project,
                "application": question.application,
                "subjects": subjects,
                "deadline": question.deadline,
                "question": question.model_dump_json(),
                "fingerprint": evaluation.fingerprint,
                "outcome": evaluation.outcome.value,
                "open": is_open,
            }
        )

    async def answered(self, question: EvaluateGates) -> bool:
        """Whether a later attempt of the same promotion was asked about already."""
        later = {"promotion_id": question.promotion_id, "attempt": {"$gt": question.attempt}}
        return await self._evaluations.find_one(later) is not None

    async def open_about(self, project: str, subjects: tuple[str, ...], now: datetime) -> list[Evaluation]:
        """Open questions about any of these subjects."""
        return await self._open({"project": project, "subjects": {"$in": list(subjects)}}, now)

    async def open_in(self, project: str, now: datetime) -> list[Evaluation]:
        """Open questions of a project."""
        return await self._open({"project": project}, now)

    async def open_of(self, project: str, application: str, now: datetime) -> list[Evaluation]:
        """Open questions about versions of one application."""
        return await self._open({"project": project, "application": application}, now)

    async def _open(self, where: Document, now: datetime) -> list[Evaluation]:
        found = self._evaluations.stream({**where, "open": True, "deadline": {"$gt": now}})
        return [_evaluation(document) async for document in found]


def _verdict(document: Document) -> VerdictView:
    return VerdictView.model_validate_json(document["verdict"])


def _evaluation(document: Document) -> Evaluation:
    question = EvaluateGates.model_validate_json(document["question"])
    return Evaluation(question, document["fingerprint"], Outcome(document["outcome"]))
