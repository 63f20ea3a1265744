"""From a NATS message to a handler's paragraph, and from its return to a commit.

For everything that changes something: inbox check, handler, inbox mark and outbox are one transaction, which may run
several times and commits once. Queries read outside of any transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import uuid4

from contracts.headers import Meta
from contracts.message import Answer, Command, DeadLetter, Intake, Message, Query
from contracts.replies import Accepted
from shared.clock import Clock
from shared.digests import sha256_digest
from shared.errors import HallmarkError, NotFound, Rejection, Transient
from shared.identity import Caller, Issuers, proven
from shared.messaging import inbox
from shared.messaging.asking import Asker
from shared.messaging.backpressure import Backpressure
from shared.messaging.grouping import Group, Joined, Outcome
from shared.messaging.handlers import Handlers, Heard, Spread
from shared.messaging.inbox import AlreadyHandledError
from shared.messaging.outbox import keep
from shared.messaging.relay import Relay
from shared.messaging.unburying import unburied
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
    again: Callable[[DeadLetter], Awaitable[None]] | None = None
    """Handles the message of a dead letter in a transaction of its own, once; raises what its handler raises."""

    @property
    def caller(self) -> Caller:
        """Who asks. Raises `Unauthenticated` for messages without a token."""
        return proven(self.known_caller)


@dataclass(frozen=True)
class Turn:
    """One message of a group, and what handling it says."""

    joined: Joined
    unit: UnitOfWork


def request_digest(message: Message) -> str:
    """What tells one request from another under the same key: all that it says beyond the defaults.

    So a request that is repeated across an upgrade is the same, although its class has got more optional fields.
    """
    return sha256_digest(f"{message.subject}\n{message.model_dump_json(exclude_defaults=True)}".encode())


Together = Callable[[Sequence[Turn], W], Awaitable[Sequence[Answer | HallmarkError | None]]]
"""The work of several messages: an answer, what is wrong, or nothing for what expects no reply; for each in order."""


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
    """Set after each commit of this process, and when a message joins a group: for duties that work on either."""
    commits: int = 0
    """How many single units of work this process has committed."""
    backpressure: Backpressure = field(init=False)
    """Holds commands off while nobody hears what came of earlier ones."""
    groups: dict[str, Group] = field(init=False)
    """Messages that wait to be handled together, by the name of their group."""

    def __post_init__(self) -> None:
        self.backpressure = Backpressure(self.database)
        names = {heard.group for heard in self.handlers.heard.values() if heard.group}
        self.groups = {name: Group(self.committed) for name in names}

    async def dispatch(self, heard: Heard, message: Message, meta: Meta, token: str | None) -> dict[str, Any] | None:
        """Handle one message; the reply when it is an ask.

        Raises what the handler raises, `Unauthenticated` for asks and intake without a valid token, and
        `AlreadyHandledError` for a repeat.
        """
        caller = self.issuers.verify(token) if token else None
        await self._admit(heard, message, caller)
        if heard.spread:
            heard.spread.admit(message, proven(caller))
            return await self._dispatch_parts(heard.spread, message, meta, token)
        key = meta.message_id
        if isinstance(message, Command):
            key = f"command:{proven(caller).actor.subject}:{message.command_id}"
        request = request_digest(message)
        prepared: tuple[Any, ...] = ()
        if heard.prepare:
            outside = Outside(self.asker, self.database, meta, caller, token, self.equipment, self._again)
            try:
                prepared = (await heard.prepare(message, outside),)
            except Rejection:
                # A repeat gets the first outcome, whatever the world looks like to `prepare` by now.
                if not isinstance(message, Query):
                    await inbox.refuse_repeats(self.database, key, request_digest=request)
                raise
        if heard.handle is None or heard.group:
            prepared_or_not = prepared[0] if prepared else None
            joined = Joined(message, meta, key, request, caller, prepared_or_not)
            return await self.groups[str(heard.group)].join(joined)
        carry_out = heard.handle
        if isinstance(message, Query):
            unit = UnitOfWork(self.service, self.database, None, meta, self.clock(), caller, self.equipment)
            answer = await self._answer(partial(carry_out, message, self.handlers.work(unit), *prepared))
            return Accepted(answer=answer.model_dump(mode="json")).model_dump()

        async def handle(work: W) -> dict[str, Any] | None:
            answer = await carry_out(message, work, *prepared)
            return Accepted(answer=answer.model_dump(mode="json")).model_dump() if heard.is_ask else None

        return await self.perform(handle, meta=meta, key=key, request=request, caller=caller, answers=heard.is_ask)

    async def _answer(self, query: Callable[[], Awaitable[Answer]]) -> Answer:
        """What a query finds. "There is none" is said only after a second look.

        Right after a failover a read may miss what was acknowledged just before: whoever was told "accepted" must not
        be told then that it does not exist.
        """
        with suppress(NotFound):
            return await query()
        await self.database.catch_up()
        return await query()

    async def _admit(self, heard: Heard, message: Message, caller: Caller | None) -> None:
        if heard.is_ask or isinstance(message, Intake):
            proven(caller)
        if isinstance(message, Command):
            await self.backpressure.admit()

    async def _dispatch_parts(self, spread: Spread, message: Message, meta: Meta, token: str | None) -> dict[str, Any]:
        outcomes = await asyncio.gather(
            *(
                self.dispatch(
                    self.handlers.heard[type(part)],
                    part,
                    meta.model_copy(update={"message_id": f"{meta.message_id}.{place}"}),
                    token,
                )
                for place, part in enumerate(spread.parts(message))
            ),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, asyncio.CancelledError):
                raise outcome
        answers = [
            outcome if isinstance(outcome, BaseException) else (outcome or {})["answer"]
            for outcome in (one.reply if isinstance(one, AlreadyHandledError) else one for one in outcomes)
        ]
        return Accepted(answer=spread.answer(answers).model_dump(mode="json")).model_dump()

    async def _again(self, letter: DeadLetter) -> None:
        heard, message, meta = unburied(letter, self.handlers, self.clock())
        with suppress(AlreadyHandledError):
            await self.dispatch(heard, message, meta, None)

    async def perform(
        self,
        work: Callable[[W], Awaitable[T]],
        *,
        meta: Meta,
        key: str,
        request: str = "",
        caller: Caller | None = None,
        once: bool = True,
        answers: bool = False,
    ) -> T:
        """Do one unit of work, once per `key`. When it `answers` an ask, its return value is kept as the reply.

        Not `once`: no mark is kept, for duties that come again and again, and read first what is left to do. Raises
        `AlreadyHandledError` when it was done before, and whatever `work` raises, with nothing changed.
        """

        async def attempt(session: Session) -> tuple[T, bool]:
            now = self.clock()
            if once and answers:
                await inbox.refuse_repeats(session, key, request_digest=request)
            elif once:
                # Also shows whether it is a repeat. An ask's mark carries the reply, so that it comes last.
                await inbox.mark_first(session, key, request_digest=request, at=now)
            unit = UnitOfWork(self.service, self.database, session, meta, now, caller, self.equipment)
            result = await work(self.handlers.work(unit))
            if once and answers:
                reply = result if isinstance(result, dict) else None
                await inbox.mark_handled(session, key, request_digest=request, reply=reply, at=now)
            await keep(session, unit.outbox)
            return result, bool(unit.outbox)

        try:
            result, said_something = await in_transaction(self.database, attempt)
        except inbox.MarkedBeforeError as error:
            await inbox.refuse_repeats(self.database, key, request_digest=request)
            raise Transient("repeat_under_way", "The same message is being handled at this moment.") from error
        self.commits += 1
        self.committed.set()
        if said_something:
            await self.relay.wake()
        return result

    async def perform_together(
        self,
        joined: Sequence[Joined],
        work: Together[W],
        *,
        hopeful: bool = False,
    ) -> list[tuple[Joined, Outcome]]:
        """Do the work of several messages in one transaction; what to settle each of them with, now it is committed.

        `work` answers for each turn in order: with its answer, or with what is wrong with that one message, of which
        nothing is kept then. It gets those that were not handled before. Whoever is `hopeful` that all of them are new
        saves a question, and gets `DuplicateKeyError` when one is not. Raises what `work` raises; then nothing has
        changed.
        """
        group = f"group:{uuid4().hex}"

        async def attempt(session: Session) -> tuple[list[tuple[Joined, Outcome]], bool]:
            unsure = bool(joined) and not hopeful
            before = await inbox.handled_before(session, {one.key: one.request for one in joined}) if unsure else {}
            fresh = [one for one in joined if one.key not in before]
            outcomes, said_something = await self._handle_together(session, fresh, work, group)
            return [*outcomes, *((one, before[one.key]) for one in joined if one.key in before)], said_something

        outcomes, said_something = await in_transaction(self.database, attempt)
        self.committed.set()
        if said_something:
            await self.relay.wake()
        return outcomes

    async def _handle_together(
        self, session: Session, fresh: Sequence[Joined], work: Together[W], group: str
    ) -> tuple[list[tuple[Joined, Outcome]], bool]:
        now = self.clock()
        meta = Meta(message_id=group, correlation_id=group, source=f"/hallmark/{self.service}", time=now)
        lead = self._unit(session, meta, now, None)
        turns = [Turn(one, self._unit(session, one.meta, now, one.caller)) for one in fresh]
        answers = await work(turns, self.handlers.work(lead))
        outcomes: list[tuple[Joined, Outcome]] = [
            (turn.joined, answer if isinstance(answer, HallmarkError) else _reply(turn.joined.message, answer))
            for turn, answer in zip(turns, answers, strict=True)
        ]
        done = [(one.key, one.request, reply) for one, reply in outcomes if not isinstance(reply, Exception)]
        await inbox.mark_all_handled(session, done, at=now)
        units = [
            turn.unit for turn, answer in zip(turns, answers, strict=True) if not isinstance(answer, HallmarkError)
        ]
        outbox = [row for unit in (lead, *units) for row in unit.outbox]
        await keep(session, outbox)
        return outcomes, bool(outbox)

    def _unit(self, session: Session, meta: Meta, now: datetime, caller: Caller | None) -> UnitOfWork:
        return UnitOfWork(self.service, self.database, session, meta, now, caller, self.equipment)


def _reply(message: Message, answer: Answer | None) -> dict[str, Any] | None:
    if answer is None or not isinstance(message, Command):
        return None
    return Accepted(answer=answer.model_dump(mode="json")).model_dump()
