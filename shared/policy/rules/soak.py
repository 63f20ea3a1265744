"""A version must have stood in a stage for a time, without anything going wrong.

- The time counts from when the version last entered the stage, by a promotion, a release, a rollback or a demotion into
  it. A re-certification there enters nothing, so the time goes on; after a demotion out of it the version is not there.
- It counts while the version stands there: once another one has taken its place, nobody knows for how long it ran. That
  is asked of a version that goes on. A rollback, a demotion or a re-certification mostly finds a newer one there.
- An incident that is not resolved denies; a resolved one starts the time again at its resolution. An incident of which
  nobody said which version failed may have been this one: it counts.
- Not there yet, and not long enough there, is pending; the latter says when it will be over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from contracts.circumstances import IncidentFacts, StagePassage
from contracts.findings import Violation
from contracts.vocabulary import Outcome, PromotionKind, StageName, utc
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration, format_duration
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, weigh
from shared.way import FORWARD, way_of


class Soak(RuleHead):
    """What people write for this rule."""

    kind: Literal["soak"]
    stage: StageName
    length: Duration = Field(alias="for")
    """How long it must have stood there."""
    no_incidents: bool = True
    """Whether incidents stand against it and start the time again."""
    still_there: bool = True
    """Whether the time counts only as long as no other version has taken its place in the stage."""


def check(rule: Soak, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the version has stood in the stage long enough since it entered, or since the last incident."""
    incidents = sorted(_incidents(rule, dossier), key=lambda one: (one.opened_at, one.incident_id))
    problems = [
        Problem(
            Violation(says=one.incident_id, artifact=dossier.version_digest),
            lead="An incident that concerns this version is not resolved: ",
            remedy="Resolve the incident, or roll back; the time starts again when it is resolved.",
        )
        for one in incidents
        if one.resolved_at is None
    ]
    entered = _entered(rule, dossier.circumstances.passed)
    resolved = [one.resolved_at for one in incidents if one.resolved_at is not None]
    since = max([entered, *resolved]) if entered is not None else None
    problems += _waiting(rule, dossier, context, since)
    words = f"This version has stood in {rule.stage} for {format_duration(rule.length)}"
    good = RuleAnswer(
        Outcome.ALLOW,
        f"It has stood in {rule.stage} since {utc(since)}." if since is not None else "",
        words + (" without an incident." if rule.no_incidents else "."),
    )
    return weigh(problems, context.waivers, good)


def _entered(rule: Soak, passed: Sequence[StagePassage]) -> datetime | None:
    """When it last entered the stage; None when it never did, or was taken back from it since."""
    entries = [one.at for one in passed if one.to_stage == rule.stage and one.kind is not PromotionKind.RECERTIFY]
    return max(entries, default=None) if rule.stage in way_of(passed).held else None


def _incidents(rule: Soak, dossier: Dossier) -> Iterator[IncidentFacts]:
    for one in dossier.circumstances.incidents:
        if rule.no_incidents and one.version in (None, dossier.version):
            yield one


def _waiting(rule: Soak, dossier: Dossier, context: RuleContext, since: datetime | None) -> Iterator[Problem]:
    standing = dossier.circumstances.current.get(rule.stage, dossier.version)
    if since is None:
        taken_back = any(one.to_stage == rule.stage for one in dossier.circumstances.passed)
        says = f"It was taken back from {rule.stage}" if taken_back else f"It has not entered {rule.stage} yet"
        yield Problem(
            Violation(says=says, artifact=dossier.version_digest),
            Outcome.PENDING,
            remedy=f"Ask for its promotion to {rule.stage} and leave it there for {format_duration(rule.length)}.",
            awaits="promotion",
        )
    elif rule.still_there and context.kind in FORWARD and standing != dossier.version:
        says = f"{standing} has taken its place in {rule.stage}"
        yield Problem(
            Violation(says=says, artifact=dossier.version_digest),
            Outcome.PENDING,
            remedy=f"Promote {standing} instead, or roll {rule.stage} back to this version and let the time pass.",
            awaits="promotion",
        )
    elif context.at < (over := since + rule.length):
        says = f"It has stood in {rule.stage} since {utc(since)} only"
        yield Problem(
            Violation(says=says, artifact=dossier.version_digest),
            Outcome.PENDING,
            remedy=f"Leave it there until {utc(over)}.",
            passes_at=over,
        )
