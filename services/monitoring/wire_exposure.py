"""How far something reaches, and what to fix first, between the contracts and the rules.

- Lists inside an answer are cut, the most urgent kept; an answer that would get too long ends early, with `next`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.circumstances import Exploitation
from contracts.gate.v1.waivers import WaiverEnded, WaiverGranted
from contracts.monitoring.v1 import exposure as said
from contracts.monitoring.v1.running import RunningService
from contracts.monitoring.v1.views import RiskCause
from contracts.vocabulary import Severity, Trust, utc
from services.monitoring import wire
from services.monitoring.domain.exposure import Finding, HeldWaiver, exploitation_of
from services.monitoring.domain.inventory import KnownVersion
from services.monitoring.domain.priority import FORMULA, Score, Step
from services.monitoring.domain.release import Context, Release

LISTED_FINDINGS, LISTED_DEPLOYMENTS, LISTED_WAIVERS, LISTED_NAMES, LISTED_PARTS = 10, 20, 5, 20, 10
MOST_BYTES = 150_000
"""Of the versions in one answer, as JSON."""
_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of one version besides what it consists of."""

    context: Context
    release: Release | None
    current_in: tuple[str, ...]
    deployments: tuple[RunningService, ...]
    waivers: Sequence[HeldWaiver]
    now: datetime


def held_waiver(event: WaiverGranted | WaiverEnded) -> HeldWaiver:
    """The waiver that the gate tells of."""
    return HeldWaiver(
        waiver_id=event.waiver_id,
        project=event.project,
        application=event.application,
        policy=event.policy,
        rule=event.rule,
        stage=event.stage,
        subject=event.waives,
        max_severity=event.max_severity,
        reason=event.reason,
        expires_at=event.expires_at,
    )


def exposed_version(one: KnownVersion, findings: Iterable[Finding], around: Surroundings) -> said.ExposedVersion:
    """A version with what was found in it, the most urgent first."""
    causes = wire.risk_causes(around.release) if around.release else ()
    found = [(_finding(one, finding, causes, around), finding.severity) for finding in findings]
    found.sort(key=_urgent_first)
    listed = tuple(view for view, _ in found)
    return said.ExposedVersion(
        project=one.project,
        application=one.application,
        version=one.version,
        version_digest=one.digest,
        stage=one.stage,
        current_in=around.current_in,
        release=around.release is not None,
        trust=around.release.state.trust if around.release else Trust.NONE,
        criticality=around.context.criticality,
        owners=around.context.owners,
        deployments=around.deployments[:LISTED_DEPLOYMENTS],
        deployment_count=len(around.deployments),
        findings=listed[:LISTED_FINDINGS],
        finding_count=len(listed),
        deadline=min((view.due for view in listed if view.due), default=None),
    )


def fitting(versions: Sequence[said.ExposedVersion]) -> int:
    """How many of them fit into one answer; at least one."""
    size = 0
    for place, one in enumerate(versions):
        size += len(one.model_dump_json())
        if size > MOST_BYTES and place:
            return place
    return len(versions)


def exposed_flaws(
    versions: Iterable[said.ExposedVersion], findings: Iterable[Finding], known: Mapping[str, Exploitation]
) -> tuple[said.ExposedFlaw, ...]:
    """The flaws that these versions name, each once, by id."""
    named = {finding.advisory for one in versions for finding in one.findings}
    flaws = {one.advisory_id: one for one in findings if one.advisory_id in named}
    return tuple(
        said.ExposedFlaw(
            advisory=name,
            aliases=one.aliases[:LISTED_NAMES],
            severity=one.severity,
            summary=one.summary,
            exploitation=exploitation_of(one.names, known),
        )
        for name, one in sorted(flaws.items(), key=lambda pair: str(pair[0]))
        if name
    )


def fix(step: Step) -> said.Fix:
    """One step with the numbers behind it."""
    releases = sorted({one.burden.release for one in step.scores})
    advisories = sorted({one.burden.match.advisory_id for one in step.scores})
    worst = max((one.burden.match.severity for one in step.scores), key=_SEVERITIES.index)
    return said.Fix(
        component=step.component,
        to_version=step.to_version,
        removes=round(step.removes, 2),
        risk=round(step.risk, 2),
        advisories=tuple(advisories[:LISTED_NAMES]),
        advisory_count=len(advisories),
        severity=worst,
        exploited=any(one.exploited for one in step.scores),
        epss=max((one.epss for one in step.scores if one.epss is not None), default=None),
        deadline=step.deadline,
        releases=tuple(releases[:LISTED_NAMES]),
        release_count=len(releases),
        parts=tuple(_part(one) for one in step.scores[:LISTED_PARTS]),
    )


def remediation_plan(
    steps: Sequence[Step], listed: Sequence[Step], *, releases: int, complete: bool, following: str | None
) -> said.RemediationPlan:
    """The steps of one page, with the sums over all of them."""
    risk, removed = sum(one.risk for one in steps), sum(one.removes for one in steps)
    return said.RemediationPlan(
        fixes=tuple(fix(one) for one in listed),
        fix_count=len(steps),
        risk=round(risk, 2),
        unfixable=round(risk - removed, 2),
        releases=releases,
        complete=complete,
        formula=FORMULA,
        next=following,
    )


def _finding(
    one: KnownVersion, finding: Finding, causes: Iterable[RiskCause], around: Surroundings
) -> said.ExposureFinding:
    names = set(finding.names)
    cause = next(
        (
            cause
            for cause in causes
            if cause.component == finding.component and not names.isdisjoint({cause.advisory, *cause.aliases})
        ),
        None,
    )
    covering = [waiver for waiver in around.waivers if waiver.covers(finding, one.subjects, around.now)]
    return said.ExposureFinding(
        component=finding.component,
        advisory=finding.advisory_id,
        fixed_in=finding.fixed_in,
        doubt=finding.doubt,
        since=cause.since if cause else None,
        due=cause.due if cause else None,
        waivers=tuple(_waiver(waiver) for waiver in covering[:LISTED_WAIVERS]),
    )


def _urgent_first(found: tuple[said.ExposureFinding, Severity]) -> tuple[bool, str, int, str, str]:
    view, severity = found
    due = utc(view.due) if view.due else ""
    return not due, due, -_SEVERITIES.index(severity), view.component, view.advisory or ""


def _waiver(waiver: HeldWaiver) -> said.WaiverInForce:
    return said.WaiverInForce(
        waiver_id=waiver.waiver_id,
        policy=waiver.policy,
        rule=waiver.rule,
        stage=waiver.stage,
        expires_at=waiver.expires_at,
        reason=waiver.reason,
    )


def _part(one: Score) -> said.ScorePart:
    burden = one.burden
    return said.ScorePart(
        application=burden.application,
        version=burden.version,
        advisory=burden.match.advisory_id,
        severity=burden.match.severity,
        severity_weight=one.severity,
        criticality_weight=one.criticality,
        exploitation_factor=round(one.exploitation, 4),
        urgency_factor=one.urgency,
        score=round(one.risk, 2),
    )
