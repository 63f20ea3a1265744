"""Which facts a webhook gets: pure.

- A webhook belongs to one project and never gets a fact of another one.
- A pattern names noun and verb of a fact, `promotion.completed`; `*` stands for any noun or any verb.
- It gets what comes after it was made: by the place in the stream, and by time in a stream that was made anew and is
  told old facts again.
- A paused one gets everything later, when it is resumed; a disabled one gets what comes after it was resumed.
- In the format `cdevents` it gets CDEvents only, and patterns name the events of Hallmark behind them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from contracts.headers import CE_TIME, decode

PING = "webhook.pinged"
CDEVENT = "cdevent"
"""The noun of facts that are CDEvents."""
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class Format(StrEnum):
    """What a receiver gets."""

    HALLMARK = "hallmark"
    CDEVENTS = "cdevents"


class WebhookState(StrEnum):
    """Whether anything is sent."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    """It failed for days, or its receiver said that it is gone."""
    DELETED = "deleted"


@dataclass(frozen=True)
class Secret:
    """One secret, sealed."""

    sealed: bytes
    ends_at: datetime | None = None
    """When the one that took over stands alone; None for the newest."""


@dataclass(frozen=True)
class Webhook:
    """Where facts of one project are sent."""

    webhook_id: str
    project: str
    url: str
    shown: str
    """Scheme, host and port of the URL: all that may be logged and announced."""
    events: tuple[str, ...]
    applications: tuple[str, ...]
    """Empty: all, and facts that belong to no application."""
    format: Format
    secrets: tuple[Secret, ...]
    """The newest first."""
    state: WebhookState
    stream: str
    """The stream of facts as it was made then: its places mean nothing in another one."""
    after: int
    """The last place in the stream that it does not get."""
    since: datetime
    """When that was the end of the stream."""
    created_by: str
    created_at: datetime
    failing_since: datetime | None = None
    because: str = ""
    """Why it is disabled."""

    def secrets_at(self, now: datetime) -> tuple[Secret, ...]:
        """Those to sign with."""
        return tuple(one for one in self.secrets if one.ends_at is None or now < one.ends_at)


@dataclass(frozen=True)
class HeardFact:
    """A fact as it came from the stream."""

    stream: str
    sequence: int
    event_id: str
    kind: str
    """Noun and verb; of a CDEvent those of the event of Hallmark behind it."""
    project: str
    application: str
    headers: dict[str, str]
    """CloudEvents attributes, as headers."""
    body: bytes
    said_at: datetime
    is_cdevent: bool


def heard(stream: str, sequence: int, subject: str, headers: dict[str, str], body: bytes) -> HeardFact:
    """Read a message of the stream of facts. A CDEvent that names no event of Hallmark is a `cdevent.published`."""
    _, _, _, noun, verb, _, project, application = subject.split(".")
    kind = f"{noun}.{verb}"
    return HeardFact(
        stream=stream,
        sequence=sequence,
        event_id=headers.get("Nats-Msg-Id") or f"{stream}.{sequence}",
        kind=(_behind(body) or kind) if noun == CDEVENT else kind,
        project=project,
        application=application,
        headers={name: value for name, value in headers.items() if name.startswith("ce-")},
        body=body,
        said_at=_time(headers.get(CE_TIME, "")),
        is_cdevent=noun == CDEVENT,
    )


def wants(webhook: Webhook, fact: HeardFact) -> bool:
    """Whether the webhook gets the fact."""
    is_later = fact.sequence > webhook.after if fact.stream == webhook.stream else fact.said_at >= webhook.since
    return (
        is_later
        and webhook.state in (WebhookState.ACTIVE, WebhookState.PAUSED)
        and fact.project == webhook.project
        and (not webhook.applications or fact.application in webhook.applications)
        and fact.is_cdevent == (webhook.format is Format.CDEVENTS)
        and any(_fits(pattern, fact.kind) for pattern in webhook.events)
    )


def delivery_id(webhook_id: str, event_id: str) -> str:
    """The `webhook-id` of an event for a webhook: the same however often it is sent."""
    both = f"{webhook_id}\n{event_id}"
    return f"msg_{hashlib.sha256(both.encode()).hexdigest()[:32]}"


def _fits(pattern: str, kind: str) -> bool:
    wanted, found = pattern.split("."), kind.split(".")
    return len(wanted) == len(found) and all(one in ("*", other) for one, other in zip(wanted, found, strict=True))


def _time(text: str) -> datetime:
    """When a fact was said; now or later, as far as anybody can tell, where it does not say so."""
    try:
        found = datetime.fromisoformat(decode(text))
    except ValueError:
        return _UNKNOWN
    return found if found.tzinfo else _UNKNOWN


def _behind(body: bytes) -> str:
    try:
        event: Any = json.loads(body)
        return str(event["customData"]["hallmark"]["event"])
    except (ValueError, KeyError, TypeError):
        return ""
