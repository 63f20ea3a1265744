"""Bills of materials that came as bytes: their encoding, and which syntax they are in.

- UTF-8, and UTF-16 with its byte order mark; anything else is unreadable, whatever a declaration in it says.
- JSON must be as strict as any other JSON from strangers: each key once, finite numbers, bounded depth and size.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

from services.evidence.domain.kinds.reading import UnreadableError
from services.evidence.domain.kinds.wrapped import MAX_DOCUMENT_BYTES
from shared.crypto import strict_json
from shared.errors import HallmarkError

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decoded(data: bytes) -> str:
    """The text of `data`, without its byte order mark. Raises `UnreadableError`."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise UnreadableError("", f"has {len(data)} bytes; at most {MAX_DOCUMENT_BYTES} are read")
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {len(mark) + error.start}", f"is not {encoding.upper()}") from error


def is_json(text: str) -> bool:
    """Whether `text` is an object in JSON, if it is anything."""
    return text.lstrip()[:1] == "{"


def is_xml(text: str) -> bool:
    """Whether `text` is XML, if it is anything."""
    return text.lstrip()[:1] == "<"


def parsed_json(text: str) -> Mapping[str, Any]:
    """The object that `text` spells in JSON. Raises `UnreadableError`."""
    try:
        return strict_json.loads_object(text.encode(), max_bytes=MAX_DOCUMENT_BYTES)
    except HallmarkError as error:
        raise UnreadableError("", error.message) from error
