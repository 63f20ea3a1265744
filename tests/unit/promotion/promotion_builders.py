"""Promotions in every state, and facts about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.findings import Finding
from contracts.vocabulary import Criticality, GateKind, Mode, Outcome, PromotionKind, PromotionState
from services.promotion.domain import saga
from services.promotion.domain.facts import (
    Admitted,
    Attested,
    Fact,
    Hold,
    Moved,
    MoveRefused,
    Verdict,
    VerdictGiven,
    Withdrawn,
)
from services.promotion.domain.passages import Gate, Route
from services.promotion.domain.promotion import Doing, Promotion
from shared.digests import sha256_digest

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEADLINE = NOW + timedelta(hours=1)
DIGEST = sha256_digest(b"version")
OTHER_DIGEST = sha256_digest(b"another version")
PASSAGE = sha256_digest(b"passage")
GATES = frozenset({("prod", GateKind.ENTRY)})
LONGER = Hold(freeze="holidays", until=NOW + timedelta(minutes=50))
HOLD = Hold(freeze="holidays", until=NOW + timedelta(minutes=30))


def a_finding(outcome: Outcome, *, awaits: str | None = None, mode: Mode = Mode.BLOCK, **more: Any) -> Finding:
    known: dict[str, Any] = {"title": "A rule", "observed": "what was there", "required": "what is asked for"}
    return Finding(
        policy="entry",
        policy_digest=sha256_digest(b"policy"),
        rule="a-rule",
        gate=GateKind.ENTRY,
        stage="prod",
        mode=mode,
        outcome=outcome,
        awaits=awaits,
        **known | more,
    )


def a_verdict(
    outcome: Outcome,
    *findings: Finding,
    attempt: int = 1,
    name: str = "",
    minute: int = 0,
    digest: str = DIGEST,
    kind: PromotionKind = PromotionKind.PROMOTE,
    gates: frozenset[tuple[str, GateKind]] = GATES,
    hold: Hold | None = None,
    **more: Any,
) -> VerdictGiven:
    verdict = Verdict(
        verdict_id=name or f"vd-{attempt}",
        attempt=attempt,
        outcome=outcome,
        findings=findings or (a_finding(outcome),),
        policy_digests=(),
        evidence_digests=(),
        evidence_set=sha256_digest(b"evidence"),
        judged_at=NOW + timedelta(minutes=minute),
        **{"expires_at": DEADLINE + timedelta(minutes=15)} | more,
    )
    return VerdictGiven(digest, kind, gates, verdict, hold)


def attested(attempt: int = 1, verdict_id: str = "", stale: str = "") -> Attested:
    return Attested(attempt, verdict_id or f"vd-{attempt}", PASSAGE, 7, stale, {DIGEST: 9} if stale else {})


def moved(attempt: int = 1, digest: str = DIGEST) -> Moved:
    return Moved(attempt, digest, "0.9")


def refused(code: str, attempt: int = 1) -> MoveRefused:
    return MoveRefused(attempt, code, "said the registry", {DIGEST: 9})


def withdrawn(attempt: int = 1) -> Withdrawn:
    return Withdrawn(attempt, 9)


def advance(promotion: Promotion, fact: Fact, at: datetime) -> Promotion:
    """The promotion after a fact: the same object when the fact changes nothing."""
    after = saga.advance(promotion, fact, at)
    return promotion if isinstance(after, saga.Ignored) else after


def a_promotion(**changes: Any) -> Promotion:
    """One whose gates have just been asked."""
    return advance(requested(**changes), Admitted(), NOW)


def requested(**changes: Any) -> Promotion:
    """One that waits for its turn."""
    fields: dict[str, Any] = {
        "promotion_id": "pr-1",
        "project": "shop",
        "application": "cart",
        "version": "1.0",
        "version_digest": DIGEST,
        "artifacts": (),
        "kind": PromotionKind.PROMOTE,
        "route": Route(
            from_stage="qa",
            to_stage="prod",
            release=True,
            gates=(Gate(stage="prod", gate=GateKind.ENTRY, open=False),),
        ),
        "criticality": Criticality.LOW,
        "owners": (),
        "source": None,
        "requested_by": "ann",
        "reason": "",
        "requested_at": NOW,
        "deadline": DEADLINE,
        "positions": {DIGEST: 3},
        "state": PromotionState.REQUESTED,
        "doing": None,
        "stepped_at": NOW,
    }
    return saga.begin(Promotion(**(fields | changes)), NOW)


def after(*facts: Any, at: datetime = NOW) -> Promotion:
    promotion = a_promotion()
    for fact in facts:
        promotion = advance(promotion, fact, at)
    return promotion


ALLOW = a_verdict(Outcome.ALLOW)
AWAITS_TESTS = a_verdict(Outcome.PENDING, a_finding(Outcome.PENDING, awaits="tests"))
AWAITS_APPROVAL = a_verdict(Outcome.PENDING, a_finding(Outcome.PENDING, awaits="approval"), name="vd-approval")
CHECKING = a_promotion()
AWAITING = after(AWAITS_APPROVAL)
ATTESTING = after(ALLOW)
MOVING = after(ALLOW, attested())
AGAIN = after(ALLOW, attested(stale="evidence changed"))
"""Checking in its second attempt."""
QUEUED = requested()
FROZEN = after(a_verdict(Outcome.ALLOW, hold=HOLD))
GATHERING = advance(advance(a_promotion(train_id="tr-1"), ALLOW, NOW), attested(), NOW)
COMPENSATING = after(ALLOW, attested(), refused("version_elsewhere"))
PLACES = {
    "queued": QUEUED,
    "frozen": FROZEN,
    "gathering": GATHERING,
    "compensating": COMPENSATING,
    "checking": CHECKING,
    "awaiting": AWAITING,
    "attesting": ATTESTING,
    "moving": MOVING,
    "again": AGAIN,
}


def place_of(promotion: Promotion) -> tuple[PromotionState, Doing | None, int]:
    """Everything that decides what the saga does next."""
    return promotion.state, promotion.doing, promotion.attempt
