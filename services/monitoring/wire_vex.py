"""Between evidence and what monitoring knows of VEX."""

from __future__ import annotations

from contracts.facts import EvidenceItem, VexFacts, VexStatus
from contracts.monitoring.v1.vex import ExcusedCause
from services.monitoring.domain.matching import Match
from services.monitoring.domain.remediation import distinct
from services.monitoring.domain.vex import Excused, VexItem
from shared.policy.dossier import may_be

_AGAINST: tuple[VexStatus, ...] = ("affected", "under_investigation")


def vex_item(item: EvidenceItem) -> VexItem | None:
    """What a piece of evidence says as VEX; None when it is something else, or was never believed."""
    if not item.verified or not may_be(item, "vex"):
        return None
    facts = item.facts
    readable = isinstance(facts, VexFacts)
    return VexItem(
        evidence_id=item.evidence_id,
        subjects=item.subjects,
        made_at=item.made_at,
        received_at=item.received_at,
        author=facts.author if isinstance(facts, VexFacts) else "",
        roots=tuple(sorted({one.trust_root for one in item.signers})),
        signers=tuple(sorted({f"{one.identity or one.trust_root} ({one.role})" for one in item.signers})),
        believed=not item.distrusted and any(not one.distrusted for one in item.signers),
        statements=facts.statements if isinstance(facts, VexFacts) else (),
        hides=not readable or (isinstance(facts, VexFacts) and _hides(facts)),
        revision=item.revision,
    )


def excused_causes(excused: tuple[Excused, ...]) -> tuple[ExcusedCause, ...]:
    """What was taken away, one per flaw and component."""
    told = []
    for flaw in distinct(one.cause.match for one in excused):
        parts = [one for one in excused if _is_part(one.cause.match, flaw)]
        first = min(parts, key=lambda one: one.since)
        told.append(
            ExcusedCause(
                advisory=flaw.advisory_id,
                aliases=flaw.aliases,
                component=flaw.component,
                severity=flaw.severity,
                summary=flaw.summary,
                since=first.since,
                **first.excuse.model_dump(),
            )
        )
    return tuple(told)


def _is_part(part: Match, flaw: Match) -> bool:
    return part.component == flaw.component and part.advisory_id in {flaw.advisory_id, *flaw.aliases}


def _hides(facts: VexFacts) -> bool:
    listed = sum(one.status in _AGAINST for one in facts.statements)
    return sum(facts.counts.get(status, 0) for status in _AGAINST) > listed
