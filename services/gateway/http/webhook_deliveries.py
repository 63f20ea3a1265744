"""What webhooks sent: outcomes, dead letters, replays and pings."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path, Query

from contracts.cdevents import SPECVERSION
from contracts.headers import CE_ID, CE_SOURCE, CE_SPECVERSION, CE_SUBJECT, CE_TIME, CE_TYPE
from contracts.message import PageLimit
from contracts.vocabulary import Frozen, ProjectName, Utc, utc
from services.gateway.auth import Here, SignedIn
from services.gateway.http.webhooks import WebhookId, webhook_of
from services.gateway.parts import Gateway
from services.gateway.storage.deliveries import DeliveryRepository
from services.gateway.webhooks.delivery import Delivery, DeliveryState, replayed
from services.gateway.webhooks.webhook import PING, Format, Webhook, WebhookState, delivery_id
from shared.errors import Conflict

router = APIRouter(prefix="/projects/{project}/webhooks/{webhook_id}", tags=["webhooks"])
DeliveryId = Annotated[str, Path(pattern=r"^msg_[0-9a-f]{32}$")]
PING_TYPE = "dev.cdeventsx.hallmark-webhook.pinged.0.1.0"


class AttemptView(Frozen):
    """One try, and what came of it."""

    at: Utc
    milliseconds: int
    status: int | None
    problem: str


class DeliveryView(Frozen):
    """One fact for one receiver."""

    id: str
    """The receiver sees it as `webhook-id`."""
    webhook_id: str
    event: str
    application: str
    state: DeliveryState
    tries: int
    next_at: Utc | None
    """When it is tried; None when nothing is tried any more."""
    created_at: Utc
    sequence: int | None
    """Its place in the stream of facts."""
    attempts: tuple[AttemptView, ...]


class DeliveryPage(Frozen):
    """Deliveries, the newest first."""

    deliveries: tuple[DeliveryView, ...]
    next: str | None = None


@router.get("/deliveries", operation_id="ListDeliveries")
async def list_deliveries(
    *,
    project: ProjectName,
    webhook_id: WebhookId,
    here: Here,
    asking: SignedIn,
    state: Annotated[DeliveryState | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[PageLimit, Query()] = 50,
) -> DeliveryPage:
    """What was sent, with its outcome? `state=dead` lists what was given up."""
    await webhook_of(here, asking, project, webhook_id)
    found, more = await DeliveryRepository(here.database).page(webhook_id, state, after=after, limit=limit)
    return DeliveryPage(deliveries=tuple(map(_view, found)), next=more)


@router.post("/deliveries/{delivery_id}/replay", status_code=202, operation_id="ReplayDelivery")
async def replay_delivery(
    project: ProjectName, webhook_id: WebhookId, delivery_id: DeliveryId, here: Here, asking: SignedIn
) -> DeliveryView:
    """Send it once more under the same id, whatever became of it; a paused webhook sends it when it is resumed."""
    _refuse_deleted(await webhook_of(here, asking, project, webhook_id))
    deliveries = DeliveryRepository(here.database)
    delivery = replayed(await deliveries.get(webhook_id, delivery_id), here.clock())
    await deliveries.replay(delivery, here.clock())
    here.webhooks.postman.woken.set()
    return _view(delivery)


@router.post("/ping", operation_id="PingWebhook")
async def ping_webhook(project: ProjectName, webhook_id: WebhookId, here: Here, asking: SignedIn) -> DeliveryView:
    """Send a test event now, once, and say what came of it."""
    webhook = await webhook_of(here, asking, project, webhook_id)
    _refuse_deleted(webhook)
    ping = _ping(here, webhook)
    await DeliveryRepository(here.database).add([ping])
    return _view(await here.webhooks.postman.send_now(webhook, ping))


def _ping(here: Gateway, webhook: Webhook) -> Delivery:
    now = here.clock()
    event_id = uuid4().hex
    kind = PING_TYPE if webhook.format is Format.CDEVENTS else "hallmark.ping"
    body: dict[str, Any] = {"project": webhook.project, "webhook_id": webhook.webhook_id, "at": utc(now)}
    if webhook.format is Format.CDEVENTS:
        context = {"specversion": SPECVERSION, "id": event_id, "source": "/hallmark/gateway", "type": kind}
        body = {
            "context": {**context, "timestamp": utc(now)},
            "subject": {"id": webhook.webhook_id, "content": {"project": webhook.project}},
            "customData": {"hallmark": {"event": PING}},
        }
    return Delivery(
        delivery_id=delivery_id(webhook.webhook_id, event_id),
        webhook_id=webhook.webhook_id,
        project=webhook.project,
        application="",
        kind=PING,
        headers={
            CE_SPECVERSION: "1.0",
            CE_ID: event_id,
            CE_SOURCE: "/hallmark/gateway",
            CE_TYPE: kind,
            CE_TIME: utc(now),
            CE_SUBJECT: webhook.webhook_id,
        },
        body=json.dumps(body).encode(),
        created_at=now,
        # Nobody else sends it meanwhile; should this process die, it is sent once more then.
        next_at=now + timedelta(minutes=1),
        tries=1,
    )


def _refuse_deleted(webhook: Webhook) -> None:
    if webhook.state is WebhookState.DELETED:
        raise Conflict("webhook_deleted", "The webhook was deleted.", remedy="Make another one.")


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.delivery_id,
        webhook_id=delivery.webhook_id,
        event=delivery.kind,
        application=delivery.application,
        state=delivery.state,
        tries=delivery.tries,
        next_at=delivery.next_at if delivery.state is DeliveryState.PENDING else None,
        created_at=delivery.created_at,
        sequence=delivery.sequence,
        attempts=tuple(AttemptView.model_validate(vars(one)) for one in delivery.attempts),
    )
