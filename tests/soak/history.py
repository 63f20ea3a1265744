"""The history of a soak: one JSON line for everything that was acknowledged, ended, killed or found wrong.

It lies beside the data of the stack. A soak that is told to go on in the same folder reads it and carries on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared.clock import utc_now


@dataclass
class History:
    """A file that lines are added to."""

    path: Path
    _file: Any = field(default=None, init=False)

    def __enter__(self) -> Self:
        torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        self._file = self.path.open("a", encoding="utf-8", buffering=1)
        if torn and self.path.stat().st_size:
            self._file.write("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, **line: Any) -> None:
        """Add one line with the time."""
        self._file.write(json.dumps({"at": utc_now().isoformat(), **line}) + "\n")

    def lines(self) -> Iterator[dict[str, Any]]:
        """What was noted before; a line that was torn by a crash is passed over."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for text in file:
                with suppress(ValueError):
                    yield json.loads(text)
