"""Evidence and approvals on a timeline: pure.

- Evidence is shown as it stood when it came, and once more each time it was judged again.
- An approval that is not verified is evidence like any other: nobody has answered.
- An approval is withdrawn by the first later verdict at its stage that saw other evidence than its author did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from contracts.evidence.v1.views import EvidenceView
from contracts.facts import ApprovalFacts, EarlierStanding, EvidenceItem, Standing, UnreadableFacts
from contracts.gate.v1.views import VerdictView
from services.gateway.timeline import STEP_DIGITS, TimelineEntry, entry


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
                order=f"{before.revision:0{STEP_DIGITS}}",
                result=now.value,
                id=item.evidence_id,
                link=link,
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


def _standing(one: EvidenceItem | EarlierStanding) -> Standing:
    if not one.verified:
        return Standing.UNVERIFIED
    return Standing.DISTRUSTED if one.distrusted else Standing.VERIFIED


def _kind(item: EvidenceItem) -> str:
    if isinstance(item.facts, UnreadableFacts):
        return f"Unreadable evidence ({item.facts.meant or item.predicate_type})"
    known = item.facts.kind if item.facts.kind != "other" else item.predicate_type
    return f"Evidence of kind {known}"
