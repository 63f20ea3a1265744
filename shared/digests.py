"""Canonical bytes and their digests.

Canonical JSON here is RFC 8785 (JCS) restricted to what Hallmark writes: objects with string keys, arrays, strings,
booleans, null and integers below 2**53. Floats are refused: their textual form is where implementations disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
_MAX_SAFE_INTEGER = 2**53 - 1


def canonical_json(value: JsonValue) -> bytes:
    """The one byte form of `value` (RFC 8785 for the values allowed here).

    Raises `ValueError` for floats, integers outside ±(2**53 - 1), and lone surrogates.
    """
    _check(value)
    ordered = _ordered(value)
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def sha256_digest(data: bytes) -> str:
    """The digest of `data`, written `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical_digest(value: JsonValue) -> str:
    """The digest of the canonical form of `value`. Raises `ValueError` as `canonical_json` does."""
    return sha256_digest(canonical_json(value))


def _check(value: JsonValue) -> None:
    match value:
        case None | bool() | str():
            return
        case int():
            if abs(value) > _MAX_SAFE_INTEGER:
                raise ValueError(f"integer {value} does not survive every JSON reader")
        case float():
            raise ValueError("floats have no canonical form here; write them as strings")
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ValueError(f"object key {key!r} is not a string")  # noqa: TRY004 - one error for all
                _check(item)
        case Sequence():
            for item in value:
                _check(item)
        case _:
            raise ValueError(f"{type(value).__name__} is not JSON")


def _ordered(value: JsonValue) -> JsonValue:
    # RFC 8785 section 3.2.3 sorts keys by UTF-16 code units, which differs from Python's order beyond the BMP.
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda k: k.encode("utf-16-be"))}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_ordered(item) for item in value]
    return value
