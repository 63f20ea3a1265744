"""The log's signed states and its own keys, as they are asked for."""

from __future__ import annotations

import asyncio

from contracts.evidence.v1.log import (
    CheckpointPage,
    CosignatureView,
    KeyHandover,
    ListCheckpoints,
    PublishedKey,
    SignedState,
)
from contracts.evidence.v1.queries import ReadCheckpoint, ReadSigningKeys
from contracts.evidence.v1.views import Checkpoint, InclusionProof, SigningKeys
from services.evidence.domain.signing_keys import SigningKey, Succession
from services.evidence.handlers import HANDLERS
from services.evidence.storage.checkpoints import Kept
from services.evidence.storage.journal import Growth
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.crypto import merkle

_PAGE_CHARACTERS = 120_000
"""Notes with many cosignatures are long, and a reply stays well below the limit of a message."""


@HANDLERS.query(ReadCheckpoint)
async def read_checkpoint(_: ReadCheckpoint, work: EvidenceWork) -> Checkpoint:
    """The newest signed state with everything that helps to believe it; an empty log has signed nothing yet."""
    plain = await newest_checkpoint(work)
    keys = await work.succession()
    witnessed = await work.checkpoints.witnessed(max(1, work.keyring.quorum))
    more = {"published_keys": _published(keys), "witnessed": state_view(witnessed) if witnessed else None}
    return plain.model_copy(update=more)


@HANDLERS.query(ListCheckpoints)
async def list_checkpoints(query: ListCheckpoints, work: EvidenceWork) -> CheckpointPage:
    """Every signed state. What is listed must be on file as given out, so the newest is looked at first."""
    newest = await work.checkpoints.newest()
    found = await work.checkpoints.page(
        query.after, query.limit + 1, before=query.before, newest_first=query.newest_first
    )
    known = [kept for kept in found if newest and kept.size <= newest.size]
    page: list[SignedState] = []
    room = _PAGE_CHARACTERS
    for kept in known[: query.limit]:
        room -= len(kept.whole)
        if room < 0 and page:
            break
        page.append(state_view(kept))
    return CheckpointPage(checkpoints=tuple(page), next=page[-1].size if len(page) < len(known) else None)


@HANDLERS.query(ReadSigningKeys)
async def read_signing_keys(_: ReadSigningKeys, work: EvidenceWork) -> SigningKeys:
    """Hallmark's own public keys, and how each came into force."""
    keys = await work.succession()
    published = keys.published
    return SigningKeys(
        keys=tuple(key.pem for key in reversed(published)),
        published_keys=_published(keys),
        handovers=tuple([await _handover(work, keys, key) for key in published[1:]]),
    )


async def newest_checkpoint(work: EvidenceWork) -> Checkpoint:
    """The newest signed state, as it goes with every proof."""
    newest, keys = await asyncio.gather(work.checkpoints.newest(), work.succession())
    return checkpoint_view(newest or Kept(0, merkle.EMPTY_ROOT, ""), keys, work)


def checkpoint_view(kept: Kept, keys: Succession, work: EvidenceWork) -> Checkpoint:
    """A signed state that may be given out, with the keys that may have signed it."""
    return Checkpoint(
        origin=work.keyring.origin,
        size=kept.size,
        root=hex_digest(kept.root),
        note=kept.whole,
        verifier_keys=keys.signing(kept.size),
        cosignatures=state_view(kept).cosignatures,
        quorum=work.keyring.quorum,
    )


def state_view(kept: Kept) -> SignedState:
    """One signed state."""
    return SignedState(
        size=kept.size,
        root=hex_digest(kept.root),
        note=kept.whole,
        cosignatures=tuple(CosignatureView(witness=one.witness, time=one.time) for one in kept.cosignatures),
    )


def proof_in(growth: Growth, index: int, checkpoint: Checkpoint) -> InclusionProof:
    """That an entry of a batch is in the tree which that batch has made, and which `checkpoint` signs."""
    return InclusionProof(
        index=index,
        size=growth.edge.size,
        leaf_hash=hex_digest(growth.leaf(index)),
        hashes=tuple(hex_digest(one) for one in growth.proof(index)),
        checkpoint=checkpoint,
    )


def hex_digest(value: bytes) -> str:
    """A hash as it is written in messages."""
    return "sha256:" + value.hex()


def _published(keys: Succession) -> tuple[PublishedKey, ...]:
    return tuple(
        PublishedKey(verifier_key=key.verifier_key, pem=key.pem, from_size=key.since or 0, until_size=key.until)
        for key in keys.published
    )


async def _handover(work: EvidenceWork, keys: Succession, key: SigningKey) -> KeyHandover:
    size = key.since or 0
    index = await work.journal.place_of(keys.digest_of(key))
    kept = await work.checkpoints.at(size)
    logged = None if index is None else await work.journal.entry(index)
    if index is None or kept is None or logged is None:
        raise RuntimeError(f"the log does not hold the handover to {key.verifier_key}")
    _, hashes = await work.journal.inclusion(index, size, await work.journal.edge())
    return KeyHandover(
        old=keys.keys[key.number - 1].verifier_key,
        new=key.verifier_key,
        index=index,
        entry=logged.entry,
        hashes=tuple(hex_digest(one) for one in hashes),
        note=kept.note,
    )
