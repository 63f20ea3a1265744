"""This very version must have passed a gate of another stage before.

- What counts is the version by digest: what an earlier or later version of the application passed says nothing.
- It passed an entry by any move into the stage or in it: rollbacks, demotions and re-certifications are judged at the
  entry too. It passed the exit by going on from the stage, and the release gate by any move that was judged there.
- That it was taken back since does not undo what it passed.
- The newest passage that counts decides whether it was recent enough.
- Not passed, or too long ago, is pending: it may still pass. That it passed only by waivers, where none are accepted,
  denies.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from contracts.circumstances import StagePassage
from contracts.findings import Violation
from contracts.vocabulary import Digest, GateKind, Outcome, StageName, utc
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration, format_duration
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, weigh
from shared.way import FORWARD


class StagePassed(RuleHead):
    """What people write for this rule."""

    kind: Literal["stage_passed"]
    stage: StageName
    gate: GateKind = GateKind.ENTRY
    within: Duration | None = None
    """How long ago it may have been at most; absent: at any time."""
    without_waivers: bool = False
    """Only a passage whose verdict needed no waiver counts."""


def check(rule: StagePassed, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when this version passed the gate, recently and cleanly enough."""
    passages = [one for one in dossier.circumstances.passed if _passed(rule, one)]
    clean = [one for one in passages if not (rule.without_waivers and one.waivers)]
    newest = max(clean, key=lambda one: (one.at, one.promotion_id), default=None)
    until = newest.at + rule.within if newest is not None and rule.within is not None else None
    good = RuleAnswer(
        Outcome.ALLOW,
        f"It passed the {rule.gate} gate of {rule.stage} at {utc(newest.at)}." if newest is not None else "",
        f"This version has passed the {rule.gate} gate of {rule.stage}{_words(rule)}.",
        valid_until=until,
    )
    if newest is None:
        return weigh([_lacking(rule, passages, dossier.version_digest)], context.waivers, good)
    if rule.within is not None and until is not None and until < context.at:
        return weigh([_too_old(rule, rule.within, newest, dossier.version_digest)], context.waivers, good)
    return good


def _passed(rule: StagePassed, passage: StagePassage) -> bool:
    match rule.gate:
        case GateKind.ENTRY:
            return passage.to_stage == rule.stage
        case GateKind.EXIT:
            return passage.from_stage == rule.stage and passage.kind in FORWARD
        case GateKind.RELEASE:
            return passage.to_stage == rule.stage and passage.release


def _lacking(rule: StagePassed, waived: Sequence[StagePassage], version: Digest) -> Problem:
    if not waived:
        return Problem(
            Violation(says=f"It has not passed the {rule.gate} gate of {rule.stage}", artifact=version),
            Outcome.PENDING,
            remedy=_promotion(rule),
            awaits="promotion",
        )
    ids = ", ".join(sorted({one for passage in waived for one in passage.waivers})[:3])
    return Problem(
        Violation(
            says=f"It passed the {rule.gate} gate of {rule.stage} only by waivers: {ids}",
            artifact=version,
        ),
        remedy="Correct what the waivers were for in a new version, and promote that.",
    )


def _too_old(rule: StagePassed, within: timedelta, newest: StagePassage, version: Digest) -> Problem:
    return Problem(
        Violation(
            says=f"It passed the {rule.gate} gate of {rule.stage} last at {utc(newest.at)}, more than "
            f"{format_duration(within)} ago",
            artifact=version,
        ),
        Outcome.PENDING,
        remedy="Promote a newer version all the way, or bring this one through that gate again.",
        awaits="promotion",
    )


def _words(rule: StagePassed) -> str:
    recently = f", at most {format_duration(rule.within)} ago" if rule.within is not None else ""
    return recently + (", without a waiver" if rule.without_waivers else "")


def _promotion(rule: StagePassed) -> str:
    match rule.gate:
        case GateKind.ENTRY:
            return f"Ask for its promotion to {rule.stage} first."
        case GateKind.EXIT:
            return f"Ask for its promotion from {rule.stage} to the stage that follows first."
        case GateKind.RELEASE:
            return f"Ask for its release into {rule.stage} first."
