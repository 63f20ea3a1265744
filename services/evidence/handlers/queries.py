"""What the evidence service is asked."""

from __future__ import annotations

import asyncio

from contracts.evidence.v1.queries import (
    ListAttestations,
    ListComponents,
    ListEvidence,
    ListLogEntries,
    ListTrustRoots,
    ProveConsistency,
    ProveInclusion,
    ReadCheckpoint,
    ReadPositions,
    ReadSigningKeys,
    ShowEvidence,
)
from contracts.evidence.v1.views import (
    Attestation,
    Attestations,
    Checkpoint,
    ComponentPage,
    ConsistencyProof,
    EvidencePage,
    EvidenceView,
    InclusionProof,
    LogPage,
    Positions,
    SigningKeys,
    TrustRoots,
)
from services.evidence.domain.passage import PASSAGE_TYPE, RESULT_TYPE
from services.evidence.handlers import HANDLERS
from services.evidence.storage.journal import Growth
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.crypto import merkle
from shared.errors import Transient


@HANDLERS.query(ListEvidence)
async def list_evidence(query: ListEvidence, work: EvidenceWork) -> EvidencePage:
    """Evidence on record."""
    work.unit.caller.require_member(query.project)
    return await work.records.page(query.project, query.subjects, after=query.after, limit=query.limit)


@HANDLERS.query(ShowEvidence)
async def show_evidence(query: ShowEvidence, work: EvidenceWork) -> EvidenceView:
    """One piece of evidence."""
    work.unit.caller.require_member(query.project)
    return await work.records.show(query.project, query.evidence_id)


@HANDLERS.query(ReadPositions)
async def read_positions(query: ReadPositions, work: EvidenceWork) -> Positions:
    """How much evidence there is."""
    work.unit.caller.require_member(query.project)
    if await work.rejudgings.lagging(query.project, query.subjects):
        raise Transient(
            "evidence_rejudged",
            "The trust roots have changed, and evidence about this is still to be judged by them.",
            remedy="Ask again in a moment.",
        )
    return Positions(positions=await work.records.positions(query.project, query.subjects))


@HANDLERS.query(ListComponents)
async def list_components(query: ListComponents, work: EvidenceWork) -> ComponentPage:
    """What a bill of materials names."""
    work.unit.caller.require_member(query.project)
    return await work.records.components(query.project, query.evidence_id, after=query.after, limit=query.limit)


@HANDLERS.query(ListTrustRoots)
async def list_trust_roots(query: ListTrustRoots, work: EvidenceWork) -> TrustRoots:
    """Whose signatures count."""
    work.unit.caller.require_member(query.project)
    roots = await work.trust_roots.of(query.project, every_revision=query.every_revision)
    return TrustRoots(trust_roots=roots)


@HANDLERS.query(ListAttestations)
async def list_attestations(query: ListAttestations, work: EvidenceWork) -> Attestations:
    """Of the last attempt that passed its gates: an earlier one was judged again since."""
    work.unit.caller.require_member(query.project)
    where = {"project": query.project, "promotion_id": query.promotion_id}
    last = await work.passages.find_one(where, sort=(("attempt", -1),))
    digests = {PASSAGE_TYPE: last["digest"], RESULT_TYPE: last["result_digest"]} if last else {}
    attested = [
        Attestation(predicate_type=kind, content_digest=digest, log_index=await work.journal.place_of(digest))
        for kind, digest in digests.items()
    ]
    return Attestations(attestations=tuple(attested))


@HANDLERS.query(ReadCheckpoint)
async def read_checkpoint(_: ReadCheckpoint, work: EvidenceWork) -> Checkpoint:
    """The newest signed state; an empty log has signed nothing yet."""
    newest = await work.journal.newest_checkpoint()
    size, root, note = newest or (0, merkle.EMPTY_ROOT, "")
    return _checkpoint(work, size, root, note)


@HANDLERS.query(ProveInclusion)
async def prove_inclusion(query: ProveInclusion, work: EvidenceWork) -> InclusionProof:
    """That an entry is in the tree."""
    # The edge may be ahead of the checkpoint by now: it only ever grows.
    checkpoint, edge = await asyncio.gather(read_checkpoint(ReadCheckpoint(), work), work.journal.edge())
    size = query.size or checkpoint.size
    if size > edge.size:
        edge = await work.journal.edge()
    leaf, hashes = await work.journal.inclusion(query.index, size, edge)
    return InclusionProof(
        index=query.index,
        size=size,
        leaf_hash=_digest(leaf),
        hashes=tuple(_digest(one) for one in hashes),
        checkpoint=checkpoint,
    )


@HANDLERS.query(ProveConsistency)
async def prove_consistency(query: ProveConsistency, work: EvidenceWork) -> ConsistencyProof:
    """That the larger tree extends the smaller one."""
    hashes = await work.journal.consistency(query.first, query.second)
    return ConsistencyProof(first=query.first, second=query.second, hashes=tuple(_digest(one) for one in hashes))


@HANDLERS.query(ListLogEntries)
async def list_log_entries(query: ListLogEntries, work: EvidenceWork) -> LogPage:
    """What was logged. Entries hold names and digests only, so everybody signed in may read them."""
    return await work.journal.page(query.about, query.after, query.limit)


@HANDLERS.query(ReadSigningKeys)
async def read_signing_keys(_: ReadSigningKeys, work: EvidenceWork) -> SigningKeys:
    """Hallmark's own public keys."""
    return SigningKeys(keys=(work.keyring.public_pem,))


def proof_in(growth: Growth, index: int, work: EvidenceWork, note: str) -> InclusionProof:
    """That an entry of a batch is in the tree which that batch has made, and whose checkpoint is `note`."""
    return InclusionProof(
        index=index,
        size=growth.edge.size,
        leaf_hash=_digest(growth.leaf(index)),
        hashes=tuple(_digest(one) for one in growth.proof(index)),
        checkpoint=_checkpoint(work, growth.edge.size, growth.root, note),
    )


def _checkpoint(work: EvidenceWork, size: int, root: bytes, note: str) -> Checkpoint:
    keyring = work.keyring
    return Checkpoint(
        origin=keyring.origin, size=size, root=_digest(root), note=note, verifier_keys=(keyring.verifier_key,)
    )


def _digest(value: bytes) -> str:
    return "sha256:" + value.hex()
