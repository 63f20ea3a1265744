"""The launcher: one small process that is the parent of everything the stack runs.

Rules
- It has one thread and no event loop, client or connection of its own, so that forking it is safe. It refuses the
  services when importing them left a thread behind.
- A service is forked from it after all modules were imported once: it starts in milliseconds and shares their memory.
  A server program is forked and executed.
- What it started dies with it (PR_SET_PDEATHSIG), and it dies with the supervisor: by the same signal, and when the
  supervisor's end of the socket closes.
- It signals only children it has not reaped yet, so a process id that was given out again is never hit.

Started by `launching.py` as `python -P -m deploy.local.launcher <socket>`; not for people.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from deploy.local.layout import PRIVATE_FILE
from deploy.local.orders import (
    Exec,
    Exited,
    Failed,
    Fork,
    Import,
    Imported,
    Order,
    Report,
    Signal,
    Started,
    decode_order,
    encode,
)

_SET_PARENT_DEATH_SIGNAL = 1
_SET_NAME = 15
_LARGEST_LOG_BYTES = 10 * 1024 * 1024
_READ_BYTES = 1 << 16
_THREADS = Path("/proc/self/task")


def _prctl() -> Callable[[int, object], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    call = ctypes.CDLL(None, use_errno=True).prctl
    return lambda option, value: int(call(option, value, 0, 0, 0))


class Launcher:
    """Carries out orders until the supervisor is gone."""

    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self._children: dict[str, int] = {}
        self._prctl = _prctl()
        self._wake, self._wake_writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_writer, False)
        signal.set_wakeup_fd(self._wake_writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler the wake-up is not written

    def serve(self) -> None:
        """Read and carry out orders; returns when the supervisor closed its end, with every child killed."""
        unread = b""
        while True:
            readable, _, _ = select.select([self._supervisor.fileno(), self._wake], [], [])
            if self._wake in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, _READ_BYTES)
                self._reap()
            if self._supervisor.fileno() in readable:
                received = self._supervisor.recv(_READ_BYTES)
                if not received:
                    break
                *lines, unread = (unread + received).split(b"\n")
                for line in lines:
                    self._carry_out(decode_order(line))
        for pid in self._children.values():
            os.kill(pid, signal.SIGKILL)

    def _carry_out(self, order: Order) -> None:
        match order:
            case Import():
                self._import(order.modules)
            case Fork():
                self._start(order, lambda: _run_entry(order))
            case Exec():
                self._start(order, lambda: _run_program(order))
            case Signal():
                if pid := self._children.get(order.name):
                    os.kill(pid, order.number)

    def _import(self, modules: list[str]) -> None:
        began = time.monotonic()
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception as error:  # noqa: BLE001 - whatever a module raises is reported, not survived silently
                traceback.print_exc()
                self._report(Failed("", f"importing {module} raised {type(error).__name__}: {error}"))
                return
        if _THREADS.exists() and len(list(_THREADS.iterdir())) > 1:
            self._report(Failed("", f"importing {', '.join(modules)} started a thread, after which forking is unsafe"))
            return
        gc.collect()
        gc.freeze()  # the collector would otherwise write to every shared page
        self._report(Imported(time.monotonic() - began))

    def _start(self, order: Fork | Exec, run: Callable[[], None]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._report(Failed(order.name, str(error)))
            return
        if pid == 0:
            self._become(order, parent, run)
        self._children[order.name] = pid
        self._report(Started(order.name, pid))

    def _become(self, order: Fork | Exec, parent: int, run: Callable[[], None]) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if self._prctl:
                self._prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
                self._prctl(_SET_NAME, ctypes.c_char_p(order.name.encode()[:15]))
            if os.getppid() != parent:
                os._exit(1)  # the launcher ended before the death signal was asked for
            self._supervisor.close()
            os.close(self._wake)
            os.close(self._wake_writer)
            _redirect_output(Path(order.log))
            run()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            if isinstance(ended.code, str):  # as the interpreter does (sys.exit)
                sys.stderr.write(ended.code + "\n")
        except BaseException:  # noqa: BLE001 - the last line of the child: nothing may return into the launcher's code
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for name, pid in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._children[name]
                self._report(Exited(name, pid, os.waitstatus_to_exitcode(status)))

    def _report(self, report: Report) -> None:
        # A supervisor that is gone is noticed by the next read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._supervisor.sendall(encode(report))


def _run_entry(order: Fork) -> None:
    os.environ.clear()
    os.environ.update(order.env)
    module, _, function = order.entry.partition(":")
    getattr(importlib.import_module(module), function)(dict(order.env))


def _run_program(order: Exec) -> NoReturn:
    os.execve(order.argv[0], order.argv, order.env)  # noqa: S606 - a program with its arguments, no shell wanted


def _redirect_output(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    os.close(nothing)


def main(argument: str) -> None:
    """Serve the supervisor at the other end of the inherited socket."""
    if prctl := _prctl():
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    with socket.socket(fileno=int(argument)) as supervisor:
        Launcher(supervisor).serve()


if __name__ == "__main__":
    main(sys.argv[1])
