"""What a worker gives up before it reads its first policy.

- It ends when its parent does, and has no environment.
- Memory is limited to 512 MiB from before the engine is loaded. No file, socket or pipe can be opened any more, no file
  written, no core dumped.
- It starts no further process, unless it runs as root: the kernel exempts root from that limit.
- It leaves the network where the kernel lets it. That is a second wall: without a new descriptor there is no socket.

On systems without these calls (macOS) what exists is used; on Linux a limit that cannot be set ends the worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys

MEMORY = 512 * 1024 * 1024
_STANDARD_STREAMS = 3
_LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_NPROC, 0),
    (resource.RLIMIT_NOFILE, _STANDARD_STREAMS),
)
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def limit_memory() -> None:
    """Have what is beyond `MEMORY` bytes of address space refused; before the engine is loaded."""
    _set(resource.RLIMIT_AS, MEMORY)


def confine(parent: int) -> None:
    """Give up everything that evaluating needs not. Raises `SystemExit` when the process `parent` is gone."""
    os.environ.clear()
    os.chdir("/")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        _leave_the_network_and_die_with(parent)
    for limit, value in _LIMITS:
        _set(limit, value)


def _set(limit: int, value: int) -> None:
    with contextlib.nullcontext() if sys.platform == "linux" else contextlib.suppress(ValueError, OSError):
        resource.setrlimit(limit, (value, value))


def _leave_the_network_and_die_with(parent: int) -> None:
    system = ctypes.CDLL(None, use_errno=True)
    if system.unshare(_CLONE_NEWNET) != 0:
        system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After unshare: the kernel forgets the death signal when credentials change.
    if system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != parent:
        raise SystemExit("the parent is gone")
