"""From deliveries to receivers: every gateway takes its share.

- A gateway claims a delivery by moving the moment at which somebody else may try it. One that dies in between loses
  nothing: the delivery is sent again after that moment, under the same id.
- Each webhook has few attempts at a time, one that fails has one, and those that fail have lanes of their own: however
  many receivers hang, the others are sent to.
- Nothing else waits for a receiver: promotions, the API and the live streams know nothing of this.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter as Tally
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from contracts.headers import CE_CONTENT_TYPE, Meta
from contracts.vocabulary import utc
from services.gateway.links import PAGE_HEADER, address_of
from services.gateway.settings import GatewaySettings
from services.gateway.storage.deliveries import DeliveryRepository
from services.gateway.storage.webhooks import WebhookRepository
from services.gateway.webhooks.changing import SERVICE, Changes
from services.gateway.webhooks.delivery import Attempt, Delivery, DeliveryState, settled, why_disable, wished_seconds
from services.gateway.webhooks.sealing import Sealer
from services.gateway.webhooks.transport import Courier
from services.gateway.webhooks.webhook import Webhook, WebhookState
from shared.clock import Clock
from shared.crypto.webhook_signature import sign
from shared.errors import Conflict, Transient
from shared.logs import log
from shared.mongo import Database

LANES = 64
"""Attempts at the same time for receivers that work, and as many again for those that fail."""
_LOOKS_EVERY = 1.0
_SLACK = 5.0
"""Seconds beyond the time limit of an attempt until somebody else may try."""

ATTEMPTS = Counter("hallmark_webhook_attempts_total", "Attempts to deliver to webhooks", ["outcome"])
DEAD = Counter("hallmark_webhook_dead_total", "Deliveries that were given up after their last attempt")
DISABLED = Counter("hallmark_webhook_disabled_total", "Webhooks that were disabled because they failed")
UNDER_WAY = Gauge("hallmark_webhook_attempts_under_way", "Attempts of this process that have not ended")
WAITING = Gauge("hallmark_webhooks_waiting", "Webhooks with deliveries that are not taken yet, as last seen")
SECONDS = Histogram("hallmark_webhook_attempt_seconds", "How long attempts took")


class Postman:
    """Sends what is due."""

    def __init__(
        self,
        database: Database,
        settings: GatewaySettings,
        *,
        courier: Courier,
        sealer: Sealer,
        changes: Changes,
        clock: Clock,
    ) -> None:
        self._webhooks = WebhookRepository(database)
        self._deliveries = DeliveryRepository(database)
        self._settings = settings
        self._courier = courier
        self._sealer = sealer
        self._changes = changes
        self._clock = clock
        self.woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Tally[str] = Tally()
        self._lanes: Tally[bool] = Tally()
        """Attempts under way: to receivers that fail (True), and to the others."""

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                self.woken.clear()
                await self._round()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOKS_EVERY):
                        await self.woken.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send_now(self, webhook: Webhook, delivery: Delivery) -> Delivery:
        """One attempt at once, whatever the webhook's state: for pings."""
        attempt, _ = await self._attempt(webhook, delivery)
        after = settled(delivery, attempt, self._settings.webhook_patience, chance=0.5)
        if attempt.problem:
            after = replace(after, state=DeliveryState.DEAD)
        await self._deliveries.settle(after)
        return after

    async def _round(self) -> None:
        waiting = await self._deliveries.waiting()
        WAITING.set(len(waiting))
        now = self._clock()
        for webhook_id, next_at in sorted(waiting.items(), key=lambda one: (one[1], one[0])):
            if next_at > now:
                break
            await self._share(webhook_id)

    async def _share(self, webhook_id: str) -> None:
        """Begin as many attempts for one webhook as it may have."""
        webhook = await self._webhooks.known(webhook_id)
        if webhook is None or webhook.state is WebhookState.DELETED:
            await self._deliveries.forget(webhook_id)
            return
        is_failing = webhook.failing_since is not None
        most = 1 if is_failing else self._settings.webhook_concurrency
        free = min(most - self._under_way[webhook_id], LANES - self._lanes[is_failing])
        if webhook.state is not WebhookState.ACTIVE or free <= 0:
            return
        now = self._clock()
        until = now + timedelta(seconds=self._settings.webhook_seconds + _SLACK)
        for delivery in await self._deliveries.claim(webhook_id, now, until, free):
            self._begin(webhook, delivery, is_failing=is_failing)

    def _begin(self, webhook: Webhook, delivery: Delivery, *, is_failing: bool) -> None:
        self._under_way[webhook.webhook_id] += 1
        self._lanes[is_failing] += 1

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._under_way[webhook.webhook_id] -= 1
            self._lanes[is_failing] -= 1
            self.woken.set()

        task = asyncio.create_task(self._deliver(webhook, delivery))
        self._tasks.add(task)
        task.add_done_callback(ended)

    async def _deliver(self, webhook: Webhook, delivery: Delivery) -> None:
        try:
            attempt, retry_after = await self._attempt(webhook, delivery)
            chance = random.random()  # noqa: S311 - no secret
            after = settled(delivery, attempt, self._settings.webhook_patience, chance=chance, retry_after=retry_after)
            await self._deliveries.settle(after)
            await self._note(webhook, after, attempt)
        except Transient as error:
            # Its claim runs out, and it is tried again.
            log.warning("delivery is not settled", delivery=delivery.delivery_id, problem=error.message)
        except Exception as error:  # noqa: BLE001 - one delivery must not end the others
            log.error("delivery failed inside", delivery=delivery.delivery_id, exc_info=error)

    async def _attempt(self, webhook: Webhook, delivery: Delivery) -> tuple[Attempt, float | None]:
        at, begun = self._clock(), time.monotonic()
        with UNDER_WAY.track_inprogress(), SECONDS.time():
            try:
                status, problem, answer = await self._courier.post(
                    webhook.url, self._headers(webhook, delivery), delivery.body
                )
                wish = wished_seconds(answer.get("retry-after"))
            except Conflict as error:
                status, problem, wish = None, error.message, None
        ATTEMPTS.labels("failed" if problem else "delivered").inc()
        return Attempt(at, round((time.monotonic() - begun) * 1000), status, problem), wish

    def _headers(self, webhook: Webhook, delivery: Delivery) -> dict[str, str]:
        now = self._clock()
        secrets = [self._sealer.open(webhook.webhook_id, one.sealed) for one in webhook.secrets_at(now)]
        signed = sign(secrets, message_id=delivery.delivery_id, at=now, body=delivery.body)
        attributes = {name: value for name, value in delivery.headers.items() if name != CE_CONTENT_TYPE}
        page = address_of(self._settings.public_url, delivery.kind, delivery.body)
        shown = {PAGE_HEADER: page} if page else {}
        return {**attributes, **shown, **signed, "content-type": "application/json", "user-agent": "hallmark-webhook/1"}

    async def _note(self, webhook: Webhook, delivery: Delivery, attempt: Attempt) -> None:
        """What an attempt says about the webhook."""
        if not attempt.problem:
            if webhook.failing_since is not None:
                await self._webhooks.recovered(webhook.webhook_id)
            return
        log.warning(
            "webhook not delivered",
            webhook=webhook.webhook_id,
            delivery=delivery.delivery_id,
            receiver=webhook.shown,
            attempt=delivery.tries,
            problem=attempt.problem,
        )
        if delivery.state is DeliveryState.DEAD:
            DEAD.inc()
        await self._webhooks.failed(webhook.webhook_id, attempt.at)
        longest = timedelta(hours=self._settings.webhook_disabled_after)
        if because := why_disable(attempt, webhook.failing_since, longest):
            await self._disable(webhook, because)

    async def _disable(self, webhook: Webhook, because: str) -> None:
        def disabled(found: Webhook) -> Webhook:
            if found.state is not WebhookState.ACTIVE:
                return found
            return replace(found, state=WebhookState.DISABLED, because=because)

        now = self._clock()
        key = f"webhook-disabled:{webhook.webhook_id}:{utc(now)}"
        cause = Meta(message_id=key, correlation_id=key, source="/hallmark/gateway", time=now)
        await self._changes.change(webhook.webhook_id, "disabled", disabled, by=SERVICE, cause=cause, at=now)
        DISABLED.inc()
        log.error("webhook is disabled", webhook=webhook.webhook_id, receiver=webhook.shown, because=because)
