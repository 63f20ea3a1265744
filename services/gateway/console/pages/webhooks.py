"""Where facts are sent: webhooks of a project and what became of their deliveries."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.vocabulary import ProjectName
from services.gateway.auth import Here
from services.gateway.console.rendering import page
from services.gateway.console.settings_forms import lines
from services.gateway.console.viewing import Sent, Viewed
from services.gateway.http import webhook_deliveries, webhooks
from services.gateway.http.webhook_deliveries import DeliveryId
from services.gateway.http.webhook_views import MakeWebhook
from services.gateway.http.webhooks import WebhookId
from services.gateway.webhooks.webhook import Format

router = APIRouter(prefix="/projects/{project}/webhooks")
_ONE = "/{webhook_id}"


def _path(project: str, webhook_id: str = "") -> str:
    return f"/projects/{project}/webhooks" + (f"/{webhook_id}" if webhook_id else "")


@router.get("")
async def list_webhooks(
    request: Request,
    here: Here,
    viewer: Viewed,
    project: ProjectName,
    after: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """The webhooks of a project."""
    found = await webhooks.list_webhooks(project, here, viewer.asking, after, 50)
    return page(
        request,
        "settings/webhooks.html",
        viewer,
        project=project,
        webhooks=found.webhooks,
        next=found.next,
        formats=[(one.value, one.value) for one in Format],
    )


@router.post("")
async def make_webhook(request: Request, here: Here, form: Sent, project: ProjectName) -> Response:
    """Make a webhook, and show its secret this once."""
    wanted = MakeWebhook.model_validate(
        {
            "url": form.needed("url", "The address"),
            "events": lines(form.text("events")),
            "applications": lines(form.text("applications")),
            "format": form.text("format") or Format.HALLMARK,
        }
    )
    made = await webhooks.make_webhook(project, wanted, here, form.viewer.asking, form.command_id)
    return page(request, "settings/webhook_secret.html", form.viewer, project=project, made=made)


@router.get(_ONE)
async def show_webhook(
    *,
    request: Request,
    here: Here,
    viewer: Viewed,
    project: ProjectName,
    webhook_id: WebhookId,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """One webhook and its deliveries, the newest first."""
    shown, sent = await asyncio.gather(
        webhooks.show_webhook(project, webhook_id, here, viewer.asking),
        webhook_deliveries.list_deliveries(
            project=project, webhook_id=webhook_id, here=here, asking=viewer.asking, after=after, limit=50
        ),
    )
    values: dict[str, Any] = {"project": project, "live": f"project={project}"}
    return page(request, "settings/webhook.html", viewer, shown=shown, sent=sent, **values)


@router.post(f"{_ONE}/pause")
async def pause(here: Here, form: Sent, project: ProjectName, webhook_id: WebhookId) -> Response:
    """Send nothing until it is resumed."""
    await webhooks.pause_webhook(project, webhook_id, here, form.viewer.asking)
    return RedirectResponse(_path(project, webhook_id), 303)


@router.post(f"{_ONE}/resume")
async def resume(here: Here, form: Sent, project: ProjectName, webhook_id: WebhookId) -> Response:
    """Send again."""
    await webhooks.resume_webhook(project, webhook_id, here, form.viewer.asking)
    return RedirectResponse(_path(project, webhook_id), 303)


@router.post(f"{_ONE}/rotate")
async def rotate(request: Request, here: Here, form: Sent, project: ProjectName, webhook_id: WebhookId) -> Response:
    """Sign with another secret, which is shown this once; for a day with the one before as well."""
    made = await webhooks.rotate_secret(project=project, webhook_id=webhook_id, here=here, asking=form.viewer.asking)
    return page(request, "settings/webhook_secret.html", form.viewer, project=project, made=made)


@router.post(f"{_ONE}/delete")
async def delete(here: Here, form: Sent, project: ProjectName, webhook_id: WebhookId) -> Response:
    """End it for good."""
    await webhooks.delete_webhook(project, webhook_id, here, form.viewer.asking)
    return RedirectResponse(_path(project), 303)


@router.post(f"{_ONE}/ping")
async def ping(here: Here, form: Sent, project: ProjectName, webhook_id: WebhookId) -> Response:
    """Send a test event now; what came of it stands in the list."""
    await webhook_deliveries.ping_webhook(project, webhook_id, here, form.viewer.asking)
    return RedirectResponse(_path(project, webhook_id), 303)


@router.post(f"{_ONE}/deliveries/{{delivery_id}}/replay")
async def replay(
    here: Here, form: Sent, project: ProjectName, webhook_id: WebhookId, delivery_id: DeliveryId
) -> Response:
    """Send it once more."""
    await webhook_deliveries.replay_delivery(project, webhook_id, delivery_id, here, form.viewer.asking)
    return RedirectResponse(_path(project, webhook_id), 303)
