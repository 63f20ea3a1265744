"""JSON from strangers, read so that every reader sees the same document.

- The bytes are UTF-8 without a byte order mark.
- An object names each key once: of two, one reader keeps the first and another the last.
- Numbers are finite; integers fit 64 bits, which every store here can hold.
- Text holds no lone surrogate: it has no UTF-8 form, so it could be neither signed nor stored again.
- Nesting, length and the number of values are limited before anything else looks at the document: eight
  megabytes of brackets would become more than 250 in memory. Larger documents may hold one value in 32 bytes.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Never

from shared.errors import Invalid, TooLarge

MAX_DEPTH = 64
MAX_BYTES = 64 * 2**20
MAX_VALUES = 500_000
"""In a document of up to 16 MB."""
_BYTES_A_VALUE = 32
"""What a larger document must spend on each value, at least on average: real bills of materials spend 35 or more."""
_LONGEST_INTEGER = 20
_VALUE_MARKS = (b",", b"[", b"{")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value that `data` spells; objects become `dict`, arrays `list`.

    `max_bytes` bounds the length, `max_depth` the nesting of objects and arrays. Raises `TooLarge` for the
    first and above `MAX_VALUES`, `Invalid` for anything else that is not strict JSON.
    """
    _check_size(data, max_bytes)
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise _too_deep(max_depth) from error
    _check_depth(value, max_depth)
    _check_text(text, value)
    return value


def loads_object(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """As `loads`, for documents whose outermost value must be an object; raises `Invalid` for any other."""
    value = loads(data, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise _malformed("the outermost value is not an object")
    return value


def _check_size(data: bytes, max_bytes: int) -> None:
    if len(data) > max_bytes:
        raise TooLarge(
            "json_too_large",
            f"The document has {len(data)} bytes; at most {max_bytes} are read.",
            remedy="Send a smaller document.",
        )
    # Brackets and commas inside texts are counted too, which only makes the limit a little stricter.
    most = max(MAX_VALUES, len(data) // _BYTES_A_VALUE)
    if sum(map(data.count, _VALUE_MARKS)) > most:
        raise TooLarge(
            "json_values_many",
            f"The document holds more than {most} values.",
            remedy="Split it into several documents.",
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Invalid(
                    "json_key_duplicate",
                    f"An object names the key {key[:80]!r} more than once.",
                    remedy="Write every key of an object once.",
                )
            seen.add(key)
    return found


def _integer(digits: str) -> int:
    # The length goes first: turning a very long number into an integer is slow, and refused by Python itself.
    if len(digits) <= _LONGEST_INTEGER:
        value = int(digits)
        if -(2**63) <= value < 2**63:
            return value
    raise _number(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isfinite(value):
        return value
    raise _number(digits)


def _constant(word: str) -> Never:
    raise _number(word)


def _check_depth(value: Any, max_depth: int) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _too_deep(max_depth)


def _check_text(text: str, value: Any) -> None:
    if _SURROGATE_ESCAPE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise _malformed("a text holds half of a surrogate pair") from error


def _malformed(problem: str) -> Invalid:
    return Invalid("json_malformed", f"The document is not JSON: {problem}.", remedy="Send valid UTF-8 JSON.")


def _number(digits: str) -> Invalid:
    return Invalid(
        "json_number_unusable",
        f"The number {digits[:40]} is not finite or does not fit 64 bits.",
        remedy="Write it as a text, or leave it out.",
    )


def _too_deep(max_depth: int) -> Invalid:
    return Invalid(
        "json_too_deep",
        f"The document nests deeper than {max_depth} levels.",
        remedy="Send a flatter document.",
    )
