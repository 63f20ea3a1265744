"""Promotions in the words of CDEvents: pure.

- A promotion is a pipeline run: `queued` when it was requested, `started` when it is first judged, then `finished`.
- It ends with `success`; `failure` when the gates denied it or the time ran out; `cancel`; or `error` when it failed.
- CDEvents has no word for a trusted release: that is a type of our own, `dev.cdeventsx.hallmark-release.trusted`.
- Approvals have words in the 0.6 draft only, and are said only where the setting asks for the draft. A promotion that
  is judged again after it was approved asks for another approval.
Source: cdevents/spec 0.5.1 continuous-integration.md, and schemas/approval*.json of the 0.6 draft.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from contracts import cdevents
from contracts.cdevents import Fact, actor_urn, cdevent, cdevent_id
from contracts.findings import Finding
from contracts.message import Event
from contracts.promotion.v1.cdevents import CdeventPublished
from contracts.promotion.v1.events import (
    ApprovalDecided,
    PromotionAdvanced,
    PromotionCompleted,
    PromotionEnded,
    PromotionRequested,
    ReleaseTrusted,
)
from contracts.vocabulary import PromotionState, utc
from services.promotion.domain.promotion import Promotion

SOURCE = "/hallmark/promotion"
QUEUED = "dev.cdevents.pipelinerun.queued.0.3.0"
STARTED = "dev.cdevents.pipelinerun.started.0.3.0"
FINISHED = "dev.cdevents.pipelinerun.finished.0.3.0"
TRUSTED = "dev.cdeventsx.hallmark-release.trusted.0.1.0"
APPROVAL_CREATED = "dev.cdevents.approval.created.0.1.0"
APPROVAL_UPDATED = "dev.cdevents.approval.updated.0.1.0"
APPROVAL_CLOSED = "dev.cdevents.approval.closed.0.1.0"
_GATES = "urn:hallmark:service:gate"
_SAGA = "urn:hallmark:service:promotion"
_LONGEST_ERRORS = 16_000

S = PromotionState
_OUTCOMES = {S.DENIED: "failure", S.EXPIRED: "failure", S.CANCELLED: "cancel", S.FAILED: "error"}
_CLOSINGS = {
    S.APPLYING: ("approved", "approved", _GATES),
    S.DENIED: ("rejected", "rejected", _GATES),
    S.CANCELLED: ("deferred", "cancelled", _SAGA),
    S.EXPIRED: ("deferred", "expired", _SAGA),
}
"""By the state that follows: decision, status and responder. Nobody decided what was cancelled or expired."""


def told(promotion: Promotion, event: Event, *, draft: bool) -> tuple[CdeventPublished, ...]:
    """What an announced event is in CDEvents, `promotion` being as it is afterwards; nothing for most steps."""
    match event:
        case PromotionRequested():
            facts = [_run(promotion, event, QUEUED)]
        case PromotionAdvanced() if event.from_state is S.REQUESTED and event.to_state is not S.REQUESTED:
            facts = [_run(promotion, event, STARTED, follows=_id(promotion, QUEUED))]
        case PromotionCompleted():
            facts = [_finished(promotion, event, "success")]
        case PromotionEnded():
            errors = _errors(event.because, event.findings)
            facts = [_finished(promotion, event, _OUTCOMES[event.state], errors=errors)]
        case ReleaseTrusted():
            facts = [_trusted(promotion, event)]
        case _:
            facts = []
    approvals = _approval(promotion, event) if draft else []
    return tuple(
        cdevent(
            CdeventPublished,
            fact,
            project=promotion.project,
            application=promotion.application,
            version_digest=promotion.version_digest,
        )
        for fact in (*facts, *approvals)
    )


def _run(promotion: Promotion, event: Event, kind: str, *, follows: str | None = None, **content: str) -> Fact:
    name = f"{promotion.project}/{promotion.application} {promotion.kind} to {promotion.route.to_stage}"
    uri = f"urn:hallmark:promotion:{promotion.project}:{promotion.promotion_id}"
    return Fact(
        type=kind,
        source=SOURCE,
        about=promotion.promotion_id,
        at=promotion.history[-1].at,
        content={"pipelineName": name, "uri": uri, **content},
        hallmark=_context(promotion, event),
        follows=follows,
    )


def _finished(promotion: Promotion, event: Event, outcome: str, **content: str) -> Fact:
    has_started = any(step.state is not S.REQUESTED for step in promotion.history[:-1])
    before = _id(promotion, STARTED if has_started else QUEUED)
    return _run(promotion, event, FINISHED, follows=before, outcome=outcome, **content)


def _trusted(promotion: Promotion, event: ReleaseTrusted) -> Fact:
    content = {
        "version": event.version,
        "versionDigest": event.version_digest,
        "artifacts": list(event.artifacts),
        "stage": event.stage,
        "verdictId": event.verdict_id,
        "passageDigest": event.passage_digest,
        "logIndex": event.log_index,
    }
    return Fact(
        type=TRUSTED,
        source=SOURCE,
        about=f"{event.project}/{event.application}/{event.version}",
        nth=event.promotion_id,
        at=event.at,
        content=content,
        hallmark=_context(promotion, event),
        follows=_id(promotion, FINISHED),
    )


def _approval(promotion: Promotion, event: Event) -> list[Fact]:
    states = [step.state for step in promotion.history]
    match event:
        case PromotionAdvanced() | PromotionEnded() if promotion.hold:
            return []  # It waits for the end of a freeze, and for nobody's answer.
        case PromotionAdvanced(to_state=S.AWAITING_APPROVAL) if event.from_state is not S.AWAITING_APPROVAL:
            content = {"requestor": actor_urn(promotion.requested_by)}
            return [_approving(promotion, event, APPROVAL_CREATED, _round(states), content)]
        case ApprovalDecided():
            content = {"responder": actor_urn(event.approver), "decision": event.decision}
            return [_approving(promotion, event, APPROVAL_UPDATED, _round(states), content)]
        case PromotionAdvanced() | PromotionEnded() if _is_open(states[:-1]) and states[-1] in _CLOSINGS:
            decision, status, responder = _CLOSINGS[states[-1]]
            content = {"responder": responder, "decision": decision, "status": status}
            return [_approving(promotion, event, APPROVAL_CLOSED, _round(states[:-1]), content)]
        case _:
            return []


def _approving(promotion: Promotion, event: Event, kind: str, number: int, content: dict[str, str]) -> Fact:
    of_project = f"/api/v1/projects/{promotion.project}"
    version = f"{of_project}/applications/{promotion.application}/versions/{promotion.version}"
    places = {
        "approvalDetailsUrl": f"{of_project}/promotions/{promotion.promotion_id}",
        "resourceTargetUrl": version,
    }
    about = f"{promotion.promotion_id}/approval/{number}"
    answer = event if isinstance(event, ApprovalDecided) else None
    return Fact(
        type=kind,
        source=SOURCE,
        about=about,
        nth=f"{answer.approver}\n{utc(answer.at)}" if answer else "",
        at=answer.at if answer else promotion.history[-1].at,
        content={**places, **content},
        hallmark=_context(promotion, event),
        follows=None if kind == APPROVAL_CREATED else cdevent_id(APPROVAL_CREATED, about),
        specversion=cdevents.DRAFT,
    )


def _round(states: list[PromotionState]) -> int:
    """Which approval of the promotion it is: another one begins after it has been applied in vain."""
    return 1 + sum(1 for before, after in pairwise(states) if after is S.APPLYING is not before)


def _is_open(states: list[PromotionState]) -> bool:
    """Whether an approval was asked for and has not been closed."""
    since = states[::-1].index(S.APPLYING) if S.APPLYING in states else len(states)
    return S.AWAITING_APPROVAL in states[len(states) - since :]


def _id(promotion: Promotion, kind: str) -> str:
    return cdevent_id(kind, promotion.promotion_id)


def _errors(because: str, findings: tuple[Finding, ...]) -> str:
    lines = [because, *(f"{one.stage} {one.gate} {one.policy}/{one.rule}: {one.observed}" for one in findings)]
    return "\n".join(lines)[:_LONGEST_ERRORS]


def _context(promotion: Promotion, event: Event) -> dict[str, Any]:
    """What CDEvents have no word for."""
    return {
        "event": ".".join(event.subject.split(".")[3:5]),
        "project": promotion.project,
        "application": promotion.application,
        "version": promotion.version,
        "versionDigest": promotion.version_digest,
        "kind": promotion.kind.value,
        "fromStage": promotion.route.from_stage,
        "toStage": promotion.route.to_stage,
        "state": promotion.state.value,
        "attempt": promotion.attempt,
        "verdictId": promotion.verdict.verdict_id if promotion.verdict else None,
    }
