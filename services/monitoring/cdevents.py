"""Trust in the words of CDEvents: a type of Hallmark's own, since the standard has none. Pure."""

from __future__ import annotations

from contracts.cdevents import Fact, cdevent
from contracts.monitoring.v1.cdevents import TrustCdeventPublished
from contracts.monitoring.v1.events import TrustChanged
from contracts.vocabulary import utc

TRUST_CHANGED = "dev.cdeventsx.hallmark-trust.changed.0.1.0"


def told(event: TrustChanged) -> TrustCdeventPublished:
    """What a change of trust is in CDEvents."""
    content = {
        "fromTrust": event.from_trust.value,
        "toTrust": event.to_trust.value,
        "because": event.because,
        "causes": sorted({cause.advisory for cause in event.added}),
        "causeCount": event.cause_count,
        "deadline": utc(event.deadline) if event.deadline else None,
    }
    hallmark = {
        "event": "trust.changed",
        "project": event.project,
        "application": event.application,
        "version": event.version,
        "versionDigest": event.version_digest,
        "criticality": event.criticality.value,
        "owners": list(event.owners),
    }
    fact = Fact(
        type=TRUST_CHANGED,
        source="/hallmark/monitoring",
        about=f"{event.project}/{event.application}/{event.version}",
        nth=utc(event.at),
        at=event.at,
        content=content,
        hallmark=hallmark,
    )
    return cdevent(
        TrustCdeventPublished,
        fact,
        project=event.project,
        application=event.application,
        version_digest=event.version_digest,
    )
