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
    ReadPositions,
    ShowEvidence,
)
from contracts.evidence.v1.views import (
    Attestation,
    Attestations,
    ComponentPage,
    ConsistencyProof,
    EvidencePage,
    EvidenceView,
    InclusionProof,
    LogPage,
    Positions,
    TrustRoots,
)
from services.evidence.domain.component_search import Wanted
from services.evidence.domain.passage import PASSAGE_TYPE, RESULT_TYPE
from services.evidence.handlers import HANDLERS
from services.evidence.handlers.states import hex_digest, newest_checkpoint
from services.evidence.recent import State
from services.evidence.storage.log_search import search
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.errors import Transient
from shared.trust.statement import WITHDRAWAL_TYPE


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
    wanted = Wanted(query.text, query.package_type, query.license)
    return await work.records.components(query.project, query.evidence_id, wanted, after=query.after, limit=query.limit)


@HANDLERS.query(ListTrustRoots)
async def list_trust_roots(query: ListTrustRoots, work: EvidenceWork) -> TrustRoots:
    """Whose signatures count."""
    work.unit.caller.require_member(query.project)
    roots = await work.trust_roots.of(query.project, every_revision=query.every_revision)
    return TrustRoots(trust_roots=roots)


@HANDLERS.query(ListAttestations)
async def list_attestations(query: ListAttestations, work: EvidenceWork) -> Attestations:
    """Of the last attempt that passed its gates, and of those whose passage was withdrawn: others were judged again."""
    work.unit.caller.require_member(query.project)
    where = {"project": query.project, "promotion_id": query.promotion_id}
    withdrawals = {one["attempt"]: one for one in await work.withdrawals.find(where)}
    passages = await work.passages.find(where, sort=(("attempt", -1),))
    said: list[tuple[str, str, int, bool]] = []
    for one in passages[:1] + [one for one in passages[1:] if one["attempt"] in withdrawals]:
        attempt, withdrawal = one["attempt"], withdrawals.get(one["attempt"])
        both = {PASSAGE_TYPE: one["digest"], RESULT_TYPE: one["result_digest"]}
        said += [(kind, digest, attempt, withdrawal is not None) for kind, digest in both.items()]
        said += [(WITHDRAWAL_TYPE, withdrawal["digest"], attempt, False)] if withdrawal else []
    attested = [
        Attestation(
            predicate_type=kind,
            content_digest=digest,
            log_index=await work.journal.place_of(digest),
            attempt=attempt,
            withdrawn=withdrawn,
        )
        for kind, digest, attempt, withdrawn in said
    ]
    return Attestations(attestations=tuple(attested))


@HANDLERS.query(ProveInclusion)
async def prove_inclusion(query: ProveInclusion, work: EvidenceWork) -> InclusionProof:
    """That an entry is in the tree."""
    state = await _state_for(query, work)
    size = query.size or state.checkpoint.size
    leaf, hashes = await work.journal.inclusion(query.index, size, state.edge, work.keyring.recent)
    return InclusionProof(
        index=query.index,
        size=size,
        leaf_hash=hex_digest(leaf),
        hashes=tuple(hex_digest(one) for one in hashes),
        checkpoint=state.checkpoint,
    )


async def _state_for(query: ProveInclusion, work: EvidenceWork) -> State:
    """The newest state, or one read a moment ago that covers what is asked for."""
    known = work.keyring.recent.state
    if known and known.fresh and max(query.index + 1, query.size or 0) <= known.checkpoint.size:
        return known
    checkpoint, edge = await asyncio.gather(newest_checkpoint(work), work.journal.edge())
    # Read at once, either may be ahead: an edge that is not does not reach what the checkpoint signs.
    state = State(checkpoint, edge if edge.size >= checkpoint.size else await work.journal.edge())
    work.keyring.recent.state = state
    return state


@HANDLERS.query(ProveConsistency)
async def prove_consistency(query: ProveConsistency, work: EvidenceWork) -> ConsistencyProof:
    """That the larger tree extends the smaller one."""
    hashes = await work.journal.consistency(query.first, query.second)
    return ConsistencyProof(first=query.first, second=query.second, hashes=tuple(hex_digest(one) for one in hashes))


@HANDLERS.query(ListLogEntries)
async def list_log_entries(query: ListLogEntries, work: EvidenceWork) -> LogPage:
    """What was logged. Entries hold names and digests only, so everybody signed in may read them."""
    return await search(work.unit.session or work.unit.database, query)
