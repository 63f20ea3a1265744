"""Facts of the other services, entered into the log."""

from __future__ import annotations

from contracts.gate.v1.events import PolicyApplied, SigningKeyAnnounced, VerdictIssued
from contracts.monitoring.v1.events import TrustChanged
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded
from contracts.registry.v1.pipelines import PipelineIdentityApplied, PipelineIdentityWithdrawn
from services.evidence.domain.log import EVERY_PROJECT, EntryKind, LogEntry
from services.evidence.handlers import HANDLERS, LOGGED
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.digests import canonical_digest

Rule = PipelineIdentityApplied | PipelineIdentityWithdrawn
Logged = VerdictIssued | PolicyApplied | PromotionCompleted | PromotionEnded | TrustChanged | Rule


@HANDLERS.on(VerdictIssued, **LOGGED)
async def verdict_issued(event: VerdictIssued, work: EvidenceWork) -> None:
    """A verdict was given."""
    await _enter(work, EntryKind.VERDICT, event, event.verdict_id, event.promotion_id, event.version_digest)


@HANDLERS.on(PolicyApplied, **LOGGED)
async def policy_applied(event: PolicyApplied, work: EvidenceWork) -> None:
    """A policy came into force: the entry is found by the policy's digest."""
    entry = LogEntry(EntryKind.POLICY, event.project, None, event.policy, event.digest, recorded_at=work.unit.now)
    await work.journal.enter(entry)


@HANDLERS.on(SigningKeyAnnounced, **LOGGED)
async def signing_key_announced(event: SigningKeyAnnounced, work: EvidenceWork) -> None:
    """The gate signs verdicts with a key: whoever verifies them offline finds it in the log, by its id."""
    entry = LogEntry(EntryKind.KEY, EVERY_PROJECT, None, event.key_id, event.key_id, recorded_at=work.unit.now)
    await work.journal.enter(entry)


@HANDLERS.on(PromotionCompleted, **LOGGED)
async def promotion_completed(event: PromotionCompleted, work: EvidenceWork) -> None:
    """A version moved."""
    await _enter(work, EntryKind.PROMOTION, event, event.promotion_id, event.version_digest)


@HANDLERS.on(PromotionEnded, **LOGGED)
async def promotion_ended(event: PromotionEnded, work: EvidenceWork) -> None:
    """A promotion was refused, cancelled, or waited in vain."""
    await _enter(work, EntryKind.REFUSAL, event, event.promotion_id, event.version_digest)


@HANDLERS.on(TrustChanged, **LOGGED)
async def trust_changed(event: TrustChanged, work: EvidenceWork) -> None:
    """The trust in a release changed: the entry is found by the version's digest."""
    await _enter(
        work, EntryKind.TRUST, event, f"{event.project}/{event.application}/{event.version}", event.version_digest
    )


@HANDLERS.on(PipelineIdentityApplied, **LOGGED)
async def pipeline_identity_applied(event: PipelineIdentityApplied, work: EvidenceWork) -> None:
    """Runs of a pipeline may act, or may do something else than before."""
    await _enter(work, EntryKind.ROLE, event, f"{event.project}/{event.pipeline_identity}", event.digest)


@HANDLERS.on(PipelineIdentityWithdrawn, **LOGGED)
async def pipeline_identity_withdrawn(event: PipelineIdentityWithdrawn, work: EvidenceWork) -> None:
    """Runs of a pipeline may act no more."""
    await _enter(work, EntryKind.ROLE, event, f"{event.project}/{event.pipeline_identity}")


async def _enter(work: EvidenceWork, kind: EntryKind, event: Logged, subject: str, *about: str) -> None:
    digest = canonical_digest(event.model_dump(mode="json"))
    entry = LogEntry(kind, event.project, event.application, subject, digest, recorded_at=work.unit.now)
    await work.journal.enter(entry, *about)
