"""Who may answer for a version: separation of duties, at the door.

- Only people approve: no pipeline, no service, no agent, whatever role its token has, unless a rule that awaits an
  approval names its kind.
- Nobody approves their own request, and nobody a version that they registered, had a hand in while it was a draft,
  wrote or put onto the branch.
- A subject is one person, however many tokens it has. Names that differ in case alone are one subject here: commits and
  sign-in providers spell them differently.
- The gates judge the recorded approval by the policies' own rules; this only spares what could never count.
"""

from __future__ import annotations

from contracts.vocabulary import Actor, ActorKind, Digest
from services.promotion.domain.facts import Verdict
from services.promotion.domain.promotion import WAITING, Promotion
from shared.errors import Conflict, Forbidden


def check_approver(promotion: Promotion, approver: Actor) -> Verdict:
    """The verdict that this person may answer now. Raises `Forbidden`, and `Conflict` when none awaits it."""
    if approver.kind not in _kinds(promotion):
        raise Forbidden(
            "approval_not_human",
            f"Only people approve this, and {approver.subject} is of kind {approver.kind}.",
            remedy="Have a person decide, or name the kind in the policy's approvals rule.",
        )
    subject = _one(approver.subject)
    if subject == _one(promotion.requested_by):
        raise Forbidden("approval_own_request", "Nobody approves their own request.", remedy="Ask another approver.")
    if subject in _makers(promotion):
        raise Forbidden(
            "approval_own_version",
            f"{approver.subject} made {promotion.version}: it was registered or committed by the same person.",
            remedy="Ask an approver who has no part in it.",
        )
    if promotion.state not in WAITING or promotion.verdict is None:
        raise Conflict(
            "approval_not_awaited",
            f"The promotion is {promotion.state} and awaits no approval.",
            remedy="Look at it with `hallmark promotion show`.",
        )
    return promotion.verdict


def check_seen(verdict: Verdict, evidence_set: Digest | None) -> None:
    """Pass when the answer is about what this verdict saw, or says nothing of it. Raises `Conflict` otherwise."""
    if evidence_set not in (None, verdict.evidence_set):
        raise Conflict(
            "approval_evidence_changed",
            "Other evidence is there by now than the answer is about.",
            remedy="Look at what has changed and answer again.",
        )


def _kinds(promotion: Promotion) -> set[ActorKind]:
    """People, and whoever else a rule that stands in the way takes an answer from."""
    blocking = promotion.verdict.blocking if promotion.verdict else ()
    return {ActorKind.HUMAN}.union(*(finding.approver_kinds for finding in blocking))


def _makers(promotion: Promotion) -> frozenset[str]:
    source = promotion.source
    named = (promotion.registered_by, *promotion.contributors, *((source.author, source.committer) if source else ()))
    return frozenset(_one(name) for name in named if name)


def _one(subject: str) -> str:
    return subject.strip().casefold()
