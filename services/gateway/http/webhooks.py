"""Webhooks: made, listed, paused, resumed, given another secret, deleted. For administrators of the project."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Path, Query
from pydantic import SecretStr

from contracts.message import PageLimit
from contracts.registry.v1.queries import ShowProject
from contracts.vocabulary import ProjectName, Role
from services.gateway.asking import Asking
from services.gateway.auth import Here, SignedIn
from services.gateway.facts import end_of_facts
from services.gateway.http.webhook_views import MakeWebhook, NewWebhook, RotateSecret, WebhookPage, WebhookView, view
from services.gateway.offering import IdempotencyKey
from services.gateway.parts import Gateway
from services.gateway.storage.webhooks import WebhookRepository
from services.gateway.webhooks.changing import Change
from services.gateway.webhooks.destinations import admitted, destination
from services.gateway.webhooks.transport import look_up
from services.gateway.webhooks.webhook import Secret, Webhook, WebhookState
from shared.crypto.webhook_signature import secret_bytes, secret_text
from shared.digests import canonical_digest
from shared.errors import Conflict, Invalid

router = APIRouter(prefix="/projects/{project}/webhooks", tags=["webhooks"])
WebhookId = Annotated[str, Path(pattern=r"^wh-[0-9a-f]{24}$")]
_RANDOM_BYTES = 32


@router.post("", status_code=201, operation_id="MakeWebhook")
async def make_webhook(
    project: ProjectName, body: MakeWebhook, here: Here, asking: SignedIn, idempotency_key: IdempotencyKey = None
) -> NewWebhook:
    """Have facts of the project sent to a URL, from now on. Needs the role admin in the project."""
    asking.caller.require(project, Role.ADMIN)
    await asking.ask(ShowProject(project=project))
    goal = destination(body.url, here.settings.webhook_rules)
    await _refuse_inside(here, goal.host, goal.port)
    secret, webhook_id = _secret(body.secret), _id(project, asking, idempotency_key)
    end, now = await end_of_facts(here.connection), here.clock()
    webhook = Webhook(
        webhook_id=webhook_id,
        project=project,
        url=str(goal.url),
        shown=goal.shown,
        events=tuple(sorted(set(body.events))),
        applications=tuple(sorted(set(body.applications))),
        format=body.format,
        secrets=(Secret(here.webhooks.sealer.seal(webhook_id, secret)),),
        state=WebhookState.ACTIVE,
        stream=end.stream,
        after=end.sequence,
        since=now,
        created_by=asking.caller.actor.subject,
        created_at=now,
    )
    at_most = here.settings.max_webhooks
    await here.webhooks.changes.create(webhook, at_most=at_most, by=webhook.created_by, cause=asking.meta)
    return NewWebhook(secret=secret_text(secret), **view(webhook, now).model_dump())


@router.get("", operation_id="ListWebhooks")
async def list_webhooks(
    project: ProjectName,
    here: Here,
    asking: SignedIn,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[PageLimit, Query()] = 100,
) -> WebhookPage:
    """Which webhooks does the project have?"""
    asking.caller.require(project, Role.ADMIN)
    found = await WebhookRepository(here.database).of_project(project, after=after, limit=limit + 1)
    page = found[:limit]
    more = page[-1].webhook_id if len(found) > limit else None
    return WebhookPage(webhooks=tuple(view(one, here.clock()) for one in page), next=more)


@router.get("/{webhook_id}", operation_id="ShowWebhook")
async def show_webhook(project: ProjectName, webhook_id: WebhookId, here: Here, asking: SignedIn) -> WebhookView:
    """How is this webhook?"""
    return view(await webhook_of(here, asking, project, webhook_id), here.clock())


@router.delete("/{webhook_id}", operation_id="DeleteWebhook")
async def delete_webhook(project: ProjectName, webhook_id: WebhookId, here: Here, asking: SignedIn) -> WebhookView:
    """End it for good. What has not been delivered never will be, and its secrets are forgotten."""

    def deleted(found: Webhook) -> Webhook:
        return replace(found, state=WebhookState.DELETED, secrets=())

    after = await _change(here, asking, project, webhook_id, "deleted", deleted)
    here.webhooks.postman.woken.set()
    return after


@router.post("/{webhook_id}/pause", operation_id="PauseWebhook")
async def pause_webhook(project: ProjectName, webhook_id: WebhookId, here: Here, asking: SignedIn) -> WebhookView:
    """Send nothing until it is resumed; what happens meanwhile waits, up to 30 days."""

    def paused(found: Webhook) -> Webhook:
        return replace(found, state=WebhookState.PAUSED) if _living(found).state is WebhookState.ACTIVE else found

    return await _change(here, asking, project, webhook_id, "paused", paused)


@router.post("/{webhook_id}/resume", operation_id="ResumeWebhook")
async def resume_webhook(project: ProjectName, webhook_id: WebhookId, here: Here, asking: SignedIn) -> WebhookView:
    """Send again. One that was disabled gets what comes from now on."""
    end, now = await end_of_facts(here.connection), here.clock()

    def resumed(found: Webhook) -> Webhook:
        again = replace(_living(found), state=WebhookState.ACTIVE, because="", failing_since=None)
        was_disabled = found.state is WebhookState.DISABLED
        return replace(again, stream=end.stream, after=end.sequence, since=now) if was_disabled else again

    after = await _change(here, asking, project, webhook_id, "resumed", resumed)
    here.webhooks.postman.woken.set()
    return after


@router.post("/{webhook_id}/rotate", operation_id="RotateWebhookSecret")
async def rotate_secret(
    *,
    project: ProjectName,
    webhook_id: WebhookId,
    here: Here,
    asking: SignedIn,
    body: Annotated[RotateSecret | None, Body()] = None,
) -> NewWebhook:
    """Sign with another secret; for a while with the one before as well."""
    wanted = body or RotateSecret()
    secret = _secret(wanted.secret)
    now = here.clock()
    sealed = Secret(here.webhooks.sealer.seal(webhook_id, secret))

    def rotated(found: Webhook) -> Webhook:
        before = replace(_living(found).secrets[0], ends_at=now + timedelta(hours=wanted.overlap_hours))
        return replace(found, secrets=(sealed, before))

    after = await _change(here, asking, project, webhook_id, "rotated", rotated)
    return NewWebhook(secret=secret_text(secret), **after.model_dump())


async def webhook_of(here: Gateway, asking: Asking, project: str, webhook_id: str) -> Webhook:
    """A webhook that the caller may see. Raises `Forbidden` or `NotFound`."""
    asking.caller.require(project, Role.ADMIN)
    return await WebhookRepository(here.database).existing(webhook_id, project)


async def _change(  # noqa: PLR0917 - what every change needs
    here: Gateway, asking: Asking, project: str, webhook_id: str, change: Change, made: Callable[[Webhook], Webhook]
) -> WebhookView:
    await webhook_of(here, asking, project, webhook_id)
    by, now = asking.caller.actor.subject, here.clock()
    after = await here.webhooks.changes.change(webhook_id, change, made, by=by, cause=asking.meta, at=now)
    return view(after, now)


def _living(webhook: Webhook) -> Webhook:
    if webhook.state is WebhookState.DELETED:
        raise Conflict("webhook_deleted", "The webhook was deleted.", remedy="Make another one.")
    return webhook


async def _refuse_inside(here: Gateway, host: str, port: int) -> None:
    """Refuse a host that leads inside already now; it is looked at again whenever it is sent to."""
    try:
        async with asyncio.timeout(here.settings.webhook_seconds):
            addresses = await look_up(host, port)
    except OSError as error:
        raise Invalid(
            "webhook_host_unknown", "The host of the URL is unknown.", remedy="Check its name, and try again."
        ) from error
    admitted(addresses, here.settings.webhook_rules)


def _secret(given: SecretStr | None) -> bytes:
    return secret_bytes(given.get_secret_value()) if given else secrets.token_bytes(_RANDOM_BYTES)


def _id(project: str, asking: Asking, key: str | None) -> str:
    """The same for a repeated request."""
    actor = asking.caller.actor
    seed = [project, actor.subject, actor.kind.value, key] if key else [uuid4().hex]
    return f"wh-{canonical_digest(seed).removeprefix('sha256:')[:24]}"
