"""What would come of a move: the gates' forecast in the order in which people read it, and in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Finding
from contracts.promotion.v1.views import Readiness
from contracts.vocabulary import Mode, Outcome, PromotionKind, StageName, VersionName

NAMED = 5
"""Things that stand against a version under one rule that are named."""
_ORDER = {Outcome.DENY: 0, Outcome.ERROR: 1, Outcome.PENDING: 2, Outcome.ALLOW: 3}
_NEEDS_REASON = frozenset({PromotionKind.ROLLBACK, PromotionKind.DEMOTE})
PATIENCE = ((3_600, "an hour"), (86_400, "a day"), (259_200, "three days"), (604_800, "a week"))
"""For how long a promotion may wait, in seconds and in words."""


@dataclass(frozen=True)
class Forecast:
    """What the gates would say, sorted for reading."""

    says: str
    tone: str
    """good, warn, bad or info: how it is coloured."""
    stopping: tuple[Finding, ...]
    """Rules that keep the gate shut, the hopeless ones first."""
    noted: tuple[Finding, ...]
    """Rules that do not hold and stop nothing: they warn, watch, or are waived."""
    passing: tuple[Finding, ...]
    gates: tuple[tuple[str, Outcome], ...]
    """The gates that say something, in the order of the way, each with its worst outcome."""


def forecast_of(readiness: Readiness) -> Forecast:
    """The forecast of a move."""
    found = sorted(readiness.findings, key=lambda one: (_ORDER[one.outcome], one.policy, one.rule))
    stopping = tuple(one for one in found if not one.lets_pass and one.mode is Mode.BLOCK)
    noted = tuple(one for one in found if one not in stopping and one.outcome is not Outcome.ALLOW)
    passing = tuple(one for one in found if one.outcome is Outcome.ALLOW)
    says, tone = _sentence(readiness.outcome, stopping)
    return Forecast(says, tone, stopping, noted, passing, _gates(readiness.findings))


def _gates(findings: Iterable[Finding]) -> tuple[tuple[str, Outcome], ...]:
    worst: dict[str, Outcome] = {}
    for one in findings:
        counts = Outcome.ALLOW if one.lets_pass or one.mode is not Mode.BLOCK else one.outcome
        gate = f"{one.gate} of {one.stage}"
        worst[gate] = min(counts, worst.get(gate, Outcome.ALLOW), key=_ORDER.__getitem__)
    return tuple(worst.items())


def _sentence(outcome: Outcome | None, stopping: tuple[Finding, ...]) -> tuple[str, str]:
    match outcome:
        case None:
            return "No stage follows: it is as far as it can go.", "info"
        case Outcome.ALLOW:
            return "Every gate on the way would open now.", "good"
        case Outcome.PENDING:
            awaited = ", ".join(sorted({one.awaits for one in stopping if one.awaits})) or "what is missing"
            return f"It would wait: {awaited} may still arrive.", "warn"
        case Outcome.DENY:
            return f"It would be denied now: {_rules(stopping)} against it.", "bad"
        case Outcome.ERROR:
            return "It could not be judged, and a gate that cannot decide stays shut.", "bad"


def _rules(findings: Iterable[Finding]) -> str:
    count = sum(1 for one in findings if one.outcome in {Outcome.DENY, Outcome.ERROR})
    return "one rule stands" if count == 1 else f"{count} rules stand"


def needs_reason(kind: PromotionKind) -> bool:
    """Whether such a move has to be explained."""
    return kind in _NEEDS_REASON


def headline(
    kind: PromotionKind, version: VersionName, from_stage: StageName | None, to_stage: StageName | None
) -> str:
    """What would be done, in a few words."""
    match kind:
        case PromotionKind.ROLLBACK:
            return f"Roll {to_stage} back to {version}"
        case PromotionKind.DEMOTE:
            return f"Take {version} back to {to_stage}"
        case PromotionKind.RECERTIFY:
            return f"Certify {version} again for {to_stage}"
        case PromotionKind.RELEASE:
            return f"Release {version} to {to_stage}"
        case PromotionKind.PROMOTE:
            where = f" from {from_stage}" if from_stage else ""
            return f"Move {version}{where} on to {to_stage}"
