"""What the gateway says has happened."""

from __future__ import annotations

from typing import ClassVar, Literal

from contracts.message import Event
from contracts.vocabulary import ProjectName, Utc


class WebhookChanged(Event):
    """A webhook was made, changed, or disabled because its receiver failed for days."""

    subject: ClassVar[str] = "hallmark.evt.gateway.webhook.changed.v1"
    project: ProjectName
    application: None = None
    webhook_id: str
    change: Literal["created", "paused", "resumed", "rotated", "disabled", "deleted"]
    receiver: str
    """Scheme, host and port of its URL: the path may be as good as a secret."""
    events: tuple[str, ...]
    by: str
    """Who did it: a person or a system that signed in, or `gateway`."""
    because: str = ""
    at: Utc
