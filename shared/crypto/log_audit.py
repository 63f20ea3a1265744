"""Recomputes a whole log from its entries, and compares it with everything that was ever signed about it.

- Entries come in order; each is hashed, and the tree grown from them is compared with each checkpoint on the way.
- Every checkpoint must be signed by the key in force at its size, and its known cosignatures must be right.
- An entry's time may not lie before what came earlier, nor after a witness has signed it, by more than `TOLERANCE`:
  clocks of several machines differ, and a fact is ordered by its commit, not by its clock.
- Nothing is believed of the server but bytes. What it withholds at the end shows only against a checkpoint kept
  elsewhere: that is what `kept` is for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.crypto import merkle, note
from shared.crypto.cosignature import verify_cosignatures
from shared.crypto.log_keys import ENTRY_KIND, KeySpan, verify_in_force
from shared.crypto.note_keys import WitnessKey
from shared.errors import HallmarkError

TOLERANCE = timedelta(minutes=10)
MAX_PROBLEMS = 100
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Problem:
    """One thing that does not hold."""

    code: str
    place: int
    """Index of the entry, or size of the checkpoint."""
    detail: str


@dataclass(frozen=True)
class Entry:
    """One entry as it was served."""

    index: int
    data: bytes
    leaf: bytes


@dataclass(frozen=True)
class Signed:
    """One checkpoint as it was served, or kept."""

    size: int
    root: bytes
    note: bytes


@dataclass
class LogAudit:
    """One pass over one log. `problems` holds the first hundred things that do not hold; the pass goes on."""

    origin: str
    keys: Sequence[KeySpan]
    witnesses: Sequence[WitnessKey] = ()
    kept: Sequence[note.Checkpoint] = ()
    """Checkpoints from elsewhere, verified before: the log must go through each of them."""
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    problems: list[Problem] = field(default_factory=list)
    checkpoints: int = 0
    cosignatures: int = 0
    key_entries: set[str] = field(default_factory=set)
    """Digests of the entries about keys: each belongs to a handover."""
    _latest: datetime = _BEGINNING

    def run(self, entries: Iterable[Entry], checkpoints: Iterable[Signed]) -> Iterator[int]:
        """Take everything in, checkpoints in the order of their sizes; says after each how many entries were read."""
        source = iter(entries)
        for signed in checkpoints:
            while self.frontier.size < signed.size:
                entry = next(source, None)
                if entry is None:
                    self._report("log_truncated", signed.size, f"only {self.frontier.size} entries are left")
                    break
                self._take(entry)
            self._compare(signed)
            yield self.frontier.size
        for entry in source:
            self._report("entry_unsigned", entry.index, "no checkpoint covers it")
        for lost in (one for one in self.kept if one.size > self.frontier.size):
            self._report("log_rolled_back", lost.size, f"the log now ends at {self.frontier.size}")

    def _take(self, entry: Entry) -> None:
        place = self.frontier.size
        if entry.index != place:
            self._report("index_gap", place, f"the next entry served is number {entry.index}")
        leaf = merkle.leaf_hash(entry.data)
        if leaf != entry.leaf:
            self._report("leaf_wrong", place, "the stored leaf hash is not that of the entry")
        self._read(place, entry.data)
        self.frontier, _ = self.frontier.append(leaf)
        for kept in self.kept:
            if kept.size == self.frontier.size and kept.root != self.frontier.root():
                self._report("log_rewritten", kept.size, "the entries have another root than the checkpoint you kept")

    def _read(self, place: int, data: bytes) -> None:
        try:
            said = json.loads(data)
            recorded_at = datetime.fromisoformat(said["recorded_at"])
            # Keys that sign verdicts are entered under their own digests: no key of the log hands over to them.
            if said["kind"] == ENTRY_KIND and said["subject"] != said["digest"]:
                self.key_entries.add(str(said["digest"]))
            if recorded_at < self._latest - TOLERANCE:
                self._report("entry_backdated", place, f"it says {said['recorded_at']}, after {self._latest}")
            self._latest = max(self._latest, recorded_at)
        except (ValueError, KeyError, TypeError) as error:
            self._report("entry_malformed", place, f"{type(error).__name__}: {error}")

    def _compare(self, signed: Signed) -> None:
        self.checkpoints += 1
        root = self.frontier.root()
        if self.frontier.size > signed.size:
            self._report("checkpoint_order", signed.size, f"it comes after one of size {self.frontier.size}")
        if self.frontier.size != signed.size:
            return
        try:
            said = verify_in_force(signed.note, self.keys, origin=self.origin)
            seen = verify_cosignatures(signed.note, self.witnesses)
        except HallmarkError as error:
            self._report(error.code, signed.size, error.message)
            return
        if said != note.Checkpoint(self.origin, signed.size, signed.root):
            self._report("checkpoint_differs", signed.size, "its note says something else than the list of checkpoints")
        if said.root != root:
            self._report("root_wrong", signed.size, "the entries have another root than the one that was signed")
        self.cosignatures += len(seen)
        for one in seen:
            if self._latest.timestamp() > one.time + TOLERANCE.total_seconds():
                self._report("entry_postdated", signed.size, f"{one.witness} saw it before the time its entries say")

    def _report(self, code: str, place: int, detail: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, place, detail))
