"""Which loopback port to use: the usual one, or a free one when that is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
NATS_PORT = 4222
MONGO_PORT = 27017


class PortChooser:
    """Gives out loopback ports, each at most once.

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
        while True:
            with socket.socket() as probe:
                probe.bind((LOOPBACK, 0))
                port = int(probe.getsockname()[1])
            if port not in self._given:
                return self._give(port)

    def _give(self, port: int) -> int:
        self._given.add(port)
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections that are merely fading away (TIME_WAIT) must not cost the usual port after a quick restart.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
