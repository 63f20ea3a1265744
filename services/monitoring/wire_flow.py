"""Flow and coverage as the contract tells them, and what is heard of promotions as the domain counts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from contracts.facts import EvidenceItem
from contracts.gate.v1.events import VerdictIssued
from contracts.monitoring.v1.metrics import (
    DenialReason,
    Dwell,
    FlowPeriod,
    GateYield,
    KindCoverage,
    SeverityRemediation,
    StageCoverage,
    Waited,
    WaitingNow,
    WaiverDebt,
)
from contracts.promotion.v1.events import PromotionAdvanced, PromotionCompleted, PromotionEnded, PromotionRequested
from contracts.registry.v1.events import VersionMoved
from contracts.vocabulary import PromotionState
from services.monitoring.domain.buckets import Span
from services.monitoring.domain.coverage import LABELS, KindSeen, Remediation, Stood, sbom_age, signed_share
from services.monitoring.domain.delivery_sums import Times
from services.monitoring.domain.flow import Judgement, Move, Step, Waiting, judgement, step
from services.monitoring.domain.sums import Sums
from services.monitoring.storage.coverage import Seen
from services.monitoring.wire_metrics import percentiles

MAX_REASONS = 50
_OTHERWISE = (PromotionState.CANCELLED, PromotionState.EXPIRED, PromotionState.FAILED)
Heard = PromotionRequested | PromotionAdvanced | PromotionCompleted | PromotionEnded


def steps(event: Heard) -> tuple[Step, ...]:
    """What an event says about the way of a promotion. The last ones say again when it was asked for."""
    match event:
        case PromotionRequested():
            return (step(PromotionState.REQUESTED, event.at),)
        case PromotionAdvanced():
            frozen = event.frozen_by is not None
            return (step(event.to_state, event.at, outcome=event.outcome, findings=event.findings, frozen=frozen),)
        case PromotionCompleted():
            return step(PromotionState.REQUESTED, event.requested_at), step(PromotionState.COMPLETED, event.at)
        case PromotionEnded():
            return step(PromotionState.REQUESTED, event.requested_at), step(event.state, event.at)


def judged(event: VerdictIssued) -> Judgement:
    """What a verdict says."""
    gates = [(one.stage, one.gate.value) for one in event.passages]
    return judgement(event.verdict_id, event.judged_at, event.outcome, gates, event.findings)


def move(event: VersionMoved) -> Move:
    """What a move says about the way of a version."""
    return Move(event.at, event.promotion_id, event.kind, event.from_stage, event.to_stage)


def seen(item: EvidenceItem) -> Seen:
    """A piece of evidence, as far as it matters for coverage."""
    kind = item.facts.kind
    return Seen(item.evidence_id, item.subjects, kind, item.standing.value, item.revision, item.made_at)


def flow_period(span: Span, sums: Sums) -> FlowPeriod:
    """One period, or the whole window."""
    counts = sums.counts
    ended = {state: counts.get(f"ended:{state}", 0) for state in PromotionState}
    return FlowPeriod(
        since=span.since,
        until=span.until,
        partial=span.partial,
        completed=ended[PromotionState.COMPLETED],
        denied=ended[PromotionState.DENIED],
        ended_otherwise=sum(ended[state] for state in _OTHERWISE),
        took=percentiles(Times(sums.cells.get("took", {}))),
        dwell=tuple(
            Dwell(stage=name.removeprefix("dwell:"), seconds=percentiles(Times(cells)))
            for name, cells in sorted(sums.cells.items())
            if name.startswith("dwell:")
        ),
        waited=tuple(
            Waited(
                on=name.removeprefix("wait:"),
                total_seconds=counts.get(f"waited:{name.removeprefix('wait:')}", 0),
                seconds=percentiles(Times(cells)),
            )
            for name, cells in sorted(sums.cells.items())
            if name.startswith("wait:")
        ),
        gates=tuple(
            _yield(name.removeprefix("judged:"), count, counts)
            for name, count in sorted(counts.items())
            if name.startswith("judged:") and count > 0
        ),
    )


def denials(counts: Mapping[str, int]) -> tuple[DenialReason, ...]:
    """What promotions were stopped by, the most frequent first."""
    found = [(count, name.removeprefix("denied:")) for name, count in counts.items() if name.startswith("denied:")]
    return tuple(
        DenialReason(policy=name.partition("/")[0], rule=name.partition("/")[2], promotions=count)
        for count, name in sorted(found, key=lambda one: (-one[0], one[1]))
        if count > 0
    )


def stage_coverage(stood: Stood, kinds: Iterable[KindSeen], now: datetime) -> StageCoverage:
    """The evidence on what stands in a stage."""
    known = tuple(kinds)
    return StageCoverage.model_validate(
        {
            "application": stood.application,
            "stage": stood.stage,
            "version": stood.version,
            "version_digest": stood.digest,
            "since": stood.since,
            "evidence": [
                KindCoverage(kind=one.kind, count=one.count, verified=one.verified, newest=one.newest) for one in known
            ],
            "signed_share": signed_share(known),
            "sbom_age_seconds": sbom_age(known, now),
        }
    )


def waiting(found: Iterable[tuple[Waiting, int, datetime]]) -> tuple[WaitingNow, ...]:
    """What promotions wait for now."""
    return tuple(WaitingNow(on=on.value, count=count, oldest_since=since) for on, count, since in found)


def debts(ages: Iterable[int], ends: Iterable[int]) -> tuple[WaiverDebt, ...]:
    """Open waivers by age and by time left."""
    rows = zip(LABELS, ages, ends, strict=True)
    return tuple(
        WaiverDebt.model_validate({"label": label, "since_granted": age, "until_expiry": end})
        for label, age, end in rows
    )


def remediations(found: Iterable[Remediation]) -> tuple[SeverityRemediation, ...]:
    """How soon alerts were closed."""
    return tuple(
        SeverityRemediation(
            severity=one.severity, closed=one.closed, mean_seconds=one.mean_seconds, in_time=one.in_time
        )
        for one in found
    )


def _yield(name: str, judged_first: int, counts: Mapping[str, int]) -> GateYield:
    stage, _, gate = name.partition(":")
    passed = counts.get(f"passed:{name}", 0)
    return GateYield(stage=stage, gate=gate, judged=judged_first, passed=passed, first_pass_yield=passed / judged_first)
