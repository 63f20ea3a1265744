"""CDEvents that Hallmark says: one fact in the words that other delivery tools know.

- The body is the CDEvent and nothing else; the CloudEvents headers are those of its binding, not those of our wire.
- Its id depends on the fact alone: the same fact has the same id on whatever road it comes.
- `chainId` is the same for everything about one version, by its digest.
Source: cdevents/spec 0.5.1, spec.md, cloudevents-binding.md and links.md.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import Field

from contracts.message import Event
from contracts.vocabulary import ApplicationName, Digest, Frozen, ProjectName, Utc, utc

SPECVERSION = "0.5.1"
DRAFT = "0.6.0-draft"
"""Of what only the draft has a word for: approvals."""
C = TypeVar("C", bound="Cdevent")


class Fact(Frozen):
    """What a CDEvent says, before it has ids."""

    type: str
    source: str
    about: str
    """Id of the subject."""
    at: datetime
    content: dict[str, Any]
    hallmark: dict[str, Any]
    """What CDEvents have no word for; goes to `customData.hallmark`."""
    follows: str | None = None
    """The CDEvent before it, by id."""
    specversion: str = SPECVERSION
    nth: str = ""
    """Tells apart several events of one type about one subject."""


class CdeventContext(Frozen):
    """Which event this is."""

    specversion: str
    id: str
    source: str
    type: str
    timestamp: Utc
    chain_id: Annotated[str, Field(validation_alias="chainId", serialization_alias="chainId")]
    links: tuple[dict[str, Any], ...] = ()
    """`PATH` links to the event before, when there is one."""


class CdeventSubject(Frozen):
    """What it is about."""

    id: str
    content: dict[str, Any]


class Cdevent(Event):
    """A CDEvent. Project and application stand in its NATS subject only: the body has no room for them."""

    project: Annotated[ProjectName | None, Field(exclude=True)] = None
    application: Annotated[ApplicationName | None, Field(exclude=True)] = None
    context: CdeventContext
    about: Annotated[CdeventSubject, Field(validation_alias="subject", serialization_alias="subject")]
    custom_data: Annotated[dict[str, Any], Field(validation_alias="customData", serialization_alias="customData")]

    def attributes(self) -> dict[str, str]:
        """The CloudEvents attributes of the CDEvents binding."""
        return {
            "id": self.context.id,
            "source": self.context.source,
            "type": self.context.type,
            "time": utc(self.context.timestamp),
            "subject": self.about.id,
        }


def cdevent(kind: type[C], fact: Fact, *, project: str, application: str, version_digest: Digest) -> C:
    """The CDEvent that says this fact about a version."""
    links = ({"linkType": "PATH", "from": {"contextId": fact.follows}},) if fact.follows else ()
    return kind.model_validate(
        {
            "project": project,
            "application": application,
            "context": {
                "specversion": fact.specversion,
                "id": cdevent_id(fact.type, fact.about, fact.nth),
                "source": fact.source,
                "type": fact.type,
                "timestamp": fact.at,
                "chainId": chain_id(version_digest),
                "links": links,
            },
            "subject": {"id": fact.about, "content": fact.content},
            "customData": {"hallmark": fact.hallmark},
        }
    )


def cdevent_id(kind: str, about: str, nth: str = "") -> str:
    """The id of the event of that type about that subject."""
    return hashlib.sha256(f"{kind}\n{about}\n{nth}".encode()).hexdigest()[:32]


def chain_id(version_digest: Digest) -> str:
    """The chain of a version. The standard wants a random UUID (version 4); the digest is as good as random."""
    return str(UUID(bytes=hashlib.sha256(version_digest.encode()).digest()[:16], version=4))


def actor_urn(subject: str) -> str:
    """An actor, as CDEvents name people and systems."""
    return f"urn:hallmark:actor:{quote(subject, safe='')}"
