"""What one service hears: its handlers, each with the message it is for.

A handler is a coroutine `(message, work)` or, when it needs something from outside its own database first,
`(message, work, prepared)`: `prepare(message, outside)` then runs before the transaction opens, since inside it only
MongoDB is reachable. `work` is the service's own unit of work, which names its repositories.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from contracts.message import Addressed, Answer, Command, Event, Intake, Message, Query, Tell, addressed
from shared.identity import Caller
from shared.messaging.unit_of_work import UnitOfWork

W = TypeVar("W")
Handle = Callable[..., Awaitable[Any]]
Prepare = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Spread:
    """How a message that stands for several is taken apart, and how their outcomes become its answer."""

    admit: Callable[[Any, Caller], None]
    """Raises what refuses the message as a whole."""
    parts: Callable[[Any], Sequence[Command]]
    """The messages, each with a command id of its own that follows from the whole's."""
    answer: Callable[[Sequence[dict[str, Any] | BaseException]], Answer]
    """Gets for each, in order, the answer as JSON or what it raised."""


@dataclass(frozen=True)
class Heard:
    """One message a service hears, and what it does then."""

    message: type[Message]
    handle: Handle | None
    """None for messages of a group whose duty does the work itself."""
    prepare: Prepare | None
    workers: int
    """How many of these one instance handles at a time."""
    group: str | None = None
    """The group whose transaction it shares (`grouping.py`)."""
    spread: Spread | None = None
    """How it is taken apart, when it stands for several messages."""

    @property
    def subject(self) -> str:
        """The NATS subject to listen on; facts end in any project and any application."""
        return f"{self.message.subject}.*.*" if issubclass(self.message, Event) else self.message.subject

    def subject_for(self, service: str) -> str:
        """As `subject`, for the service that listens."""
        return addressed(self.subject, service) if issubclass(self.message, Addressed) else self.subject

    def title_for(self, service: str) -> str:
        """The message's name, as descriptions call it: those of `Addressed` messages name the service, too."""
        name = self.message.__name__
        return f"{name}Of{service.title()}" if issubclass(self.message, Addressed) else name

    @property
    def is_ask(self) -> bool:
        """Whether somebody waits for a reply."""
        return issubclass(self.message, Command | Query)

    def durable(self, service: str) -> str:
        """The durable consumer's name; never renamed, since a new name hears the whole stream again."""
        words = self.message.subject.removeprefix("hallmark.").split(".")
        return "-".join([service, *words])


class Handlers(Generic[W]):
    """The table of contents of a service's handlers."""

    def __init__(self, work: Callable[[UnitOfWork], W]) -> None:
        self.work = work
        self.heard: dict[type[Message], Heard] = {}

    def command(self, message: type[Command], *, prepare: Prepare | None = None) -> Callable[[Handle], Handle]:
        """Handles a command: returns its answer, or raises."""
        return self._add(message, prepare, workers=32)

    def query(self, message: type[Query], *, prepare: Prepare | None = None) -> Callable[[Handle], Handle]:
        """Handles a query: returns its answer, or raises. Nothing is written."""
        return self._add(message, prepare, workers=32)

    def on(
        self,
        message: type[Event | Tell | Intake],
        *,
        prepare: Prepare | None = None,
        workers: int = 8,
        group: str | None = None,
    ) -> Callable[[Handle], Handle]:
        """Handles something durable: it is acknowledged when the work is committed.

        In a `group` it waits for a duty of the service, which calls the handler in the transaction of all that wait.
        """
        return self._add(message, prepare, workers=workers, group=group)

    def grouped(self, message: type[Command | Intake], group: str, *, prepare: Prepare, workers: int) -> None:
        """Has a message wait in a group, prepared; a duty of the service takes it from there."""
        self._register(Heard(message, None, prepare, workers, group))

    def spread(self, message: type[Command], spread: Spread) -> None:
        """Has a message handled as the several that it stands for: each succeeds or fails for itself."""
        self._register(Heard(message, None, None, workers=32, spread=spread))

    def _add(
        self, message: type[Message], prepare: Prepare | None, *, workers: int, group: str | None = None
    ) -> Callable[[Handle], Handle]:
        def register(handle: Handle) -> Handle:
            self._register(Heard(message, handle, prepare, workers, group))
            return handle

        return register

    def _register(self, heard: Heard) -> None:
        if heard.message in self.heard:
            raise ValueError(f"{heard.message.__name__} is handled twice")
        self.heard[heard.message] = heard
