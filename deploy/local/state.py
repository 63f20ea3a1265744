"""Who runs the stack in a data directory: the lock, `state.json`, and stopping it from outside.

Rules
- The lock decides, not the file: it is held by the supervisor and everything it started, and the system gives it back
  when the last of them has ended, however it ended.
- `down` signals a process only while the lock is held and the process with the noted id is the very one that took it
  (same start time), so a process id that was given out again is never hit.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.layout import PRIVATE_FILE, DataDirectory, write_private
from shared.errors import Conflict, Transient

_POLL_SECONDS = 0.05
_LINGER_SECONDS = 2.0
_STAT_START_TIME = 19  # field 22 of /proc/<pid>/stat, counted after the command name (proc(5))


@dataclass(frozen=True, slots=True)
class StackState:
    """What runs. Ports outlive the stack: the next one wishes for the same ones. Times are ISO 8601, UTC."""

    supervisor_pid: int = 0
    started_at: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)


def save_state(directory: DataDirectory, state: StackState) -> None:
    """Write `state.json` in one step."""
    write_private(directory.state, json.dumps(asdict(state), indent=2) + "\n")


def load_state(directory: DataDirectory) -> StackState:
    """What `state.json` says; an empty state when it is absent or not readable as one, since it decides nothing."""
    try:
        read: dict[str, Any] = json.loads(directory.state.read_text(encoding="utf-8"))
        ports = {str(name): int(port) for name, port in read["ports"].items()}
        pids = {str(name): int(pid) for name, pid in read["pids"].items()}
        urls = {str(name): str(url) for name, url in read["urls"].items()}
        return StackState(int(read["supervisor_pid"]), str(read["started_at"]), pids, ports, urls)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return StackState()


@contextmanager
def held_lock(directory: DataDirectory) -> Iterator[int]:
    """Hold the directory's lock; yields its file descriptor, which children inherit to hold it too.

    Raises `Conflict` naming the process that holds it. Processes of a killed stack are given a moment to end.
    """
    descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        deadline = time.monotonic() + _LINGER_SECONDS
        while not _try_lock(descriptor):
            holder = _read_holder(directory.lock)
            if _is_running(holder) or time.monotonic() > deadline:
                raise Conflict(
                    "stack_already_running",
                    f"A stack already runs in {directory.root} (process {holder[0]}).",
                    remedy="Stop it with hallmark down, or use another data directory.",
                )
            time.sleep(_POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_start_time(os.getpid())}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def down(root: Path, *, seconds: float = 60.0) -> bool:
    """Stop the stack in the data directory `root` and wait until all of it is gone; False when none runs there.

    Raises `Transient` when it is still there after `seconds`.
    """
    directory = DataDirectory(root.expanduser().resolve())
    if not directory.lock.exists():
        return False
    descriptor = os.open(directory.lock, os.O_RDWR)
    try:
        if _try_lock(descriptor):
            return False
        holder = _read_holder(directory.lock)
        if _is_running(holder):
            os.kill(holder[0], signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise Transient(
                    "stack_not_stopped",
                    f"The stack in {directory.root} (process {holder[0]}) did not end within {seconds:.0f} s.",
                    remedy="Run hallmark down again; if that does not help, kill that process.",
                )
            time.sleep(_POLL_SECONDS)
    finally:
        os.close(descriptor)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(path: Path) -> tuple[int, str]:
    pid, _, started = path.read_text(encoding="ascii").strip().partition(" ")
    return (int(pid), started) if pid.isdigit() else (0, "")


def _is_running(holder: tuple[int, str]) -> bool:
    pid, started = holder
    return pid > 0 and bool(started) and _start_time(pid) == started


def _start_time(pid: int) -> str:
    """When the process started, in the kernel's ticks; empty when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    # The command name before the last parenthesis may itself contain spaces and parentheses.
    return stat.rpartition(")")[2].split()[_STAT_START_TIME]
