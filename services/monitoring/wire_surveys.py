"""A release as one line."""

from __future__ import annotations

from contracts.monitoring.v1.surveys import TrustLine
from services.monitoring.domain.release import Release
from services.monitoring.wire import risk_causes


def trust_line(one: Release) -> TrustLine:
    """The least that somebody needs to know of it."""
    causes = risk_causes(one)
    distrusted = len(one.state.distrusted)
    cause = ""
    if causes:
        cause = f"{causes[0].advisory} in {causes[0].component}"
    elif distrusted:
        cause = "Evidence behind it is not trusted any more"
    elif one.revocation:
        cause = one.revocation.reason
    return TrustLine(
        project=one.project,
        application=one.application,
        version=one.version,
        stage=one.stage,
        current=one.current,
        trust=one.state.trust,
        since=one.state.since,
        criticality=one.context.criticality,
        owners=one.context.owners,
        deadline=one.deadline,
        cause=cause,
        cause_count=len(causes) + distrusted,
    )
