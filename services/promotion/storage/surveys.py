"""The read side over all projects: what is on its way, was stopped, and was released.

What is on its way is read by deadline from the index over open promotions alone; what has ended from one that is
written once, when a promotion ends.
"""

from __future__ import annotations

from collections.abc import Collection as Members
from datetime import UTC, datetime, timedelta

from contracts.promotion.v1.surveys import SurveyPromotions
from contracts.vocabulary import PromotionKind, PromotionState
from services.promotion.domain.promotion import Promotion
from services.promotion.storage.promotions import from_document
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, containing

MOST_COUNTED = 1_000
STOPPED_WITHIN = timedelta(days=14)
_STOPPED = (PromotionState.DENIED, PromotionState.EXPIRED, PromotionState.FAILED)
_GOES_THERE = (PromotionKind.PROMOTE, PromotionKind.RELEASE, PromotionKind.ROLLBACK, PromotionKind.RECERTIFY)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""A bound on the indexed field, which lets the index over open promotions be counted."""
_LOOK_FURTHER = 3
"""Some of those that were stopped have come there since and are left out: so many times more are read."""


class Surveys:
    """Answers about promotions of several projects."""

    def __init__(self, unit: UnitOfWork, query: SurveyPromotions, seen: Members[str] | None) -> None:
        self._promotions = unit.collection("promotions")
        self._limit = query.most
        self._where: Document = {}
        if query.project is not None:
            self._where["project"] = query.project
        elif seen is not None:
            self._where["project"] = {"$in": sorted(seen)}
        if query.application is not None:
            self._where["application"] = query.application
        chosen = {
            "criticality": query.criticality,
            "owners": query.owner,
        }
        self._chosen: Document = {name: value for name, value in chosen.items() if value}
        if query.name is not None:
            self._chosen |= containing("application", query.name)
        """What no index holds: it is looked for in a bounded stretch of time only."""

    async def open(self) -> list[Promotion]:
        """Those that wait for an approval first, then by deadline."""
        awaiting = PromotionState.AWAITING_APPROVAL.value
        found = await self._open({"state": awaiting}, self._limit)
        rest = self._limit - len(found)
        return found + (await self._open({"state": {"$ne": awaiting}}, rest) if rest else [])

    async def count_open(self) -> int:
        """How many are on their way; counted up to 1,000."""
        where = {**self._where, **self._chosen, "open": True, "deadline": {"$gt": _EVER}}
        if not self._chosen:
            # With bounds on both, an index over open promotions holds all that is counted.
            where = {"project": {"$gt": ""}, **where}
        return await self._promotions.count(where, most=MOST_COUNTED)

    async def stopped(self, now: datetime) -> list[Promotion]:
        """Denied, expired or failed lately, newest first, unless their version came there later."""
        states = {"$in": [state.value for state in _STOPPED]}
        where = {"state": states, "route.release": {"$in": [False, True]}, "stepped_at": {"$gte": now - STOPPED_WITHIN}}
        found = await self._ended(where, _LOOK_FURTHER * self._limit)
        overtaken = await self._overtaken(found)
        return [one for one in found if one.promotion_id not in overtaken][: self._limit]

    async def released(self, now: datetime) -> list[Promotion]:
        """Into release stages, newest first."""
        where: Document = {"state": PromotionState.COMPLETED.value, "route.release": True}
        if self._chosen:
            where["stepped_at"] = {"$gte": now - STOPPED_WITHIN}
        return await self._ended(where, self._limit)

    async def _open(self, where: Document, limit: int) -> list[Promotion]:
        found = await self._promotions.find(
            {**self._where, **self._chosen, "open": True, **where}, sort=(("deadline", 1),), limit=limit
        )
        return [from_document(one) for one in found]

    async def _ended(self, where: Document, limit: int) -> list[Promotion]:
        found = await self._promotions.find(
            {**self._where, **self._chosen, "open": False, **where}, sort=(("stepped_at", -1),), limit=limit
        )
        return [from_document(one) for one in found]

    async def _overtaken(self, stopped: list[Promotion]) -> set[str]:
        if not stopped:
            return set()
        ways = [
            {
                "project": one.project,
                "application": one.application,
                "version": one.version,
                "requested_at": {"$gt": one.requested_at},
                "route.to_stage": one.route.to_stage,
                "state": PromotionState.COMPLETED.value,
                "kind": {"$in": [kind.value for kind in _GOES_THERE]},
            }
            for one in stopped
        ]
        only = {"application": 1, "project": 1, "version": 1, "route.to_stage": 1}
        found = await self._promotions.every({"$or": ways}, only=only)
        arrived = {(one["project"], one["application"], one["version"], one["route"]["to_stage"]) for one in found}
        return {
            one.promotion_id
            for one in stopped
            if (one.project, one.application, one.version, one.route.to_stage) in arrived
        }
