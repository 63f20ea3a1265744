"""Which loopback port to use: the usual one, or a free one when that is taken.

Free ones lie below those that the system gives to outgoing connections: such a connection could hold the port of a
server that is being restarted, for as long as it lasts.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from shared.errors import Transient

LOOPBACK = "127.0.0.1"
NATS_PORT = 4222
MONGO_PORT = 27017
_LOWEST = 10_000
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_FIRST_OUTGOING = 32_768
_TRIES = 1000


class PortChooser:
    """Gives out loopback ports, each at most once. Raises `Transient` when none is free.

    Another process can still take a port between the choice and its use; the process that was to use it then ends,
    and its log says why.
    """

    def __init__(self) -> None:
        self._given: set[int] = set()

    def choose(self, wishes: Iterable[int] = ()) -> int:
        """The first wished port that is free, else any free one. Wishes of 0 are passed over."""
        for wish in wishes:
            if wish and wish not in self._given and _is_free(wish):
                return self._give(wish)
        for _ in range(_TRIES):
            port = random.randrange(_LOWEST, max(first_outgoing(), _LOWEST + _TRIES))  # noqa: S311 - no secret
            if port not in self._given and _is_free(port):
                return self._give(port)
        raise Transient("ports_taken", "There is no free port.", remedy="End what listens on loopback.")

    def _give(self, port: int) -> int:
        self._given.add(port)
        return port


def first_outgoing() -> int:
    """The lowest port that outgoing connections get."""
    try:
        return int(_OUTGOING.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_FIRST_OUTGOING


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections that are merely fading away (TIME_WAIT) must not cost the usual port after a quick restart.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
