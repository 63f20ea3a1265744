"""One worker process as its parent sees it: asked one thing at a time, with a limit on the time of each.

Whatever goes wrong ends the process: one that was late, or said too much, is in no known state.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from shared.rego.protocol import LENGTH_BYTES, MAX_REPLY, READY, Message, framed, parsed

START_LIMIT = 30.0
"""Seconds until a started process must be ready: importing takes long on a busy machine."""
_FOLDER = Path(__file__).resolve().parents[2]


class WorkerFailed(Exception):
    """The process gave no answer and has ended; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class WorkerProcess:
    """A started worker. Raises `WorkerFailed` (`rego_unavailable`) when it does not become ready."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "shared.rego.worker", str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                command,
                cwd=_FOLDER,
                env={},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise WorkerFailed("rego_unavailable", "No Rego worker could be started here.") from error
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        try:
            ready = self._exchange(b"", START_LIMIT)
        except WorkerFailed as failure:
            raise WorkerFailed("rego_unavailable", "No Rego worker could be started here.") from failure
        if ready != READY:
            self.end()
            raise WorkerFailed("rego_unavailable", "What was started is no Rego worker.")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, request: Message, seconds: float) -> Message:
        """The reply to `request`. Raises `WorkerFailed` when there is none within `seconds`: the process is gone."""
        return self._exchange(framed(request), seconds)

    def kill(self) -> None:
        """End the process from another thread; whoever is waiting for its reply sees it die."""
        self._process.kill()

    def end(self) -> None:
        """End the process and give back what it held."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _exchange(self, data: bytes, seconds: float) -> Message:
        deadline = time.monotonic() + seconds
        try:
            self._write(data, deadline)
            length = int.from_bytes(self._read(LENGTH_BYTES, deadline), "big")
            if length > MAX_REPLY:
                raise WorkerFailed("rego_output_too_large", "The answer is too long.")
            return parsed(self._read(length, deadline))
        except TimeoutError:
            self.end()
            raise WorkerFailed("rego_timeout", f"No answer within {seconds:g} s.") from None
        except (EOFError, OSError):
            self.end()
            raise self._death() from None
        except BaseException:
            self.end()
            raise

    def _death(self) -> WorkerFailed:
        # A Rust program that gets no memory aborts; one that runs out of stack is stopped by the kernel.
        if self._process.returncode == -signal.SIGABRT:
            return WorkerFailed("rego_memory", "The policy needs too much memory.")
        return WorkerFailed("rego_crashed", "The engine ended without an answer.")

    def _write(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        while rest:
            _wait(self._to, select.POLLOUT, deadline)
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(self._to, rest) :]

    def _read(self, length: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < length:
            _wait(self._from, select.POLLIN, deadline)
            with contextlib.suppress(BlockingIOError):
                part = os.read(self._from, length - len(received))
                if not part:
                    raise EOFError
                received += part
        return bytes(received)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Wait until `descriptor` is ready. Raises `TimeoutError` at the `deadline` of the monotonic clock."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
