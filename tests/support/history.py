"""What a test of faults did, in order, so that a failure can be looked into and done again.

A history is kept in memory; when the test fails it is written to a file, one JSON object a line, and the way to repeat
it is printed. Whatever is chosen at random comes from `Seeded`, whose seed is printed and taken from `HALLMARK_SEED`.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HISTORIES = Path(tempfile.gettempdir()) / "hallmark-histories"


@dataclass
class History:
    """Requests, kills, faults and what was seen, each with its time in seconds from the beginning."""

    test: str
    seed: int
    entries: list[dict[str, Any]] = field(default_factory=list)
    choices: random.Random = field(init=False)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.choices = random.Random(self.seed)  # noqa: S311 - no secret

    def note(self, what: str, **details: Any) -> None:
        self.entries.append({"at": round(time.monotonic() - self._began, 4), "what": what, **details})

    def save(self) -> Path:
        """Write it down. One file for each test and seed."""
        HISTORIES.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in self.test.split("::")[-1])
        path = HISTORIES / f"{name}-{self.seed}.jsonl"
        lines = [{"what": "test", "name": self.test, "seed": self.seed}, *self.entries]
        path.write_text("".join(f"{json.dumps(line, default=str)}\n" for line in lines))
        return path


@contextmanager
def kept_history(test: str) -> Iterator[History]:
    """A history of this test (its pytest node id), saved when the block raises."""
    seed = int(os.environ.get("HALLMARK_SEED") or random.SystemRandom().randrange(2**32))
    history = History(test, seed)
    print(f"seed {seed}")  # noqa: T201 - whoever reads the output of a failed test needs it
    try:
        yield history
    except BaseException as error:
        history.note("failed", error=repr(error)[:4000])
        again = f"HALLMARK_SEED={seed} pytest '{test}'"
        print(f"history: {history.save()}\nonce more: {again}")  # noqa: T201 - as above
        raise
