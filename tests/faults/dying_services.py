"""The real services, in processes that kill themselves at a point that a test names.

- A point is `<service>.<step>.<moment>`. The step is the message at hand by noun and verb (`verdict-issued`), or `duty`
  for work that no message asked for. A transaction that several messages share is at the step of each of them. The
  moments are those of `MOMENTS`.
- The file that `CRASH_FILE` names holds the point, and is gone once a process has died there: nobody dies twice.
- Nothing of this is in the services. A local stack starts `run` below in their place; it wraps what all of them share.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from contracts.headers import Meta
from contracts.message import Message
from services.evidence import app as evidence
from services.gate import app as gate
from services.monitoring import app as monitoring
from services.promotion import app as promotion
from services.registry import app as registry
from shared.messaging import dispatcher as dispatching
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.grouping import Joined
from shared.messaging.handlers import Heard
from shared.messaging.relay import Relay
from shared.mongo import Session

MOMENTS = {
    "fetched": "the message is here, and nothing was done yet",
    "before-txn": "what is needed from elsewhere is here, and no transaction is open",
    "uncommitted": "the handler is done, and its transaction is open",
    "committed": "the effect is committed, and nobody was woken to publish it",
    "published": "the stream has it, and the outbox does not know that",
    "before-ack": "the effect is there, and the message is not acknowledged",
}
RUN: dict[str, Callable[[Mapping[str, str]], None]] = {
    "registry": registry.run,
    "evidence": evidence.run,
    "gate": gate.run,
    "promotion": promotion.run,
    "monitoring": monitoring.run,
}
"""Imported before any fork: a life costs no imports."""
_DUTY = "duty"
_steps: ContextVar[tuple[str, ...]] = ContextVar("steps", default=(_DUTY,))


def step_of(subject: str) -> str:
    """`verdict-issued` for `hallmark.evt.gate.verdict.issued.v1.shop.web`."""
    words = subject.split(".")
    return "-".join(words[3:5]) if words[1] != "in" else f"in-{words[2]}"


class Watcher(Protocol):
    """Who is told of every moment, and may end a life there."""

    def pass_by(self, moment: str, step: str = "") -> None: ...


class Executioner:
    """Ends this process at the point that the file names."""

    def __init__(self, service: str, file: Path) -> None:
        self._service = service
        self._file = file

    def pass_by(self, moment: str, step: str = "") -> None:
        here = {f"{self._service}.{one}.{moment}" for one in ((step,) if step else _steps.get())}
        try:
            if self._file.read_text() not in here:
                return
            self._file.rename(self._file.with_suffix(".done"))  # Of two instances that are here, one dies.
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def _wrap_dispatch(executioner: Watcher) -> None:
    dispatch: Callable[..., Awaitable[Any]] = Dispatcher.dispatch

    async def watched(self: Dispatcher[Any], heard: Heard, message: Message, meta: Meta, token: str | None) -> Any:
        before = _steps.set((step_of(message.subject),))
        try:
            executioner.pass_by("fetched")
            answer = await dispatch(self, heard, message, meta, token)
            executioner.pass_by("before-ack")
            return answer
        finally:
            _steps.reset(before)

    Dispatcher.dispatch = watched  # type: ignore[method-assign]


def _wrap_groups() -> None:
    perform_together: Callable[..., Awaitable[Any]] = Dispatcher.perform_together

    async def watched(self: Dispatcher[Any], joined: Sequence[Joined], *rest: Any, **options: Any) -> Any:
        token = _steps.set(tuple(step_of(one.message.subject) for one in joined) or (_DUTY,))
        try:
            return await perform_together(self, joined, *rest, **options)
        finally:
            _steps.reset(token)

    Dispatcher.perform_together = watched  # type: ignore[method-assign]


def _wrap_transactions(executioner: Watcher) -> None:
    parts = vars(dispatching)
    in_transaction: Callable[..., Awaitable[Any]] = parts["in_transaction"]

    async def watched(database: Any, work: Callable[[Session], Awaitable[Any]]) -> Any:
        async def to_the_end(session: Session) -> Any:
            result = await work(session)
            executioner.pass_by("uncommitted")
            return result

        executioner.pass_by("before-txn")
        result = await in_transaction(database, to_the_end)
        executioner.pass_by("committed")
        return result

    parts["in_transaction"] = watched


def _wrap_relay(executioner: Watcher) -> None:
    mark: Callable[..., Awaitable[None]] = Relay._mark

    async def watched(self: Relay, rows: list[Any]) -> None:
        for row in rows:
            executioner.pass_by("published", step_of(row.subject))
        await mark(self, rows)

    Relay._mark = watched  # type: ignore[method-assign]


def run(env: Mapping[str, str]) -> None:
    """Run the service that `HALLMARK_SERVICE` names, until it dies or is stopped."""
    service = env["HALLMARK_SERVICE"]
    executioner = Executioner(service, Path(env["CRASH_FILE"]))
    _wrap_dispatch(executioner)
    _wrap_groups()
    _wrap_transactions(executioner)
    _wrap_relay(executioner)
    RUN[service](env)
