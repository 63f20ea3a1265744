"""The one byte form of a piece of evidence as gates see it, which the log pins and verdicts name.

- It is the canonical JSON of the item. Its fractions are scores and percentages; canonical JSON has none, and they
  become texts.
- `read_item` gives back an item that is equal.
"""

from __future__ import annotations

from typing import Any

from contracts.facts import EvidenceItem
from shared.digests import JsonValue, canonical_json, sha256_digest


def item_record(item: EvidenceItem) -> bytes:
    """The canonical bytes of `item`."""
    return canonical_json(_without_fractions(item.model_dump(mode="json")))


def record_digest(item: EvidenceItem) -> str:
    """The digest of the canonical bytes of `item`."""
    return sha256_digest(item_record(item))


def read_item(record: bytes) -> EvidenceItem:
    """The item that `item_record` wrote. Raises `ValueError` for anything else."""
    return EvidenceItem.model_validate_json(record)


def _without_fractions(value: Any) -> JsonValue:
    match value:
        case dict():
            return {key: _without_fractions(item) for key, item in value.items()}
        case list():
            return [_without_fractions(item) for item in value]
        case float():
            return repr(value)
        case _:
            kept: JsonValue = value
            return kept
