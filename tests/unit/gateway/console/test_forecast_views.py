"""A forecast as people read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.findings import Finding
from contracts.promotion.v1.views import Readiness
from contracts.vocabulary import GateKind, Mode, Outcome, PromotionKind
from services.gateway.console.forecast_views import forecast_of, headline, needs_reason
from shared.digests import sha256_digest

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def finding(rule: str, outcome: Outcome, mode: Mode = Mode.BLOCK, **more: Any) -> Finding:
    return Finding(
        policy="p",
        policy_digest=sha256_digest(b"p"),
        rule=rule,
        title=rule,
        gate=GateKind.ENTRY,
        stage="qa",
        mode=mode,
        outcome=outcome,
        observed="o",
        required="r",
        **more,
    )


def readiness(outcome: Outcome | None, *findings: Finding) -> Readiness:
    return Readiness(
        project="shop",
        application="web",
        version="1.0",
        version_digest=sha256_digest(b"1"),
        from_stage="dev",
        to_stage="qa",
        outcome=outcome,
        findings=findings,
        judged_at=NOW,
    )


def test_what_stops_stands_first_and_what_only_warns_stops_nothing() -> None:
    found = forecast_of(
        readiness(
            Outcome.DENY,
            finding("holds", Outcome.ALLOW),
            finding("waits", Outcome.PENDING, awaits="approval"),
            finding("warns", Outcome.DENY, Mode.WARN),
            finding("stops", Outcome.DENY),
            finding("waived", Outcome.DENY, waived=("wv-1",)),
        )
    )
    assert [one.rule for one in found.stopping] == ["stops", "waits"]
    assert [one.rule for one in found.noted] == ["waived", "warns"]
    assert [one.rule for one in found.passing] == ["holds"]
    assert found.gates == (("entry of qa", Outcome.DENY),)
    assert (found.says, found.tone) == ("It would be denied now: one rule stands against it.", "bad")


@pytest.mark.parametrize(
    ("outcome", "tone", "says"),
    [
        (None, "info", "No stage follows"),
        (Outcome.ALLOW, "good", "Every gate on the way would open now."),
        (Outcome.PENDING, "warn", "It would wait: tests may still arrive."),
        (Outcome.ERROR, "bad", "It could not be judged"),
    ],
)
def test_every_outcome_is_one_sentence(outcome: Outcome | None, tone: str, says: str) -> None:
    found = forecast_of(readiness(outcome, finding("t", Outcome.PENDING, awaits="tests")))
    assert found.says.startswith(says)
    assert found.tone == tone


def test_moves_are_named_by_what_they_do_and_ways_back_are_explained() -> None:
    said = {kind: headline(kind, "1.0", "dev", "qa") for kind in PromotionKind}
    assert said == {
        PromotionKind.PROMOTE: "Move 1.0 from dev on to qa",
        PromotionKind.RELEASE: "Release 1.0 to qa",
        PromotionKind.ROLLBACK: "Roll qa back to 1.0",
        PromotionKind.DEMOTE: "Take 1.0 back to qa",
        PromotionKind.RECERTIFY: "Certify 1.0 again for qa",
    }
    assert {kind for kind in PromotionKind if needs_reason(kind)} == {PromotionKind.ROLLBACK, PromotionKind.DEMOTE}
