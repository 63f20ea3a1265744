"""What this process lately read of the log, so that most proofs cost no question to the database.

- A full tile never changes: it may be remembered for as long as there is room.
- A state of the log is good for proofs for ever; a newer one is looked for after a moment, so that proofs do not fall
  behind.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from contracts.evidence.v1.views import Checkpoint
from shared.crypto.tiles import Edge, TileId

MOST_TILES = 2048
"""Of 8 KiB each."""
_FRESH_SECONDS = 2.0


@dataclass(frozen=True)
class State:
    """A signed state of the log, with the tree's edge at that size or later."""

    checkpoint: Checkpoint
    edge: Edge
    read_at: float = field(default_factory=time.monotonic)

    @property
    def fresh(self) -> bool:
        """Whether it is not worth looking for a newer one."""
        return time.monotonic() - self.read_at < _FRESH_SECONDS


@dataclass
class RecentLog:
    """One process's memory of the log."""

    state: State | None = None
    tiles: dict[TileId, bytes] = field(default_factory=dict)

    def keep(self, tiles: dict[TileId, bytes]) -> None:
        """Remember full tiles."""
        if len(self.tiles) + len(tiles) > MOST_TILES:
            self.tiles.clear()
        self.tiles |= tiles
