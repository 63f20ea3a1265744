"""What requests about webhooks hold, and what they are answered with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from contracts.vocabulary import ApplicationName, Document, Frozen, Utc
from services.gateway.webhooks.destinations import LONGEST_URL
from services.gateway.webhooks.webhook import Format, Webhook, WebhookState

Pattern = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z-]*)\.(\*|[a-z][a-z-]*)$", max_length=100)]


class MakeWebhook(Document):
    """Where to send which facts of the project."""

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
    events: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=50)]
    """Noun and verb, such as `promotion.completed`; `*` stands for any noun or verb."""
    applications: Annotated[tuple[ApplicationName, ...], Field(max_length=200)] = ()
    """Empty: all applications, and facts that belong to none."""
    format: Format = Format.HALLMARK
    secret: SecretStr | None = None
    """`whsec_` and the base64 of 24 to 64 bytes; absent: one is made."""


class RotateSecret(Document):
    """Another secret, with some time in which both are used."""

    secret: SecretStr | None = None
    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class WebhookView(Frozen):
    """One webhook, without its secrets."""

    id: str
    project: str
    url: str
    """Without its query, which may hold secrets."""
    events: tuple[str, ...]
    applications: tuple[str, ...]
    format: Format
    state: WebhookState
    because: str
    """Why it is disabled."""
    failing_since: Utc | None
    created_by: str
    created_at: Utc
    old_secret_until: Utc | None
    """How long deliveries are signed with the secret before this one too."""


class NewWebhook(WebhookView):
    """One webhook, with its secret: shown this once."""

    secret: str


class WebhookPage(Frozen):
    """The webhooks of a project."""

    webhooks: tuple[WebhookView, ...]
    next: str | None = None


def view(webhook: Webhook, now: datetime) -> WebhookView:
    """A webhook for its administrators."""
    ends = [one.ends_at for one in webhook.secrets_at(now) if one.ends_at is not None]
    return WebhookView(
        id=webhook.webhook_id,
        project=webhook.project,
        url=webhook.url.partition("?")[0],
        events=webhook.events,
        applications=webhook.applications,
        format=webhook.format,
        state=webhook.state,
        because=webhook.because,
        failing_since=webhook.failing_since,
        created_by=webhook.created_by,
        created_at=webhook.created_at,
        old_secret_until=max(ends, default=None),
    )
