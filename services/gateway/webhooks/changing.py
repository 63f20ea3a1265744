"""Changes of webhooks: kept and announced in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from contracts.gateway.v1.events import WebhookChanged
from contracts.headers import Meta
from services.gateway.storage.webhooks import WebhookRepository
from services.gateway.webhooks.webhook import Webhook
from shared.messaging.outbox import keep, outgoing
from shared.messaging.relay import Relay
from shared.mongo import Database, Session, in_transaction

Change = Literal["created", "paused", "resumed", "rotated", "disabled", "deleted"]
SERVICE = "gateway"


class Changes:
    """Keeps what becomes of webhooks, and tells it."""

    def __init__(self, database: Database, relay: Relay) -> None:
        self._database = database
        self._relay = relay

    async def create(self, webhook: Webhook, *, at_most: int, by: str, cause: Meta) -> None:
        """Keep a new one. Raises `Conflict` as the repository does."""

        async def work(session: Session) -> None:
            await WebhookRepository(session).add(webhook, at_most=at_most)
            await _tell(session, webhook, "created", by=by, cause=cause, at=webhook.created_at)

        await in_transaction(self._database, work)
        await self._relay.wake()

    async def change(
        self, webhook_id: str, change: Change, made: Callable[[Webhook], Webhook], *, by: str, cause: Meta, at: datetime
    ) -> Webhook:
        """Keep what `made` makes of the webhook, and tell it unless that is nothing new. Raises what `made` raises."""

        async def work(session: Session) -> tuple[Webhook, bool]:
            webhooks = WebhookRepository(session)
            before = await webhooks.existing(webhook_id)
            after = made(before)
            if after == before:
                return before, False
            await webhooks.save(after)
            await _tell(session, after, change, by=by, cause=cause, at=at)
            return after, True

        after, is_new = await in_transaction(self._database, work)
        if is_new:
            await self._relay.wake()
        return after


async def _tell(session: Session, webhook: Webhook, change: Change, *, by: str, cause: Meta, at: datetime) -> None:
    event = WebhookChanged(
        project=webhook.project,
        webhook_id=webhook.webhook_id,
        change=change,
        receiver=webhook.shown,
        events=webhook.events,
        by=by,
        because=webhook.because,
        at=at,
    )
    await keep(session, [outgoing(event, service=SERVICE, cause=cause, place=0, at=at)])
