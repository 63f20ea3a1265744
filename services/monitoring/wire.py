"""Between the contracts and the rules of monitoring, in both directions.

- Lists of causes are cut, the most urgent kept: a message must stay below its limit however bad a release is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.facts import EvidenceItem, SbomFacts
from contracts.monitoring.v1.commands import RefusedAdvisory
from contracts.monitoring.v1.events import TrustChanged
from contracts.monitoring.v1.views import DistrustedEvidence, ReleaseTrust, RiskCause, TrustStep
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded, ReleaseTrusted
from contracts.registry.v1.events import ApplicationApplied, VersionMoved
from contracts.vocabulary import PromotionKind, Trust
from services.monitoring.domain.causes import DistrustCause
from services.monitoring.domain.delivery import Deployment
from services.monitoring.domain.release import Context, Release, Sbom
from services.monitoring.domain.sla import due, high_due
from services.monitoring.domain.trust import TrustState
from services.monitoring.wire_rejudging import failed_rules
from services.monitoring.wire_vex import excused_causes
from shared.errors import Invalid

LISTED = 100
"""Causes in one event or one answer about one release."""
LISTED_IN_PAGE = 10
"""Causes of each release in a list of releases."""


def is_believed_sbom(item: EvidenceItem) -> bool:
    """Whether the evidence says what something consists of, and counts."""
    return item.verified and isinstance(item.facts, SbomFacts)


def distrust(event: EvidenceRejudged) -> DistrustCause | None:
    """What stands against the releases that were admitted on this evidence; None while all its signers are trusted.

    One lost signer is enough: nobody here knows which of them the verdict rested on.
    """
    if not any(signer.distrusted for signer in event.item.signers):
        return None
    return DistrustCause(
        evidence_id=event.item.evidence_id,
        content_digest=event.item.content_digest,
        predicate_type=event.item.predicate_type,
        trust_root=event.trust_root,
        trust_root_revision=event.trust_root_revision,
        since=event.at,
    )


def sbom(event: EvidenceAdded | EvidenceRejudged, components: int) -> Sbom:
    """The bill of materials that came on record."""
    return Sbom(
        key=f"{event.project}|{event.item.evidence_id}",
        project=event.project,
        evidence_id=event.item.evidence_id,
        subjects=event.item.subjects,
        made_at=event.item.made_at,
        components=components,
    )


def context(event: ApplicationApplied | ReleaseTrusted | VersionMoved) -> Context:
    """The business context that the event states."""
    return Context(event.criticality, event.owners, event.at)


def release(event: ReleaseTrusted) -> Release:
    """The release as it is before anybody trusts it."""
    return Release(
        project=event.project,
        application=event.application,
        version=event.version,
        version_digest=event.version_digest,
        stage=event.stage,
        own_subjects=(event.version_digest, *event.artifacts),
        context=context(event),
        source=event.source,
        released_at=event.at,
        evidence=event.evidence_digests,
        state=TrustState(trust=Trust.NONE, since=event.at),
    )


def untrusted_release(event: VersionMoved) -> Release:
    """A version that was released and may not be called trusted. What it consists of, the registry said before."""
    return Release(
        project=event.project,
        application=event.application,
        version=event.version,
        version_digest=event.version_digest,
        stage=event.to_stage,
        own_subjects=(event.version_digest,),
        context=context(event),
        source=event.source,
        released_at=event.at,
        state=TrustState(trust=Trust.NONE, since=event.at),
    )


def deployment(event: VersionMoved) -> Deployment:
    """The move into a release stage as the delivery metrics count it."""
    # A plain step on that happens to lead into the release stage puts something new out, too.
    kind = PromotionKind.ROLLBACK if event.kind is PromotionKind.ROLLBACK else PromotionKind.RELEASE
    committed_at = event.source.committed_at if event.source else None
    return Deployment(event.promotion_id, event.application, event.version, event.at, kind, committed_at)


def promotion_facts(event: PromotionCompleted | PromotionEnded) -> dict[str, str | datetime]:
    """What is kept of a promotion that came to its end."""
    return {
        "project": event.project,
        "application": event.application,
        "version": event.version,
        "kind": event.kind.value,
        "to_stage": event.to_stage,
        "requested_at": event.requested_at,
        "at": event.at,
    }


def refused(record: dict[str, object], error: Invalid) -> RefusedAdvisory:
    """A record that could not be read."""
    where, _, problem = error.message.partition(" is malformed at ")[2].partition(": ")
    return RefusedAdvisory(id=str(record.get("id", ""))[:200], where=where, problem=problem or error.message)


def risk_causes(one: Release) -> tuple[RiskCause, ...]:
    """Every flaw that stands against a release, the one that must be gone first leading."""
    dues = one.dues
    causes = [
        RiskCause(
            advisory=flaw.match.advisory_id,
            aliases=flaw.match.aliases,
            component=flaw.match.component,
            severity=flaw.match.severity,
            summary=flaw.match.summary,
            fixed_in=flaw.match.fixed_in,
            since=flaw.since,
            # Releases that were kept before deadlines were have none until they are looked at again.
            due=known.due if known else due(one.context.criticality, flaw.match.severity, flaw.since),
            exploited=bool(known and known.marks[-1].exploited),
        )
        for flaw in one.flaws
        for known in (dues.get((flaw.match.component, flaw.match.advisory_id)),)
    ]
    return _urgent_first(causes)


def distrusted_evidence(one: Release) -> tuple[DistrustedEvidence, ...]:
    """The distrusted evidence that a release rests on, the oldest first."""
    dues = one.dues
    found = [
        DistrustedEvidence(
            evidence_id=cause.evidence_id,
            predicate_type=cause.predicate_type,
            trust_root=cause.trust_root,
            trust_root_revision=cause.trust_root_revision,
            since=cause.since,
            due=known.due if known else high_due(one.context.criticality, cause.since),
        )
        for cause in one.state.distrusted
        for known in (dues.get(("", cause.evidence_id)),)
    ]
    return tuple(sorted(found, key=lambda one: (one.since, one.evidence_id)))


def release_trust(one: Release, *, listed: int = LISTED) -> ReleaseTrust:
    """Whether a release may still be relied on."""
    causes = risk_causes(one)
    revocation = one.revocation
    return ReleaseTrust(
        project=one.project,
        application=one.application,
        version=one.version,
        version_digest=one.version_digest,
        stage=one.stage,
        current=one.current,
        trust=one.state.trust,
        since=one.state.since,
        criticality=one.context.criticality,
        owners=one.context.owners,
        causes=causes[:listed],
        cause_count=len(causes),
        distrusted=distrusted_evidence(one)[:listed],
        rules=failed_rules(one)[:listed],
        excused=excused_causes(one.excused)[:listed],
        excused_count=len(excused_causes(one.excused)),
        deadline=one.deadline,
        revoked_because=revocation.reason if revocation else None,
        components=one.components,
        steps=tuple(TrustStep.model_validate(asdict(step)) for step in one.steps) if listed == LISTED else (),
    )


def trust_changed(before: Release, after: Release, *, because: str, at: datetime) -> TrustChanged | None:
    """What to announce; None when neither the trust nor a cause is another."""
    old, new = risk_causes(before), risk_causes(after)
    distrusted, rules = distrusted_evidence(after), failed_rules(after)
    others = (distrusted_evidence(before), failed_rules(before)) == (distrusted, rules)
    if before.state.trust is after.state.trust and old == new and others:
        return None
    return TrustChanged(
        project=after.project,
        application=after.application,
        version=after.version,
        version_digest=after.version_digest,
        from_trust=before.state.trust,
        to_trust=after.state.trust,
        added=_missing_from(old, new)[:LISTED],
        removed=_missing_from(new, old)[:LISTED],
        cause_count=len(new),
        distrusted=distrusted[:LISTED],
        rules=rules,
        because=because,
        criticality=after.context.criticality,
        owners=after.context.owners,
        deadline=after.deadline,
        at=at,
    )


def _missing_from(others: Iterable[RiskCause], causes: Iterable[RiskCause]) -> tuple[RiskCause, ...]:
    known = {(one.advisory, one.component): one for one in others}
    return _urgent_first(one for one in causes if known.get((one.advisory, one.component)) != one)


def _urgent_first(causes: Iterable[RiskCause]) -> tuple[RiskCause, ...]:
    return tuple(sorted(causes, key=lambda one: (one.due, one.component, one.advisory)))
