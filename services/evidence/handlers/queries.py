"""What the evidence service is asked."""

from __future__ import annotations

from contracts.evidence.v1.queries import (
    ListComponents,
    ListEvidence,
    ListLogEntries,
    ListTrustRoots,
    ProveConsistency,
    ProveInclusion,
    ReadPositions,
    ShowEvidence,
)
from contracts.evidence.v1.views import (
    ComponentPage,
    ConsistencyProof,
    EvidencePage,
    EvidenceView,
    InclusionProof,
    LogPage,
    Positions,
    TrustRoots,
)
from services.evidence.handlers import HANDLERS
from services.evidence.handlers.states import hex_digest, newest_checkpoint
from services.evidence.storage.unit_of_work import EvidenceWork


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
    return TrustRoots(trust_roots=await work.trust_roots.of(query.project))


@HANDLERS.query(ProveInclusion)
async def prove_inclusion(query: ProveInclusion, work: EvidenceWork) -> InclusionProof:
    """That an entry is in the tree."""
    checkpoint = await newest_checkpoint(work)
    size = query.size or checkpoint.size
    hashes = await work.journal.inclusion(query.index, size)
    leaf = await work.journal.leaf(query.index)
    return InclusionProof(
        index=query.index,
        size=size,
        leaf_hash=hex_digest(leaf),
        hashes=tuple(hex_digest(one) for one in hashes),
        checkpoint=checkpoint,
    )


@HANDLERS.query(ProveConsistency)
async def prove_consistency(query: ProveConsistency, work: EvidenceWork) -> ConsistencyProof:
    """That the larger tree extends the smaller one."""
    hashes = await work.journal.consistency(query.first, query.second)
    return ConsistencyProof(first=query.first, second=query.second, hashes=tuple(hex_digest(one) for one in hashes))


@HANDLERS.query(ListLogEntries)
async def list_log_entries(query: ListLogEntries, work: EvidenceWork) -> LogPage:
    """What was logged. Entries hold names and digests only, so everybody signed in may read them."""
    return await work.journal.page(query.about, query.after, query.limit)
