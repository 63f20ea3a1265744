"""OSV records in files, folders and archives, gathered into batches that one message can carry.

- A folder stands for every `*.json` and `*.zip` below it, in the order of their names; links are not followed.
- A record that is too large for a message is sent without the texts that nothing is judged by. One that is too large
  even then is reported like one that is no JSON.
- Memory holds a few batches, however much there is.

Source: ossf/osv-schema docs/schema.md; the layout `<ecosystem>/all.zip` of public OSV exports.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import HallmarkError
from shared.json_files import JsonDocument, json_documents

MOST_BYTES = 160_000
"""Of one batch, as the records are written."""
MOST_RECORDS = 200
LARGEST = 200_000
"""Bytes of one record as it is sent: the message around it needs room, too."""
MOST_PROBLEMS = 50
_TEXTS = ("details", "references", "credits", "schema_version", "upstream", "related")


@dataclass
class Batch:
    """What one message carries: records, or problems."""

    records: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    size: int = 0

    @property
    def count(self) -> int:
        """How many records it stands for."""
        return len(self.records) + len(self.problems)


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """Every file that the paths stand for."""
    for path in paths:
        if path.is_file():
            yield path
            continue
        for folder, inner, names in os.walk(path):
            inner.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if file.suffix.lower() in {".json", ".zip"} and not file.is_symlink() and file.is_file():
                    yield file


def batches(files: Iterator[Path], read: Callable[[Path], None]) -> Iterator[Batch]:
    """All records in batches. `read` hears of each file that is read to its end."""
    sound, broken = Batch(), Batch()
    for file in files:
        for one in _documents(file):
            record, size, problem = _sendable(one)
            if record is None:
                broken.problems.append({"place": one.place[:500], "problem": problem[:500]})
            else:
                if sound.records and (sound.size + size > MOST_BYTES or len(sound.records) == MOST_RECORDS):
                    yield sound
                    sound = Batch()
                sound.records.append(record)
                sound.size += size
            if len(broken.problems) == MOST_PROBLEMS:
                yield broken
                broken = Batch()
        read(file)
    yield from (one for one in (sound, broken) if one.count)


def _documents(file: Path) -> Iterator[JsonDocument]:
    try:
        yield from json_documents(file)
    except (OSError, HallmarkError) as error:
        # One damaged file must not keep the others out: what it lacks makes the import partial.
        yield JsonDocument(file.name, None, getattr(error, "message", str(error)))


def _sendable(one: JsonDocument) -> tuple[dict[str, Any] | None, int, str]:
    if one.value is None or one.size <= MOST_BYTES:
        return one.value, one.size, one.problem
    record = one.value
    if _size(record) > LARGEST:
        record = {name: value for name, value in record.items() if name not in _TEXTS}
    size = _size(record)
    if size > LARGEST:
        return None, 0, f"The record has {size} bytes without its texts; at most {LARGEST} can be sent."
    return record, size, ""


def _size(record: dict[str, Any]) -> int:
    return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())
