"""From a NATS message to a handler's paragraph, and from its return to a commit.

For everything that changes something: inbox check, handler, inbox mark and outbox are one transaction, which may run
several times and commits once. Queries read outside of any transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from contracts.headers import Meta
from contracts.message import Command, Intake, Message, Query
from contracts.replies import Accepted
from shared.clock import Clock
from shared.digests import sha256_digest
from shared.identity import Caller, Issuers, proven
from shared.messaging.asking import Asker
from shared.messaging.handlers import Handlers, Heard
from shared.messaging.inbox import mark_handled, refuse_repeats
from shared.messaging.outbox import keep
from shared.messaging.relay import Relay
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Session, in_transaction

W = TypeVar("W")
T = TypeVar("T")


@dataclass(frozen=True)
class Outside:
    """What may be used before the transaction opens."""

    asker: Asker
    database: Database
    meta: Meta
    known_caller: Caller | None
    token: str | None
    equipment: Any = None

    @property
    def caller(self) -> Caller:
        """Who asks. Raises `Unauthenticated` for messages without a token."""
        return proven(self.known_caller)


@dataclass
class Dispatcher(Generic[W]):
    """Carries the messages of one service to its handlers."""

    service: str
    handlers: Handlers[W]
    database: Database
    issuers: Issuers
    asker: Asker
    relay: Relay
    clock: Clock
    equipment: Any = None
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after each commit of this process: for duties that work on what was committed."""

    async def dispatch(self, heard: Heard, message: Message, meta: Meta, token: str | None) -> dict[str, Any] | None:
        """Handle one message; the reply when it is an ask.

        Raises what the handler raises, `Unauthenticated` for asks and intake without a valid token, and
        `AlreadyHandledError` for a repeat.
        """
        caller = self.issuers.verify(token) if token else None
        if heard.is_ask or isinstance(message, Intake):
            proven(caller)
        key = meta.message_id
        if isinstance(message, Command):
            key = f"command:{proven(caller).actor.subject}:{message.command_id}"
        request = sha256_digest(f"{message.subject}\n{message.model_dump_json()}".encode())
        prepared: tuple[Any, ...] = ()
        if heard.prepare:
            if not isinstance(message, Query):
                # A repeat gets the first outcome, whatever the world looks like to `prepare` by now.
                await refuse_repeats(self.database, key, request_digest=request)
            outside = Outside(self.asker, self.database, meta, caller, token, self.equipment)
            prepared = (await heard.prepare(message, outside),)
        if isinstance(message, Query):
            unit = UnitOfWork(self.service, self.database, None, meta, self.clock(), caller, self.equipment)
            answer = await heard.handle(message, self.handlers.work(unit), *prepared)
            return Accepted(answer=answer.model_dump(mode="json")).model_dump()

        async def handle(work: W) -> dict[str, Any] | None:
            answer = await heard.handle(message, work, *prepared)
            return Accepted(answer=answer.model_dump(mode="json")).model_dump() if heard.is_ask else None

        return await self.perform(handle, meta=meta, key=key, request=request, caller=caller)

    async def perform(
        self,
        work: Callable[[W], Awaitable[T]],
        *,
        meta: Meta,
        key: str,
        request: str = "",
        caller: Caller | None = None,
    ) -> T:
        """Do one unit of work, once per `key`; its return value is kept as the reply when it is a JSON object.

        Raises `AlreadyHandledError` when it was done before, and whatever `work` raises, with nothing changed.
        """

        async def attempt(session: Session) -> tuple[T, bool]:
            await refuse_repeats(session, key, request_digest=request)
            now = self.clock()
            unit = UnitOfWork(self.service, self.database, session, meta, now, caller, self.equipment)
            result = await work(self.handlers.work(unit))
            reply = result if isinstance(result, dict) else None
            await mark_handled(session, key, request_digest=request, reply=reply, at=now)
            await keep(session, unit.outbox)
            return result, bool(unit.outbox)

        result, said_something = await in_transaction(self.database, attempt)
        self.committed.set()
        if said_something:
            await self.relay.wake()
        return result
