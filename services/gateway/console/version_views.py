"""One version, as people look at it: where it stands, what each gate last said, what it is made of: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.circumstances import ContainedVersion
from contracts.evidence.v1.views import EvidenceView
from contracts.facts import Component, SbomFacts
from contracts.gate.v1.views import VerdictView
from contracts.monitoring.v1.views import ReleaseTrust, RiskCause
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.views import StageView, VersionView
from contracts.vocabulary import Digest, GateKind, PromotionState, ReleaseStatus, Trust
from services.gateway import links
from services.gateway.console.finding_views import About, Row, rows

FINAL = frozenset(
    {
        PromotionState.COMPLETED,
        PromotionState.DENIED,
        PromotionState.CANCELLED,
        PromotionState.EXPIRED,
        PromotionState.FAILED,
    }
)
TABS = (
    ("", "Readiness and gates"),
    ("/timeline", "Timeline"),
    ("/contents", "Contents"),
    ("/evidence", "Evidence"),
    ("/proof", "Proof and badge"),
)


@dataclass(frozen=True)
class StageStep:
    """One stage of the version's way."""

    stage: StageView
    state: str
    """`current`: it is the stage's version now; `passed`: it was there; `quarantined`; empty: it has not been there."""
    is_next: bool


@dataclass(frozen=True)
class GateSays:
    """What one gate said last."""

    stage: str
    gate: GateKind
    verdict: VerdictView
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Nested:
    """A version inside of another one."""

    digest: Digest
    application: str | None
    """None where no verdict has told what the digest stands for."""
    version: str | None
    path: str


@dataclass(frozen=True)
class ComponentRow:
    """One component, with what is known against it."""

    component: Component
    causes: tuple[RiskCause, ...]


def path_of(version: VersionView) -> str:
    """Its page."""
    return links.version(version.project, version.application, version.version)


def about(version: VersionView, promotions: Iterable[PromotionView] = ()) -> About:
    """What next steps need to know of it; `promotions` are the newest first."""
    waiting = next((one.promotion_id for one in promotions if one.state not in FINAL), None)
    first = version.artifacts[0].digest if version.artifacts else None
    return About(version.project, version.application, version.version, version.digest, first, waiting)


def way(version: VersionView, to_stage: str | None) -> tuple[StageStep, ...]:
    """The stages of its lifecycle, and what it is in each."""

    def state(name: str) -> str:
        if name in version.quarantined_in:
            return "quarantined"
        if name in version.standing_in:
            return "current"
        return "passed" if name in version.held else ""

    return tuple(StageStep(one, state(one.name), one.name == to_stage) for one in version.lifecycle)


def standing_word(version: VersionView, trust: ReleaseTrust | None) -> str:
    """One word for whether it may be relied on, as on its badge."""
    if version.draft:
        return "draft"
    if trust and trust.trust in (Trust.REVOKED, Trust.AT_RISK):
        return trust.trust.value
    if version.release_status is ReleaseStatus.TRUSTED_RELEASE:
        return "trusted"
    return version.release_status.value


def newest_by_gate(verdicts: Iterable[VerdictView], about: About) -> tuple[GateSays, ...]:
    """What each gate said last, the newest first; `verdicts` come newest first."""
    found: dict[tuple[str, GateKind], GateSays] = {}
    for verdict in verdicts:
        for passage in verdict.passages:
            if (key := (passage.stage, passage.gate)) not in found:
                own = [one for one in verdict.findings if (one.stage, one.gate) == key]
                found[key] = GateSays(passage.stage, passage.gate, verdict, rows(own, about))
    return tuple(found.values())


def nested(version: VersionView, known: Iterable[ContainedVersion]) -> tuple[Nested, ...]:
    """The versions directly in it, named where a verdict tells what they are."""
    by_digest = {one.digest: one for one in known}

    def named(digest: Digest) -> Nested:
        one = by_digest.get(digest)
        if one is None:
            return Nested(digest, None, None, "")
        return Nested(
            digest, one.application, one.version, links.version(version.project, one.application, one.version)
        )

    return tuple(named(digest) for digest in version.nested)


def sboms(evidence: Iterable[EvidenceView]) -> tuple[tuple[EvidenceView, SbomFacts], ...]:
    """The bills of materials among evidence, those that count first, then the newest."""
    found = [(one, one.item.facts) for one in evidence if isinstance(one.item.facts, SbomFacts)]
    return tuple(sorted(found, key=lambda one: (not one[0].item.verified, -one[0].item.received_at.timestamp())))


def with_findings(components: Iterable[Component], trust: ReleaseTrust | None) -> tuple[ComponentRow, ...]:
    """Each component with the flaws that are known in it since the version was released."""
    against: dict[str, list[RiskCause]] = {}
    for cause in trust.causes if trust else ():
        against.setdefault(cause.component, []).append(cause)
    return tuple(ComponentRow(one, tuple(against.get(one.purl, ()))) for one in components)


def badge_snippet(public_url: str, path: str, project: str, application: str, name: str) -> Mapping[str, str]:
    """Markdown that shows badges with a link to the page: of this version, and of whatever is released."""
    base, page = f"{public_url.rstrip('/')}/badge/{project}/{application}", links.application(project, application)
    return {
        "This version": f"[![hallmark]({base}/{name}.svg)]({links.address(public_url, path)})",
        "Whatever is released": f"[![hallmark]({base}.svg)]({links.address(public_url, page)})",
    }
