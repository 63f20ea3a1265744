"""JSON documents in a file, or in the entries of a zip archive, one after the other.

- A file is told by its content, never by its name; of an archive, entries whose names end in `.json` are read.
- A file that holds an array stands for its elements.
- What is wrong with one document is told of that document, and the next one follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.archives import LIMITS, ArchiveLimits, archive_entries, is_archive
from shared.crypto import strict_json
from shared.errors import HallmarkError, Invalid, TooLarge

MOST_FILE_BYTES = 64 * 2**20
"""Of a file that is no archive: it is read at once."""


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """One document, or what is wrong with it."""

    place: str
    """The file's name, with the entry's after a `!`, and the element's number in brackets."""
    value: dict[str, Any] | None
    problem: str = ""
    size: int = 0
    """Bytes, as it was written."""


def json_documents(path: Path, *, limits: ArchiveLimits = LIMITS) -> Iterator[JsonDocument]:
    """The documents in one file.

    Raises `Invalid` for an archive that is damaged, `TooLarge` for one that holds too much, `OSError`.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if not is_archive(start):
            yield from _in_file(path.name, start + file.read(MOST_FILE_BYTES + 1))
            return
        for entry in archive_entries(file, limits):
            if not entry.name.lower().endswith(".json"):
                continue
            place = f"{path.name}!{entry.name}"
            try:
                content = entry.read()
            except (Invalid, TooLarge) as error:
                if error.code == "archive_too_large":
                    raise
                yield JsonDocument(place, None, error.message)
                continue
            yield from _in_file(place, content)


def _in_file(place: str, content: bytes) -> Iterator[JsonDocument]:
    try:
        value = strict_json.loads(content.removeprefix(b"\xef\xbb\xbf"), max_bytes=MOST_FILE_BYTES)
    except HallmarkError as error:
        yield JsonDocument(place, None, error.message, len(content))
        return
    if not isinstance(value, list):
        yield _document(place, value, len(content))
        return
    for number, one in enumerate(value):
        yield _document(f"{place}[{number}]", one, len(json.dumps(one)))


def _document(place: str, value: Any, size: int) -> JsonDocument:
    if isinstance(value, dict):
        return JsonDocument(place, value, size=size)
    return JsonDocument(place, None, "It is no JSON object.", size)
