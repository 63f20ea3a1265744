"""Webhooks in MongoDB."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from services.gateway.webhooks.webhook import Format, Secret, Webhook, WebhookState
from shared.errors import Conflict, NotFound
from shared.messaging.scope import Scope
from shared.mongo import Document, Index

COLLECTION = "webhooks"
INDEXES = (Index((("project", 1), ("state", 1), ("_id", 1))), Index((("state", 1), ("after", 1))))
_LISTENING = {"$in": [WebhookState.ACTIVE.value, WebhookState.PAUSED.value]}
_NOT_DELETED = {"$ne": WebhookState.DELETED.value}


class WebhookRepository:
    """All webhooks, inside a transaction or outside of any."""

    def __init__(self, scope: Scope) -> None:
        self._webhooks = scope.collection(COLLECTION)

    async def known(self, webhook_id: str) -> Webhook | None:
        """The webhook, whatever has become of it."""
        found = await self._webhooks.get(webhook_id)
        return _from_document(found) if found else None

    async def existing(self, webhook_id: str, project: str | None = None) -> Webhook:
        """The webhook, of that project if one is named; deleted ones among them. Raises `NotFound`."""
        found = await self.known(webhook_id)
        if found is None or project not in (None, found.project):
            raise NotFound("webhook_unknown", "There is no such webhook.", remedy="List the webhooks to find its id.")
        return found

    async def add(self, webhook: Webhook, *, at_most: int) -> None:
        """Keep a new one. Raises `Conflict` when the same request made one, or the project has too many."""
        if await self.known(webhook.webhook_id):
            raise Conflict(
                "webhook_already_made",
                "A webhook was made for this idempotency key already, and its secret is shown only once.",
                remedy="List the webhooks; if the secret was lost, rotate it.",
            )
        if await self._webhooks.count({"project": webhook.project, "state": _NOT_DELETED}) >= at_most:
            raise Conflict(
                "webhook_limit_reached",
                f"Project {webhook.project} has {at_most} webhooks already.",
                remedy="Delete one that nobody needs.",
            )
        await self._webhooks.add(_to_document(webhook))

    async def save(self, webhook: Webhook) -> None:
        """Keep it as it is now."""
        await self._webhooks.put(_to_document(webhook))

    async def of_project(self, project: str, *, after: str | None, limit: int) -> list[Webhook]:
        """By id; deleted ones are left out."""
        where: Document = {"project": project, "state": _NOT_DELETED}
        if after:
            where["_id"] = {"$gt": after}
        return [_from_document(found) for found in await self._webhooks.find(where, limit=limit)]

    async def listening(self, projects: list[str]) -> list[Webhook]:
        """Those that get facts of these projects."""
        where = {"project": {"$in": projects}, "state": _LISTENING}
        return [_from_document(found) for found in await self._webhooks.every(where)]

    async def begin_after(self, stream: str) -> int | None:
        """The first place in the stream that no webhook needs any more; None when no webhook needs anything."""
        found = await self._webhooks.find_one({"state": _LISTENING}, sort=(("after", 1),))
        if found is None:
            return None
        elsewhere = await self._webhooks.find_one({"state": _LISTENING, "stream": {"$ne": stream}})
        return 0 if elsewhere else int(found["after"])

    async def failed(self, webhook_id: str, at: datetime) -> None:
        """It did not take a delivery: unless it has failed before, it fails since now."""
        where = {"_id": webhook_id, "failing_since": None}
        await self._webhooks.update(where, {"$set": {"failing_since": at}})

    async def recovered(self, webhook_id: str) -> None:
        """It took a delivery."""
        where = {"_id": webhook_id, "failing_since": {"$ne": None}}
        await self._webhooks.update(where, {"$set": {"failing_since": None}})


def _to_document(webhook: Webhook) -> Document:
    fields = asdict(webhook)
    fields["_id"] = fields.pop("webhook_id")
    return fields | {"format": webhook.format.value, "state": webhook.state.value}


def _from_document(found: Document) -> Webhook:
    return Webhook(
        webhook_id=found["_id"],
        project=found["project"],
        url=found["url"],
        shown=found["shown"],
        events=tuple(found["events"]),
        applications=tuple(found["applications"]),
        format=Format(found["format"]),
        secrets=tuple(Secret(bytes(one["sealed"]), one["ends_at"]) for one in found["secrets"]),
        state=WebhookState(found["state"]),
        stream=found["stream"],
        after=found["after"],
        since=found["since"],
        created_by=found["created_by"],
        created_at=found["created_at"],
        failing_since=found["failing_since"],
        because=found["because"],
    )
