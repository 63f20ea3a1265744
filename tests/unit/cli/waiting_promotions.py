"""Promotions that wait for something, for tests of what people are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.findings import Finding
from contracts.promotion.v1.views import PromotionView, Transition
from contracts.vocabulary import GateKind, Mode, Outcome, PromotionState
from deploy.examples import example_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DEADLINE = NOW + timedelta(hours=24)
_NOTHING: dict[str, Any] = {
    "findings": (),
    "approvals": (),
    "ignored": (),
    "waivers": (),
    "queue_position": None,
    "frozen_by": None,
    "frozen_until": None,
    "broken_glass": None,
    "superseded_by": None,
    "train_id": None,
    "replaced": None,
    "may_be_trusted": True,
    "outcome": None,
    "history": (),
}


def a_finding(rule: str = "two-people", **more: Any) -> Finding:
    known = {
        "policy": "prod",
        "rule": rule,
        "title": "Two people",
        "stage": "prod",
        "gate": GateKind.ENTRY,
        "mode": Mode.BLOCK,
        "outcome": Outcome.PENDING,
        "observed": "1 of 2 approval(s) given.",
        "remedy": "Ask somebody in the role approver.",
        "awaits": "approval",
        "passes_at": None,
        "waived": (),
    }
    return Finding.model_validate({**example_of(Finding).model_dump(), **known, **more})


def a_promotion(state: PromotionState = PromotionState.CHECKING, *steps: str, **more: Any) -> PromotionView:
    """One that waits; `steps` are what its history says, one a second."""
    history = tuple(
        Transition(state=state, at=NOW + timedelta(seconds=place), because=because)
        for place, because in enumerate(steps)
    )
    known = {"promotion_id": "pr-1", "project": "shop", "application": "web", "version": "1.0", "to_stage": "prod"}
    times = {"requested_at": NOW, "deadline": DEADLINE}
    made = {**example_of(PromotionView).model_dump(), **_NOTHING, **known, **times, "state": state, "history": history}
    return PromotionView.model_validate({**made, **more})
