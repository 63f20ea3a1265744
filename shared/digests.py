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
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def sha256_digest(data: bytes) -> str:
    """The digest of `data`, written `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical_digest(value: JsonValue) -> str:
    """The digest of the canonical form of `value`. Raises `ValueError` as `canonical_json` does."""
    return sha256_digest(canonical_json(value))


def _ordered(value: JsonValue) -> JsonValue:
    """`value` with the keys of its objects in canonical order. Raises `ValueError` for what has no canonical form."""
    # Most of what is written is text in plain lists and objects: asked for first, since lists can be long.
    if type(value) is dict:
        return {key: one if type(one := value[key]) is str else _ordered(one) for key in _sorted(value)}
    if type(value) is list:
        return [one if type(one) is str else _ordered(one) for one in value]
    match value:
        case None | bool() | str():
            return value
        case int():
            if abs(value) > _MAX_SAFE_INTEGER:
                raise ValueError(f"integer {value} does not survive every JSON reader")
            return value
        case float():
            raise ValueError("floats have no canonical form here; write them as strings")
        case dict() | Mapping():
            return {key: _ordered(value[key]) for key in _sorted(value)}
        case list() | Sequence():
            return [_ordered(item) for item in value]
        case _:
            raise ValueError(f"{type(value).__name__} is not JSON")


def _sorted(keys: Mapping[str, JsonValue]) -> list[str]:
    try:
        plain = "".join(keys).isascii()
    except TypeError:
        key = next(one for one in keys if not isinstance(one, str))
        raise ValueError(f"object key {key!r} is not a string") from None
    if plain:
        return sorted(keys)
    # RFC 8785 section 3.2.3 sorts keys by UTF-16 code units, which differs from Python's order beyond the BMP.
    return sorted(keys, key=lambda key: key.encode("utf-16-be"))
