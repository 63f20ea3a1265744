"""From the services' views to entries of a timeline: pure, one function per noun.

- Evidence is shown as it stood when it came, and once more each time it was judged again.
- An approval that is not verified is evidence like any other: nobody has answered.
- An approval is withdrawn by the first later verdict at its stage that saw other evidence than its author did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from contracts.evidence.v1.views import EvidenceView
from contracts.facts import ApprovalFacts, EarlierStanding, EvidenceItem, Standing, UnreadableFacts
from contracts.findings import Finding
from contracts.gate.v1.views import VerdictView
from contracts.gate.v1.waivers import WaiverState, WaiverView
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import PromotionKind
from services.gateway.timeline import TimelineEntry, entry

_WORDS = {
    PromotionKind.PROMOTE: "Promotion to",
    PromotionKind.RELEASE: "Release into",
    PromotionKind.ROLLBACK: "Rollback in",
    PromotionKind.DEMOTE: "Demotion to",
    PromotionKind.RECERTIFY: "Re-certification in",
}
_STEPS = 5
"""Digits of the place that a step has among those of one promotion."""


def of_version(version: VersionView) -> Iterator[TimelineEntry]:
    """Its registration and its moves."""
    path = f"/projects/{version.project}/applications/{version.application}/versions/{version.version}"
    yield entry(
        "version.registered",
        version.created_at,
        f"{version.version} was registered with {len(version.artifacts)} artifact(s)",
        by=version.created_by,
        id=version.digest,
        link=path,
    )
    for move in version.history:
        where = f"from {move.from_stage} to {move.to_stage}" if move.from_stage else f"into {move.to_stage}"
        waived = f", on waivers {', '.join(move.waivers)}" if move.waivers else ""
        yield entry(
            "version.moved",
            move.at,
            f"{version.version} moved {where} by {move.kind}{waived}" + (f": {move.reason}" if move.reason else ""),
            by=move.by,
            result=move.kind.value,
            stage=move.to_stage,
            id=move.promotion_id,
            link=_promotion(version.project, move.promotion_id),
            promotion_id=move.promotion_id,
        )


def of_evidence(views: Iterable[EvidenceView], verdicts: Iterable[VerdictView]) -> Iterator[TimelineEntry]:
    """What came on record, what it was judged to be again, and which approvals lost their grounds."""
    judged = sorted(verdicts, key=lambda one: (one.judged_at, one.verdict_id))
    for view in views:
        item = view.item
        link = f"/projects/{view.project}/evidence/{item.evidence_id}"
        first = view.history[0] if view.history else item
        if isinstance(item.facts, ApprovalFacts) and first.verified:
            yield _approval(item, item.facts, link)
            yield from _withdrawal(item, item.facts, judged, link)
        else:
            yield _received(view, first, link)
        standings: list[EvidenceItem | EarlierStanding] = [*view.history[1:], item]
        for before, after in zip(view.history, standings, strict=False):
            was, now = _standing(before), _standing(after)
            yield entry(
                "evidence.rejudged",
                before.until,
                f"{_kind(item)} was {was} and is {now}, since the trust root {before.trust_root} has changed",
                order=f"{before.revision:0{_STEPS}}",
                result=now.value,
                id=item.evidence_id,
                link=link,
            )


def of_verdicts(verdicts: Iterable[VerdictView]) -> Iterator[TimelineEntry]:
    """What the gates said on each attempt, and what was open."""
    for one in verdicts:
        gates = ", ".join(f"{passage.stage} {passage.gate}" for passage in one.passages)
        waived = f", on waivers {', '.join(used.waiver_id for used in one.waivers)}" if one.waivers else ""
        yield entry(
            "verdict.issued",
            one.judged_at,
            f"The gates {gates} say {one.outcome}{waived}",
            result=one.outcome.value,
            stage=one.passages[-1].stage,
            id=one.verdict_id,
            link=f"/projects/{one.project}/verdicts/{one.verdict_id}",
            promotion_id=one.promotion_id,
            attempt=one.attempt,
            open=tuple(_open(finding) for finding in one.findings if not finding.lets_pass),
        )


def of_promotions(promotions: Iterable[PromotionView]) -> Iterator[TimelineEntry]:
    """Each request and each step of each attempt."""
    for one in promotions:
        for place, step in enumerate(one.history):
            asked = place == 0
            where = f"{_WORDS[one.kind]} {one.to_stage}"
            why = f": {one.reason}" if one.reason else ""
            yield entry(
                f"promotion.{step.state}",
                step.at,
                f"{where} was asked for{why}" if asked else f"{where}: {step.because}",
                order=f"{place:0{_STEPS}}",
                by=one.requested_by if asked else None,
                result=step.state.value,
                stage=one.to_stage,
                id=one.promotion_id,
                link=_promotion(one.project, one.promotion_id),
                promotion_id=one.promotion_id,
            )


def of_waivers(waivers: Iterable[WaiverView]) -> Iterator[TimelineEntry]:
    """Who asked for an exception, who decided, and how it ended."""
    for one in waivers:
        rule = f"{one.policy}/{one.rule} at {one.stage}"
        more = {"stage": one.stage, "id": one.waiver_id, "link": f"/projects/{one.project}/waivers/{one.waiver_id}"}
        asked = f"An exception from {rule} was asked for: {one.reason}"
        yield entry("waiver.requested", one.requested_at, asked, by=one.requested_by, **more)
        if one.decided_at:
            state = WaiverState.REFUSED if one.state is WaiverState.REFUSED else WaiverState.GRANTED
            says = f"The exception from {rule} was {state}" + (
                f": {one.decision_reason}" if one.decision_reason else ""
            )
            yield entry(f"waiver.{state}", one.decided_at, says, by=one.decided_by, result=state.value, **more)
        if one.ended_at:
            says = f"The exception from {rule} is over: {one.end_reason or one.state}"
            yield entry("waiver.ended", one.ended_at, says, by=one.ended_by, result=one.state.value, **more)


def of_trust(trust: ReleaseTrust) -> Iterator[TimelineEntry]:
    """How the trust in it rose and fell."""
    link = f"/projects/{trust.project}/applications/{trust.application}/versions/{trust.version}/trust"
    for step in trust.steps:
        says = f"Trust: {step.from_trust} → {step.to_trust}. {step.because}"
        yield entry(
            "trust.changed", step.at, says, by=step.by, result=step.to_trust.value, stage=trust.stage, link=link
        )


def _received(view: EvidenceView, first: EvidenceItem | EarlierStanding, link: str) -> TimelineEntry:
    standing = _standing(first)
    why = f": {first.problem}" if first.problem and standing is not Standing.VERIFIED else ""
    signers = ", ".join(dict.fromkeys(signer.role for signer in first.signers))
    signed = f", signed in the role {signers}" if signers else ""
    says = f"{_kind(view.item)} came on record, {standing}{why}{signed}"
    who = view.submitted_by or view.item.submitted_by or None
    more: dict[str, Any] = {
        "by": who,
        "result": standing.value,
        "stage": view.item.made_for,
        "id": view.item.evidence_id,
    }
    return entry("evidence.received", view.item.received_at, says, link=link, **more)


def _approval(item: EvidenceItem, facts: ApprovalFacts, link: str) -> TimelineEntry:
    reason = f": {facts.reason}" if facts.reason else ""
    return entry(
        f"approval.{facts.decision}",
        item.received_at,
        f"{facts.approver}, {facts.role}, {facts.decision} the entry into {facts.stage}{reason}",
        by=facts.approver,
        result=facts.decision,
        stage=facts.stage,
        id=item.evidence_id,
        link=link,
    )


def _withdrawal(
    item: EvidenceItem, facts: ApprovalFacts, judged: Iterable[VerdictView], link: str
) -> Iterator[TimelineEntry]:
    for verdict in judged:
        later = verdict.judged_at > item.received_at and verdict.version_digest in item.subjects
        same = later and any(passage.stage == facts.stage for passage in verdict.passages)
        if same and verdict.evidence_set != facts.evidence_set:
            yield entry(
                "approval.withdrawn",
                verdict.judged_at,
                f"What {facts.approver} answered to is no longer all the evidence: it does not count any more",
                stage=facts.stage,
                id=item.evidence_id,
                link=link,
            )
            return


def _open(finding: Finding) -> str:
    return f"{finding.stage} {finding.gate} {finding.policy}/{finding.rule}: {finding.observed}"


def _standing(one: EvidenceItem | EarlierStanding) -> Standing:
    if not one.verified:
        return Standing.UNVERIFIED
    return Standing.DISTRUSTED if one.distrusted else Standing.VERIFIED


def _kind(item: EvidenceItem) -> str:
    if isinstance(item.facts, UnreadableFacts):
        return f"Unreadable evidence ({item.facts.meant or item.predicate_type})"
    known = item.facts.kind if item.facts.kind != "other" else item.predicate_type
    return f"Evidence of kind {known}"


def _promotion(project: str, promotion_id: str) -> str:
    return f"/projects/{project}/promotions/{promotion_id}"
