"""Releases judged again, in messages."""

from __future__ import annotations

from datetime import datetime

from contracts.gate.v1.rejudging import MAX_RULES, FailingRule, ReleaseRejudged, WaivedRule
from contracts.promotion.v1.events import ReleaseTrusted
from services.gate.domain.rejudging import Admission, Standing

_LONGEST = 500


def admission(event: ReleaseTrusted) -> Admission:
    """What admitted a release, as it is first heard of."""
    return Admission(
        project=event.project,
        application=event.application,
        version=event.version,
        version_digest=event.version_digest,
        verdict_id=event.verdict_id,
        released_at=event.at,
    )


def release_rejudged(after: Admission, standing: Standing, at: datetime) -> ReleaseRejudged:
    """The fact that a release stands otherwise than was said of it last."""
    failing = after.failing or {}
    rules = [
        FailingRule(
            **name._asdict(),
            title=_short(found.title),
            outcome=found.outcome,
            observed=_short(found.observed),
            required=_short(found.required),
            remedy=_short(found.remedy),
            since=failing[name].since,
            ended_waivers=failing[name].ended_waivers,
        )
        for name, found in sorted(standing.failing.items())
    ]
    waived = [WaivedRule(**name._asdict(), waivers=ids) for name, ids in sorted(standing.waived.items())]
    return ReleaseRejudged(
        project=after.project,
        application=after.application,
        version=after.version,
        version_digest=after.version_digest,
        verdict_id=after.verdict_id,
        released_at=after.released_at,
        revision=after.revision,
        outcome=standing.outcome,
        failing=tuple(rules[:MAX_RULES]),
        failing_count=len(rules),
        waived=tuple(waived[:MAX_RULES]),
        at=at,
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
