"""Promotions, the claims that let only one at a time run per version and stage, and who waits for a claim.

- A claim on the version exists from the request to the end, one on each stage from admission to the end.
- Who waits for a stage writes into the claim that it waits for: so a claim is never given back unseen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.registry.v1.views import VersionView
from contracts.vocabulary import PromotionKind, PromotionState, StageName
from services.promotion.domain.promotion import FINAL, WAITING, Promotion
from shared.errors import Conflict, NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

_NEWEST_FIRST = (("requested_at", -1), ("_id", 1))
_OPEN: Document = {"open": True}
_ENDED: Document = {"open": False}
ENDED = (("state", 1), ("route.release", 1), ("stepped_at", -1))
_QUEUE = (("first", -1), ("requested_at", 1), ("_id", 1))
LOOKED_AT_AGAIN_AFTER = timedelta(seconds=15)
"""How soon a freeze that holds a promotion back is looked at again: it may have been changed."""
INDEXES: dict[str, tuple[Index, ...]] = {
    "promotions": (
        Index((("project", 1), *_NEWEST_FIRST)),
        Index((("project", 1), ("application", 1), *_NEWEST_FIRST)),
        Index((("project", 1), ("application", 1), ("version", 1), *_NEWEST_FIRST)),
        Index((("project", 1), ("state", 1), *_NEWEST_FIRST)),
        Index((("project", 1), ("route.to_stage", 1), *_NEWEST_FIRST)),
        Index((("deadline", 1),), where=_OPEN),
        Index((("open", 1), ("project", 1), ("deadline", 1)), where=_OPEN),
        Index((("state", 1), ("deadline", 1), ("_id", 1)), where=_OPEN),
        Index((("stepped_at", 1),), where=_OPEN),
        Index((("look_at", 1),), where=_OPEN),
        Index((("wants", 1), *_QUEUE), where=_OPEN),
        Index((("claims", 1),), where=_OPEN),
        Index((("train_id", 1),)),
        Index(ENDED, where=_ENDED),
        Index((("project", 1), *ENDED), where=_ENDED),
        Index((("project", 1), ("application", 1), *ENDED), where=_ENDED),
    ),
    "claims": (),
    "trains": (),
}


class Promotions:
    """One repository over promotions and their claims."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._promotions = unit.collection("promotions")
        self._claims = unit.collection("claims")
        self._trains = unit.collection("trains")

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

    async def open(self, promotion: Promotion) -> Promotion:
        """Keep a new promotion. Raises `Conflict` while another one has its version."""
        claim = _version_claim(promotion)
        if holder := await self._claims.get(claim):
            raise in_progress(holder["promotion_id"], f"version {promotion.version}")
        await self._claims.add({"_id": claim, "promotion_id": promotion.promotion_id, "waited": 0})
        return await self.save(promotion)

    async def claim_stages(self, promotion: Promotion) -> str | None:
        """Take every stage that it needs, or none; the id of the promotion that has one of them, else None."""
        wanted = stage_claims(promotion)
        for claim in wanted:
            # Written rather than read: whoever gives this claim back at the same time sees that somebody waits.
            holder = await self._claims.change({"_id": claim}, {"$inc": {"waited": 1}})
            if holder:
                return str(holder["promotion_id"])
        for claim in wanted:
            await self._claims.add({"_id": claim, "promotion_id": promotion.promotion_id, "waited": 0})
        return None

    async def is_taken(self, version: VersionView, stage: StageName | None = None) -> bool:
        """Whether a promotion has the version, or the stage that is named."""
        application = f"{version.project}/{version.application}"
        claim = f"stage|{application}/{stage}" if stage else f"version|{application}/{version.version}"
        return await self._claims.get(claim) is not None

    async def save(self, promotion: Promotion) -> Promotion:
        """Keep it, if nobody changed it since it was read; final ones give their claims back."""
        await self._promotions.replace(_to_document(promotion), revision=promotion.revision)
        if promotion.state in FINAL:
            held = [_version_claim(promotion), *stage_claims(promotion)]
            await self._claims.remove({"_id": {"$in": held}, "promotion_id": promotion.promotion_id})
        return promotion.model_copy(update={"revision": promotion.revision + 1})

    async def waiting_for(self, promotion: Promotion) -> list[Promotion]:
        """Who waits for one of its stages, in the order of their turns."""
        where = {"wants": {"$in": list(stage_claims(promotion))}, **_OPEN}
        return [from_document(one) for one in await self._promotions.find(where, sort=_QUEUE, limit=1000)]

    async def undecided_for(self, promotion: Promotion) -> list[Promotion]:
        """Who else waits for one of its stages, or has it and is not decided yet."""
        claims = {"$in": list(stage_claims(promotion))}
        where = {"claims": claims, "state": {"$in": [state.value for state in WAITING]}, **_OPEN}
        found = await self._promotions.find(where, limit=1000)
        return [from_document(one) for one in found if one["_id"] != promotion.promotion_id]

    async def train(self, train_id: str) -> list[Promotion]:
        """The members of a train."""
        return [from_document(one) for one in await self._promotions.find({"train_id": train_id})]

    async def step_train(self, train_id: str) -> int:
        """Count a step of a train: two members that step at the same time see each other by it."""
        stepped = await self._trains.change({"_id": train_id}, {"$inc": {"steps": 1}}, upsert=True)
        return int(stepped["steps"]) if stepped else 0


def in_progress(holder: str, of: str) -> Conflict:
    """The refusal while another promotion has what is wanted."""
    return Conflict(
        "promotion_in_progress",
        f"The promotion {holder} is under way for {of}.",
        remedy="Wait for its end, or cancel it.",
    )


async def overdue(database: Database, now: datetime, limit: int) -> list[str]:
    """Promotions that have waited past their deadline."""
    where = {**_OPEN, "deadline": {"$lte": now}, "state": {"$in": [state.value for state in WAITING]}}
    return await _oldest(database, where, "deadline", limit)


async def stalled(database: Database, before: datetime, limit: int) -> list[str]:
    """Promotions whose last step was told to somebody before that moment and was not answered, or whose turn passed."""
    queued = {"state": PromotionState.REQUESTED.value}
    where = {**_OPEN, "stepped_at": {"$lte": before}, "$or": [{"doing": {"$ne": None}}, queued]}
    return await _oldest(database, where, "stepped_at", limit)


async def frozen(database: Database, now: datetime, limit: int) -> list[str]:
    """Promotions that a freeze holds back, and that are to be looked at again."""
    return await _oldest(database, {**_OPEN, "look_at": {"$lte": now}}, "look_at", limit)


async def _oldest(database: Database, where: Document, by: str, limit: int) -> list[str]:
    # Sorted as their index is: sorted by id, MongoDB may walk through everything that ever was.
    promotions = database.collection("promotions")
    return [one["_id"] for one in await promotions.find(where, sort=((by, 1),), limit=limit, only={"_id": 1})]


def stage_claims(promotion: Promotion) -> tuple[str, ...]:
    """Every stage whose pointers it changes."""
    stages = {promotion.route.to_stage}
    if promotion.kind is PromotionKind.DEMOTE and promotion.route.from_stage:
        stages.add(promotion.route.from_stage)
    return tuple(f"stage|{promotion.project}/{promotion.application}/{stage}" for stage in sorted(stages))


def _version_claim(promotion: Promotion) -> str:
    return f"version|{promotion.project}/{promotion.application}/{promotion.version}"


def _to_document(promotion: Promotion) -> Document:
    document = promotion.model_dump(mode="json", exclude={"revision", "positions"})
    # Digests hold no character that MongoDB forbids in keys, but lists of pairs can be read by any tool.
    positions = [[digest, count] for digest, count in promotion.positions.items()]
    times = {name: getattr(promotion, name) for name in ("requested_at", "deadline", "stepped_at")}
    is_open = promotion.state not in FINAL
    claims = list(stage_claims(promotion)) if is_open else []
    hold = promotion.hold if is_open else None
    return {
        **document,
        **times,
        "_id": promotion.promotion_id,
        "positions": positions,
        "open": is_open,
        "claims": claims,
        "wants": claims if promotion.state is PromotionState.REQUESTED else [],
        "first": promotion.kind is PromotionKind.ROLLBACK,
        "look_at": min(hold.until, promotion.stepped_at + LOOKED_AT_AGAIN_AFTER) if hold else None,
    }


def from_document(document: Document) -> Promotion:
    """A kept promotion as the domain sees it."""
    positions = {digest: count for digest, count in document["positions"]}  # noqa: C416 - pairs, not items
    return Promotion.model_validate({**document, "positions": positions})
