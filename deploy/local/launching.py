"""The supervisor's end of the launcher: start children, signal them, learn how they ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from deploy.local.layout import PRIVATE_FILE, DataDirectory
from deploy.local.orders import Exec, Exited, Failed, Fork, Import, Imported, Signal, Started, decode_report, encode
from shared.errors import HallmarkError, Transient


@dataclass(frozen=True, slots=True)
class Child:
    """One started process. `exit` resolves to its exit code, or minus the signal that ended it."""

    pid: int
    exit: asyncio.Future[int]


class LauncherClient:
    """One launcher process and what it has started.

    `gone` resolves when the launcher has ended, and with it every child.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader, self._writer = reader, writer
        self._starting: dict[str, asyncio.Future[Child]] = {}
        self._running: dict[str, Child] = {}
        loop = asyncio.get_running_loop()
        self._imported: asyncio.Future[float] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, directory: DataDirectory, lock: int) -> Self:
        """Start a launcher. It and its children inherit `lock`, which is thus held until the last of them ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = _run_launcher(directory, theirs, lock)
        ours.setblocking(False)  # noqa: FBT003 - the socket's own signature
        return cls(process, *await asyncio.open_unix_connection(sock=ours))

    @property
    def pid(self) -> int:
        """The launcher's process id."""
        return self._process.pid

    async def import_once(self, modules: Sequence[str]) -> float:
        """Have the modules imported before the next child is started; the seconds it took.

        The launcher does nothing else meanwhile. Raises `HallmarkError` saying what could not be imported.
        """
        self._writer.write(encode(Import(list(modules))))
        return await asyncio.shield(self._imported)

    async def launch(self, order: Fork | Exec) -> Child:
        """Start a child. Raises `Transient` when it could not be started or the launcher is gone."""
        if self.gone.done():
            raise launcher_gone()
        started: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._starting[order.name] = started
        self._writer.write(encode(order))
        return await started

    def send_signal(self, name: str, number: signal.Signals) -> None:
        """Signal a child; nothing happens when it has ended."""
        if not self.gone.done():
            self._writer.write(encode(Signal(name, int(number))))

    async def close(self) -> None:
        """End the launcher and every child that still runs."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        await self._listening
        try:
            await asyncio.to_thread(self._process.wait, 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def _listen(self) -> None:
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                self._receive(line)
        for child in self._running.values():
            if not child.exit.done():
                child.exit.set_result(-int(signal.SIGKILL))
        waited_for: list[asyncio.Future[Any]] = [*self._starting.values(), self._imported]
        for future in waited_for:
            if not future.done():
                future.set_exception(launcher_gone())
                future.exception()  # it may be that nobody waits for it
        self.gone.set_result(None)

    def _receive(self, line: bytes) -> None:
        match decode_report(line):
            case Imported(seconds):
                self._imported.set_result(seconds)
            case Failed("", reason):
                problem = HallmarkError("service_import_failed", f"The services cannot be started: {reason}.")
                problem.remedy = "See logs/launcher.log in the data directory."
                self._imported.set_exception(problem)
                self._imported.exception()
            case Started(name, pid):
                child = Child(pid, asyncio.get_running_loop().create_future())
                self._running[name] = child
                _resolve(self._starting.pop(name), child)
            case Exited(name, _, code):
                self._running.pop(name).exit.set_result(code)
            case Failed(name, reason):
                problem = Transient("process_not_started", f"{name} could not be started: {reason}.")
                waiting = self._starting.pop(name)
                if not waiting.done():
                    waiting.set_exception(problem)


def _resolve(future: asyncio.Future[Child], child: Child) -> None:
    if not future.done():  # its waiter may have been cancelled
        future.set_result(child)


def _run_launcher(directory: DataDirectory, theirs: socket.socket, lock: int) -> subprocess.Popen[bytes]:
    log = os.open(directory.log("launcher"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "deploy.local.launcher", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(), lock),
            # Ctrl-C reaches the whole session: only the supervisor shall hear it, and stop the rest in order.
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    finally:
        os.close(log)


def launcher_gone() -> Transient:
    """The error that the launcher has ended."""
    return Transient(
        "launcher_gone",
        "The launcher of the local stack ended, and everything with it.",
        remedy="See logs/launcher.log in the data directory, then start the stack again.",
    )
