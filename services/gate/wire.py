"""Contracts into domain and back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from contracts.clearance import Clearance, ClearedGate
from contracts.gate.v1.commands import EvaluateGates, Passage
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.views import (
    ConsideredEvidence,
    Judgement,
    UsedEvidence,
    UsedWaiver,
    VerdictView,
)
from contracts.registry.v1.events import ApplicationApplied, VersionCreated
from contracts.vocabulary import Digest, Outcome
from services.gate.domain.application import ApplicationContext
from services.gate.domain.waiver import Waiver
from services.gate.equipment import GateEquipment
from services.gate.storage.dossiers import Held
from shared.clearances import list_digest
from shared.digests import canonical_digest
from shared.policy import house_rules
from shared.policy.verdict import Verdict, pinned_circumstances, waiver_digest

_CONSIDERED = TypeAdapter(tuple[ConsideredEvidence, ...])


def passages_from(passages: tuple[Passage, ...]) -> tuple[house_rules.Passage, ...]:
    """The gates to judge."""
    return tuple(house_rules.Passage(stage=one.stage, gate=one.gate, open=one.open) for one in passages)


def signed_view(question: EvaluateGates, verdict: Verdict, held: Held, equipment: GateEquipment) -> VerdictView:
    """A verdict with everything it was based on: enough to give it again elsewhere."""
    view = verdict_view(question, verdict, held)
    if view.outcome is Outcome.ALLOW:
        cleared = equipment.clear(clearance_of(view, held.dossier.artifacts))
        view = view.model_copy(update={"clearance": cleared})
    said = announced(view)
    return view.model_copy(update={"signature": equipment.sign(said)})


def announced(view: VerdictView) -> dict[str, Any]:
    """What a verdict's signature is over."""
    return verdict_issued(view).model_dump(mode="json", exclude={"signature"})


def clearance_of(view: VerdictView, artifacts: Iterable[Digest]) -> Clearance:
    """What an allowing verdict clears, as small as those who act on it need it."""
    same = {name: getattr(view, name) for name in Clearance.model_fields if name in VerdictView.model_fields}
    return Clearance.model_validate(
        same
        | {
            "passages": tuple(ClearedGate(stage=one.stage, gate=one.gate, open=one.open) for one in view.passages),
            "waivers": tuple(sorted({one.waiver_id for one in view.waivers})),
            "artifacts_digest": list_digest(set(artifacts)),
            "evidence_digest": list_digest({used.content_digest for used in view.evidence}),
        }
    )


def verdict_view(question: EvaluateGates, verdict: Verdict, held: Held) -> VerdictView:
    """A verdict with everything it was based on, not signed."""
    pending, dossier = verdict.outcome is Outcome.PENDING, held.dossier
    # There may be ten thousand of them: as plain data they are digested, and read into models in one go.
    considered = [
        {"evidence_id": one.evidence_id, "content_digest": one.content_digest, "record": held.records[one.evidence_id]}
        for one in dossier.verified
    ]
    return VerdictView(
        verdict_id=verdict.id,
        promotion_id=question.promotion_id,
        attempt=question.attempt,
        project=question.project,
        application=question.application,
        version=question.version,
        version_digest=question.version_digest,
        passages=question.passages,
        requested_by=question.requested_by,
        outcome=verdict.outcome,
        findings=verdict.findings,
        policy_digests=verdict.policies,
        evidence=tuple(
            UsedEvidence(evidence_id=used.evidence_id, content_digest=used.content_digest) for used in verdict.evidence
        ),
        evidence_set=verdict.evidence_set,
        fingerprint=verdict.fingerprint,
        judged_at=verdict.judged_at,
        expires_at=verdict.expires_at,
        criticality=dossier.criticality,
        labels=dict(dossier.labels),
        considered_digest=canonical_digest(considered),
        considered=_CONSIDERED.validate_python(considered),
        evidence_count=verdict.evidence_count,
        kind=verdict.kind,
        waivers=tuple(UsedWaiver(waiver_id=one.waiver_id, digest=waiver_digest(one)) for one in verdict.waivers),
        may_be_trusted=verdict.may_be_trusted,
        awaited_until=question.deadline if pending else None,
        circumstances_digest=pinned_circumstances(dossier),
        circumstances=dossier.circumstances,
    )


def verdict_issued(view: VerdictView) -> VerdictIssued:
    """The fact that the gates judged."""
    return VerdictIssued(**{name: getattr(view, name) for name in VerdictIssued.model_fields})


def judgement(verdict: Verdict) -> Judgement:
    """What the gates would say: no id, so that nothing can be based on it."""
    return Judgement(
        outcome=verdict.outcome,
        findings=verdict.findings,
        evidence_set=verdict.evidence_set,
        judged_at=verdict.judged_at,
    )


def application_context(event: ApplicationApplied | VersionCreated) -> ApplicationContext:
    """The business context of an application, as its own event or that of one of its versions says."""
    return ApplicationContext(
        project=event.project,
        application=event.application,
        criticality=event.criticality,
        labels=event.labels,
        owners=event.owners,
        lifecycle=event.lifecycle if isinstance(event, ApplicationApplied) else None,
        revision=event.revision if isinstance(event, ApplicationApplied) else 0,
        at=event.at,
    )


def waiver_said(waiver: Waiver, *, by: str, at: datetime) -> dict[str, Any]:
    """What every event about a waiver says."""
    return {
        "project": waiver.project,
        "application": waiver.application,
        "waiver_id": waiver.waiver_id,
        "policy": waiver.policy,
        "rule": waiver.rule,
        "stage": waiver.stage,
        "waives": waiver.subject,
        "max_severity": waiver.max_severity,
        "reason": waiver.reason,
        "requested_by": waiver.requested_by,
        "expires_at": waiver.expires_at,
        "by": by,
        "at": at,
    }
