"""A witness of the log: it remembers the newest state it has seen, and signs only what extends it.

- State is written and synced before anything is signed, and moves forward only.
- Another root for a size it knows, a smaller log, or a proof that does not hold is a fork: both checkpoints are kept
  beside the state, nothing is signed, and the witness stays where it was.
- A lost state is not replaced: who begins anew has forgotten what to refuse, and needs a new key.
- The log's keys are pinned when the witness begins; later ones count when a pinned one handed over to them.

Source: C2SP tlog-witness.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from shared.crypto import merkle, note
from shared.crypto.log_keys import Handover, follow, verify_in_force
from shared.crypto.note_keys import parse_key
from shared.digests import sha256_digest
from shared.errors import Conflict, Invalid, NotFound

ConsistencyProof = Callable[[int, int], Sequence[bytes]]
"""Fetches the proof that the tree of the second size extends that of the first."""


class ForkSeenError(Exception):
    """The log shows two histories; `notes` are the checkpoints that prove it."""

    def __init__(self, problem: str, notes: tuple[str, str]) -> None:
        super().__init__(problem)
        self.notes = notes


@dataclass(frozen=True)
class Memory:
    """What a witness knows."""

    name: str
    origin: str
    log_keys: tuple[str, ...]
    """Verifier keys of the log, as pinned at the beginning."""
    size: int = 0
    root: str = ""
    """Hexadecimal."""
    note: str = ""
    """The newest checkpoint it has accepted."""


def advance(
    memory: Memory, signed: str, handovers: Sequence[Handover], prove: ConsistencyProof
) -> tuple[Memory, note.Checkpoint]:
    """What the witness knows after seeing the checkpoint `signed`, which may then be cosigned.

    Raises `Invalid` for a note that is not by the log's key, `ForkSeenError` when it does not extend what is known.
    """
    pinned = [parse_key(key) for key in memory.log_keys]
    spans = follow(pinned, handovers, origin=memory.origin)
    seen = verify_in_force(signed.encode(), spans, origin=memory.origin)
    root = bytes.fromhex(memory.root)
    if seen.size < memory.size:
        raise ForkSeenError(f"the log had {memory.size} entries and now shows {seen.size}", (memory.note, signed))
    if seen.size == memory.size and seen.root != root:
        raise ForkSeenError(f"there are two states of size {seen.size}", (memory.note, signed))
    if 0 < memory.size < seen.size:
        proof = prove(memory.size, seen.size)
        if not merkle.verify_consistency(memory.size, seen.size, root, seen.root, proof):
            problem = f"the state of size {seen.size} does not extend the one of size {memory.size}"
            raise ForkSeenError(problem, (memory.note, signed))
    return replace(memory, size=seen.size, root=seen.root.hex(), note=signed), seen


def begin(path: Path, name: str, log_keys: Sequence[str]) -> Memory:
    """A witness that knows nothing yet. Raises `Conflict` when there is a state, `Invalid` without name or key."""
    if path.exists():
        raise Conflict(
            "witness_state_exists",
            f"{path} is the memory of a witness.",
            remedy="Run without --new; for another witness choose another file and another key.",
        )
    if not name or not log_keys:
        raise Invalid(
            "witness_incomplete",
            "A new witness needs its name and the log's verifier key.",
            remedy="Add --name and --log-key, with a key you got from the log's operator.",
        )
    return Memory(name, parse_key(log_keys[0]).name, tuple(log_keys))


def load(path: Path) -> Memory:
    """What the witness knew. Raises `NotFound` for a lost state, `Invalid` for a damaged one."""
    try:
        said = json.loads(path.read_text())
        return Memory(**{**said, "log_keys": tuple(said["log_keys"])})
    except FileNotFoundError as error:
        raise NotFound(
            "witness_state_lost",
            f"{path} is not there: this witness has forgotten what it signed.",
            remedy="Restore the file. If it is lost, have the witness retired, and begin with --new and a new key.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(
            "witness_state_damaged", f"{path} cannot be read.", remedy="Restore the file from a copy of today."
        ) from error


def save(path: Path, memory: Memory) -> None:
    """Keep what the witness knows, in one step that survives a power cut. Raises `OSError`."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(memory), file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keep_fork(path: Path, fork: ForkSeenError) -> list[Path]:
    """Keep both checkpoints of a fork beside the state; each is evidence by its signature. Raises `OSError`."""
    kept = []
    for signed in filter(None, fork.notes):
        digest = sha256_digest(signed.encode()).removeprefix("sha256:")
        file = path.with_name(f"{path.name}.fork-{digest[:16]}.note")
        file.write_text(signed, encoding="utf-8")
        kept.append(file)
    return kept


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time has this memory. Raises `Conflict` while another one has it."""
    with path.with_name(path.name + ".lock").open("w") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise Conflict("witness_running", f"Another witness works with {path}.", remedy="Stop it first.") from error
        yield
