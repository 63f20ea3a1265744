"""The log as the API serves it, turned into what `shared/crypto` verifies. Nothing here is believed yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.cli.client import Client
from shared.crypto.log_audit import Entry, Signed
from shared.crypto.log_keys import Handover, KeySpan, follow
from shared.crypto.note_keys import NoteKey, WitnessKey, parse_key, parse_witness_key

_PAGE, _CHECKPOINT_PAGE = 500, 100


def hash_of(digest: str) -> bytes:
    """The bytes of `sha256:<hex>`. Raises `ValueError` for other forms."""
    return bytes.fromhex(digest.removeprefix("sha256:"))


def hashes_of(digests: Sequence[str]) -> list[bytes]:
    """As `hash_of`, for a proof."""
    return [hash_of(one) for one in digests]


def parsed(lines: Sequence[str]) -> list[NoteKey]:
    """Keys of the log from their one-line form. Raises `Invalid`."""
    return [parse_key(line) for line in lines]


def handovers_of(answer: dict[str, Any]) -> list[Handover]:
    """The handovers of `/log/keys`."""
    return [Handover.read(one) for one in answer["handovers"]]


def spans_of(answer: dict[str, Any], pinned: Sequence[str], origin: str) -> tuple[KeySpan, ...]:
    """The log's keys: those that follow from the pinned ones, else what the server says.

    Raises `Invalid` for a handover that its old key did not make.
    """
    if pinned:
        return follow(parsed(pinned), handovers_of(answer), origin=origin)
    return tuple(
        KeySpan(parse_key(one["verifier_key"]), one["from_size"], one["until_size"]) for one in answer["published_keys"]
    )


def witness_keys(client: Client) -> list[WitnessKey]:
    """The keys of all registered witnesses, retired ones too: what they signed before still counts."""
    return [parse_witness_key(one["verifier_key"]) for one in client.get("/log/witnesses")["witnesses"]]


def entries(client: Client, size: int) -> Iterator[Entry]:
    """The first `size` entries, page by page."""
    for one in client.pages("/log/entries", "entries", limit=_PAGE):
        if one["index"] >= size:
            return
        yield Entry(one["index"], one["entry"].encode(), hash_of(one["leaf_hash"]))


def checkpoints(client: Client, size: int) -> Iterator[Signed]:
    """Every signed state up to that size, page by page."""
    for one in client.pages("/log/checkpoints", "checkpoints", limit=_CHECKPOINT_PAGE):
        if one["size"] > size:
            return
        yield Signed(one["size"], hash_of(one["root"]), one["note"].encode())
