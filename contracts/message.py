"""What a message is: five kinds, told apart by their first subject token.

- ask: a command or a query that expects a reply. Core NATS request/reply, a queue group shares the work.
- tell: a durable command from one service to another. JetStream work queue.
- evt: a fact, in the past tense. JetStream; the subject ends in the project and application it is about.
- in: something from outside. JetStream work queue; carries a token.
- dead: a message that nobody could handle, with the reason. JetStream, long retention.

The subject of a class is a constant; the class name says the same words. A body is the JSON of one frozen model and
stays under `MAX_BODY` bytes: larger content travels as a digest. Everything about the message itself, such as its id
and its cause, travels in headers (`contracts/headers.py`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.vocabulary import ApplicationName, Frozen, MessageId, ProjectName

MAX_BODY = 256 * 1024
"""Bytes. NATS itself allows more; streams with large messages make every consumer slow."""
NOBODY = "_"
"""Stands in a subject where a fact belongs to no project or to no single application."""

ServiceName = Literal["registry", "evidence", "gate", "promotion", "monitoring"]
"""The services that handle messages."""
CommandId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
"""Chosen by the caller: the same id from the same caller is the same command and gets the first outcome again."""
PageLimit = Annotated[int, Field(ge=1, le=500)]


class Message(Frozen):
    """Anything that travels."""

    subject: ClassVar[str]

    def address(self) -> str:
        """The concrete NATS subject to publish this very message on."""
        return self.subject

    def attributes(self) -> dict[str, str]:
        """CloudEvents attributes of its own, in place of those of the wire: for what another standard binds."""
        return {}


class Answer(Frozen):
    """What an accepted ask is answered with."""


class Command(Message):
    """Asks a service to change something, once."""

    answer: ClassVar[type[Answer]]
    command_id: CommandId


class Query(Message):
    """Asks a service what it knows; changes nothing."""

    answer: ClassVar[type[Answer]]


class Addressed(Message):
    """Asked of the one service that it names. In the subject of the class, `any` stands for all of them."""

    service: ServiceName

    def address(self) -> str:
        """`hallmark.ask.<service>.<noun>.<verb>.v<n>`."""
        return addressed(self.subject, self.service)


def addressed(subject: str, service: str) -> str:
    """The subject of an `Addressed` message for one service, or with `*` for all that there are."""
    return subject.replace(".any.", f".{service}.", 1)


class Tell(Message):
    """A durable command from one service to another; its outcome comes back as an event."""

    project: ProjectName
    application: ApplicationName


class Event(Message):
    """A fact. `project` and `application` end its subject, so that subscribers can filter by them."""

    project: ProjectName | None
    application: ApplicationName | None

    def address(self) -> str:
        """`<subject>.<project>.<application>`, with `_` where the fact has none."""
        return f"{self.subject}.{self.project or NOBODY}.{self.application or NOBODY}"


class Intake(Message):
    """Something from outside that has been published on `hallmark.in.<format>`."""


class DeadLetter(Message):
    """A message that could not be handled; kept until an operator replays or drops it."""

    subject: ClassVar[str] = "hallmark.dead"
    service: str
    stream: str
    original_subject: str
    original_id: MessageId
    deliveries: int
    code: str
    reason: str
    headers: dict[str, str]
    body: str
    """The original body, base64."""

    def address(self) -> str:
        """`hallmark.dead.<service>.<original subject>`."""
        return f"{self.subject}.{self.service}.{self.original_subject}"
