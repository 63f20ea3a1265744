"""Deliveries in MongoDB, and how far the stream of facts has been read for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.vocabulary import utc
from services.gateway.webhooks.delivery import Attempt, Delivery, DeliveryState
from shared.errors import NotFound
from shared.messaging.scope import Scope
from shared.mongo import Document, Index

COLLECTION = "webhook_deliveries"
CURSORS = "webhook_cursors"
INDEXES = (
    Index((("state", 1), ("webhook_id", 1), ("next_at", 1))),
    Index((("webhook_id", 1), ("listed_as", -1))),
    Index((("webhook_id", 1), ("state", 1), ("listed_as", -1))),
    Index((("expires_at", 1),), expire_after_seconds=0),
)
KEPT = timedelta(days=30)
_FACTS = "facts"
_PENDING = DeliveryState.PENDING.value


class Cursor(NamedTuple):
    """How far one stream has been read."""

    stream: str
    sequence: int


class DeliveryRepository:
    """All deliveries, inside a transaction or outside of any."""

    def __init__(self, scope: Scope) -> None:
        self._deliveries = scope.collection(COLLECTION)
        self._cursors = scope.collection(CURSORS)

    async def cursor(self) -> Cursor | None:
        """How far facts have been turned into deliveries."""
        found = await self._cursors.get(_FACTS)
        return Cursor(found["stream"], found["sequence"]) if found else None

    async def move_cursor(self, cursor: Cursor) -> None:
        """Say how far."""
        await self._cursors.put({"_id": _FACTS, **cursor._asdict()})

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep those that are not known yet; the others stay as they are."""
        rows = [({"_id": one.delivery_id}, {"$setOnInsert": _to_document(one)}) for one in deliveries]
        await self._deliveries.update_each(rows)

    async def get(self, webhook_id: str, delivery_id: str) -> Delivery:
        """One of that webhook. Raises `NotFound`."""
        found = await self._deliveries.find_one({"_id": delivery_id, "webhook_id": webhook_id})
        if found is None:
            raise NotFound(
                "delivery_unknown", "There is no such delivery.", remedy="List the deliveries to find its id."
            )
        return _from_document(found)

    async def waiting(self) -> dict[str, datetime]:
        """Webhooks with pending deliveries, and when the first of each is due."""
        found = await self._deliveries.aggregate(
            [
                {"$match": {"state": _PENDING}},
                {"$sort": {"state": 1, "webhook_id": 1, "next_at": 1}},
                {"$group": {"_id": "$webhook_id", "next_at": {"$first": "$next_at"}}},
            ]
        )
        return {one["_id"]: one["next_at"] for one in found}

    async def claim(self, webhook_id: str, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Take due ones, which nobody else takes before `until`: should this process die, somebody does then."""
        where = {"state": _PENDING, "webhook_id": webhook_id, "next_at": {"$lte": now}}
        due = await self._deliveries.find(where, sort=(("next_at", 1),), limit=limit, only={"next_at": 1})
        claimed = []
        for one in due:
            taken = await self._deliveries.change(
                {"_id": one["_id"], "state": _PENDING, "next_at": one["next_at"]},
                {"$set": {"next_at": until}, "$inc": {"tries": 1}},
            )
            if taken is not None:
                claimed.append(_from_document(taken))
        return claimed

    async def settle(self, delivery: Delivery) -> None:
        """Keep what an attempt came to; unless somebody else has tried since, whose outcome counts then."""
        where: Document = {"_id": delivery.delivery_id, "state": _PENDING}
        if delivery.state is not DeliveryState.DELIVERED:
            where["tries"] = delivery.tries
        await self._deliveries.update(where, {"$set": _outcome(delivery)})

    async def replay(self, delivery: Delivery, at: datetime) -> None:
        """Keep one that is to be sent again, and for as long as a new one."""
        await self._deliveries.update(
            {"_id": delivery.delivery_id}, {"$set": {**_outcome(delivery), "expires_at": at + KEPT}}
        )

    async def page(
        self, webhook_id: str, state: DeliveryState | None, *, after: str | None, limit: int
    ) -> tuple[list[Delivery], str | None]:
        """The newest first, without their bodies, and where the next page begins."""
        where: Document = {"webhook_id": webhook_id}
        if state:
            where["state"] = state.value
        if after:
            where["listed_as"] = {"$lt": after}
        found = await self._deliveries.find(where, sort=(("listed_as", -1),), limit=limit + 1, only={"body": 0})
        more = found[limit - 1]["listed_as"] if len(found) > limit else None
        return [_from_document(one) for one in found[:limit]], more

    async def forget(self, webhook_id: str) -> None:
        """Nothing of a webhook is sent any more."""
        await self._deliveries.remove({"webhook_id": webhook_id})


def _outcome(delivery: Delivery) -> Document:
    return {
        "state": delivery.state.value,
        "tries": delivery.tries,
        "next_at": delivery.next_at,
        "attempts": [asdict(one) for one in delivery.attempts],
    }


def _to_document(delivery: Delivery) -> Document:
    return {
        "webhook_id": delivery.webhook_id,
        "project": delivery.project,
        "application": delivery.application,
        "kind": delivery.kind,
        "headers": delivery.headers,
        "body": delivery.body,
        "sequence": delivery.sequence,
        "created_at": delivery.created_at,
        "listed_as": f"{utc(delivery.created_at)}.{delivery.sequence or 0:020}.{delivery.delivery_id}",
        "expires_at": delivery.created_at + KEPT,
        **_outcome(delivery),
    }


def _from_document(found: Document) -> Delivery:
    return Delivery(
        delivery_id=found["_id"],
        webhook_id=found["webhook_id"],
        project=found["project"],
        application=found["application"],
        kind=found["kind"],
        headers=found["headers"],
        body=bytes(found.get("body", b"")),
        created_at=found["created_at"],
        next_at=found["next_at"],
        sequence=found["sequence"],
        state=DeliveryState(found["state"]),
        tries=found["tries"],
        attempts=tuple(Attempt(**one) for one in found["attempts"]),
    )
