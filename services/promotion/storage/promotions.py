"""Promotions, and the claims that let only one at a time run per version and per stage of an application."""

from __future__ import annotations

from datetime import datetime

from services.promotion.domain.promotion import FINAL, WAITING, Promotion
from shared.errors import Conflict, NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "promotions": (
        Index((("project", 1), ("requested_at", -1), ("_id", 1))),
        Index((("project", 1), ("application", 1), ("requested_at", -1), ("_id", 1))),
        Index((("project", 1), ("application", 1), ("version", 1), ("requested_at", -1), ("_id", 1))),
        Index((("deadline", 1),), where={"open": True}),
        Index((("stepped_at", 1),), where={"open": True}),
    ),
    "claims": (),
}


class Promotions:
    """One repository over both collections: a claim exists exactly as long as its promotion is open."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._promotions = unit.collection("promotions")
        self._claims = unit.collection("claims")

    async def known(self, promotion_id: str) -> Promotion | None:
        """The promotion, or None."""
        found = await self._promotions.get(promotion_id)
        return from_document(found) if found else None

    async def get(self, project: str, promotion_id: str) -> Promotion:
        """The promotion of that project. Raises `NotFound`."""
        found = await self.known(promotion_id)
        if found is None or found.project != project:
            raise NotFound(
                "promotion_unknown", f"There is no promotion {promotion_id} in {project}.", remedy="List them."
            )
        return found

    async def open(self, promotion: Promotion) -> None:
        """Keep a new promotion. Raises `Conflict` while another one has its version or its stage."""
        for claim in _claims(promotion):
            holder = await self._claims.get(claim)
            if holder:
                raise Conflict(
                    "promotion_in_progress",
                    f"The promotion {holder['promotion_id']} is under way for the same version or stage.",
                    remedy="Wait for its end, or cancel it.",
                )
            await self._claims.add({"_id": claim, "promotion_id": promotion.promotion_id})
        await self.save(promotion)

    async def save(self, promotion: Promotion) -> None:
        """Keep it, if nobody changed it since it was read; final ones give their claims back."""
        await self._promotions.replace(_to_document(promotion), revision=promotion.revision)
        if promotion.state in FINAL:
            await self._claims.remove({"promotion_id": promotion.promotion_id})


async def overdue(database: Database, now: datetime, limit: int) -> list[str]:
    """Promotions that have waited past their deadline."""
    where = {"open": True, "deadline": {"$lte": now}, "state": {"$in": [state.value for state in WAITING]}}
    return await _oldest(database, where, "deadline", limit)


async def stalled(database: Database, before: datetime, limit: int) -> list[str]:
    """Promotions whose last step was told to somebody before that moment and was not answered."""
    where = {"open": True, "stepped_at": {"$lte": before}, "doing": {"$ne": None}}
    return await _oldest(database, where, "stepped_at", limit)


async def _oldest(database: Database, where: Document, by: str, limit: int) -> list[str]:
    # Sorted as their index is: sorted by id, MongoDB may walk through everything that ever was.
    promotions = database.collection("promotions")
    return [one["_id"] for one in await promotions.find(where, sort=((by, 1),), limit=limit, only={"_id": 1})]


def _claims(promotion: Promotion) -> tuple[str, str]:
    application = f"{promotion.project}/{promotion.application}"
    return f"version|{application}/{promotion.version}", f"stage|{application}/{promotion.route.to_stage}"


def _to_document(promotion: Promotion) -> Document:
    document = promotion.model_dump(mode="json", exclude={"revision", "positions"})
    # Digests hold no character that MongoDB forbids in keys, but lists of pairs can be read by any tool.
    positions = [[digest, count] for digest, count in promotion.positions.items()]
    times = {name: getattr(promotion, name) for name in ("requested_at", "deadline", "stepped_at")}
    is_open = promotion.state not in FINAL
    return {**document, **times, "_id": promotion.promotion_id, "positions": positions, "open": is_open}


def from_document(document: Document) -> Promotion:
    """A kept promotion as the domain sees it."""
    positions = {digest: count for digest, count in document["positions"]}  # noqa: C416 - pairs, not items
    return Promotion.model_validate({**document, "positions": positions})
