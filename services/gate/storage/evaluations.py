"""Questions whose answer may still change, and when to look at each again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from contracts.gate.v1.commands import EvaluateGates
from contracts.vocabulary import Outcome
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "evaluations": (
        Index((("version", 1),), where={"open": True}),
        Index((("application", 1),), where={"open": True}),
        Index((("project", 1),), where={"open": True}),
        Index((("look_at", 1),), where={"open": True}),
        Index((("promotion_id", 1),)),
    ),
}


class Evaluation(NamedTuple):
    """A question with its last answer."""

    question: EvaluateGates
    fingerprint: str
    outcome: Outcome
    is_open: bool
    looks: tuple[datetime, ...] = ()
    """When to judge it again though nothing was heard, soonest first."""


class Evaluations:
    """What was asked."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._evaluations = unit.collection("evaluations")

    async def remember(self, evaluation: Evaluation) -> None:
        """Keep a question with its answer; earlier attempts of the same promotion are over."""
        question = evaluation.question
        if question.attempt > 1:
            earlier = {"promotion_id": question.promotion_id, "attempt": {"$lt": question.attempt}}
            await self._evaluations.update(earlier, {"$set": {"open": False}})
        application = f"{question.project}/{question.application}"
        await self._evaluations.put(
            {
                "_id": f"{question.promotion_id}|{question.attempt}",
                "promotion_id": question.promotion_id,
                "attempt": question.attempt,
                "project": question.project,
                "application": application,
                "version": f"{application}/{question.version}",
                "deadline": question.deadline,
                "question": question.model_dump_json(),
                "fingerprint": evaluation.fingerprint,
                "outcome": evaluation.outcome.value,
                "open": evaluation.is_open,
                "looks": list(evaluation.looks),
                "look_at": evaluation.looks[0] if evaluation.looks else None,
            }
        )

    async def look_soon(self, evaluations: Sequence[Evaluation], now: datetime) -> None:
        """Have these questions judged again by the next look."""
        keys = [f"{one.question.promotion_id}|{one.question.attempt}" for one in evaluations]
        if keys:
            await self._evaluations.update({"_id": {"$in": keys}, "open": True}, {"$set": {"look_at": now}})

    async def answered(self, question: EvaluateGates) -> bool:
        """Whether a later attempt of the same promotion was asked about already."""
        later = {"promotion_id": question.promotion_id, "attempt": {"$gt": question.attempt}}
        return await self._evaluations.find_one(later) is not None

    async def get(self, key: str) -> Evaluation | None:
        """The question `promotion|attempt`, while it is open."""
        found = await self._evaluations.get(key)
        return _evaluation(found) if found and found["open"] else None

    async def open_about(self, versions: Sequence[str], now: datetime) -> list[Evaluation]:
        """Open questions about any of these versions."""
        return await self._open({"version": {"$in": list(versions)}}, now)

    async def open_in(self, projects: Sequence[str], now: datetime) -> list[Evaluation]:
        """Open questions of these projects; of every one when `*` is among them."""
        return await self._open({} if "*" in projects else {"project": {"$in": list(projects)}}, now)

    async def open_of(self, project: str, application: str, now: datetime) -> list[Evaluation]:
        """Open questions about versions of one application."""
        return await self._open({"application": f"{project}/{application}"}, now)

    async def _open(self, where: Document, now: datetime) -> list[Evaluation]:
        found = self._evaluations.stream({**where, "open": True, "deadline": {"$gt": now}})
        return [_evaluation(document) async for document in found]


async def due(database: Database, now: datetime, limit: int) -> list[str]:
    """Keys of open questions to look at again now, the most overdue first."""
    found = await database.collection("evaluations").find(
        {"open": True, "look_at": {"$lte": now, "$ne": None}}, sort=(("look_at", 1),), limit=limit
    )
    return [one["_id"] for one in found]


def _evaluation(document: Document) -> Evaluation:
    question = EvaluateGates.model_validate_json(document["question"])
    outcome = Outcome(document["outcome"])
    return Evaluation(question, document["fingerprint"], outcome, document["open"], tuple(document["looks"]))
