"""Asks workers: a few of them, started when they are needed, replaced when they fail.

- A question that gets no answer in time, or kills its worker, is undecided; the next question finds a new worker.
- Every answer has a code or a value; nothing of a policy's making is raised.
- Whoever stops waiting ends the worker too: a late reply must not become the answer to the next question.
- Undecided answers are never kept here. Asking again is up to the caller, and bounded by its own limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from shared.errors import Transient
from shared.rego.module import Checked
from shared.rego.process import WorkerFailed, WorkerProcess
from shared.rego.protocol import Message, answer_of, checked_of, evaluation, failed_reply, too_large
from shared.rego.question import Answer, Question

LIMIT = 1.0
"""Seconds of wall clock for one question, including the time in which a new policy is compiled."""
WORKERS = 2


class _Seat:
    """A place for one worker. It is asked in one thread and may be given up in another."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._worker: WorkerProcess | None = None
        self._given_up = False
        self._state = threading.Lock()
        self._asking = threading.Lock()

    def ask(self, request: Message) -> Message:
        """The reply of the worker, which is started for the first request and after a failure."""
        with self._asking:
            try:
                return (self._worker or self._start()).ask(request, self._limit)
            except WorkerFailed as failure:
                self._worker = None
                return failed_reply(failure.code, failure.detail)

    def give_up(self) -> None:
        """End the worker, whatever it is doing, and start no other. Never waits."""
        with self._state:
            self._given_up = True
            if self._worker is not None:
                self._worker.kill()

    def leave(self) -> None:
        """End the worker and give back what it held, once nobody is asking it."""
        with self._asking:
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.end()

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess()
        with self._state:
            if not self._given_up:
                self._worker = worker
                return worker
        worker.end()
        raise WorkerFailed("rego_crashed", "Nobody waits for the answer any more.")


class RegoPool:
    """Workers for one event loop. `limit` is in seconds per question."""

    def __init__(self, workers: int = WORKERS, *, limit: float = LIMIT) -> None:
        self._limit = limit
        self._seats = {_Seat(limit) for _ in range(workers)}
        self._free: asyncio.LifoQueue[_Seat] = asyncio.LifoQueue()
        for seat in self._seats:
            self._free.put_nowait(seat)
        # Threads of its own: on Linux a worker dies with the thread that started it.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="rego")

    async def answer(self, question: Question) -> Answer:
        """What the policy answers."""
        return too_large(question) or answer_of(await self._ask(evaluation(question)))

    async def answer_all(self, questions: Iterable[Question]) -> dict[str, Answer]:
        """The answers by the questions' keys, in the order of the keys; equal questions are asked once."""
        asked = {question.key: question for question in questions}
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(self.answer(asked[key])) for key in sorted(asked)}
        return {key: task.result() for key, task in tasks.items()}

    async def check(self, source: str) -> Checked:
        """What is known of the module. Raises `Invalid` when it may not be published, `Transient` without workers."""
        return _checked(await self._ask({"check": source}))

    async def aclose(self) -> None:
        """End all workers; whoever still waits is answered that they crashed."""
        for seat in self._seats:
            seat.give_up()
        await asyncio.to_thread(self._threads.shutdown)
        for seat in self._seats:
            seat.leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(self, request: Message) -> Message:
        seat = await self._free.get()
        try:
            reply = await asyncio.get_running_loop().run_in_executor(self._threads, seat.ask, request)
        except asyncio.CancelledError:
            seat = self._instead_of(seat)
            raise
        finally:
            self._free.put_nowait(seat)
        return reply

    def _instead_of(self, seat: _Seat) -> _Seat:
        """A new seat; the old one is given up at once and left when its thread has noticed."""
        seat.give_up()
        # A pool that is being closed takes no more work, and leaves all its seats itself.
        with contextlib.suppress(RuntimeError):
            self._threads.submit(seat.leave)
            self._seats.remove(seat)
        new = _Seat(self._limit)
        self._seats.add(new)
        return new


def answered_offline(questions: Iterable[Question], *, limit: float = LIMIT) -> dict[str, Answer]:
    """The answers by the questions' keys, in the order of the keys, from one worker that ends with the call."""
    asked = {question.key: question for question in questions}
    seat = _Seat(limit)
    try:
        return {key: too_large(asked[key]) or answer_of(seat.ask(evaluation(asked[key]))) for key in sorted(asked)}
    finally:
        seat.leave()


def checked_offline(source: str, *, limit: float = LIMIT) -> Checked:
    """What is known of the module. Raises as `RegoPool.check` does."""
    seat = _Seat(limit)
    try:
        return _checked(seat.ask({"check": source}))
    finally:
        seat.leave()


def _checked(reply: Message) -> Checked:
    if reply.get("failed", {}).get("code") == "rego_unavailable":
        raise Transient("rego_unavailable", reply["failed"]["detail"], remedy="Ask the operators of this server.")
    return checked_of(reply)
