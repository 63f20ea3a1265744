"""From the services' views to entries of a timeline: pure, one function per noun.

- What a record does not say is not guessed: a step of a promotion names somebody only where it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contracts.findings import Finding
from contracts.gate.v1.views import VerdictView
from contracts.gate.v1.waivers import WaiverState, WaiverView
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.views import ApplicationView, StageMove, VersionView
from contracts.vocabulary import PromotionKind, VersionName
from services.gateway.timeline import STEP_DIGITS, TimelineEntry, entry

_WORDS = {
    PromotionKind.PROMOTE: "Promotion to",
    PromotionKind.RELEASE: "Release into",
    PromotionKind.ROLLBACK: "Rollback in",
    PromotionKind.DEMOTE: "Demotion to",
    PromotionKind.RECERTIFY: "Re-certification in",
}


def of_version(version: VersionView) -> Iterator[TimelineEntry]:
    """Its registration and its moves."""
    path = f"/projects/{version.project}/applications/{version.application}/versions/{version.version}"
    made_of = f"{len(version.artifacts)} artifact(s)"
    about = {"id": version.digest, "link": path}
    name = version.version
    if version.drafted_at:
        yield entry(
            "version.drafted", version.drafted_at, f"{name} was begun as a draft", by=version.created_by, **about
        )
        if not version.draft:
            hands = f", by the hands of {', '.join(version.contributors)}" if version.contributors else ""
            yield entry("version.sealed", version.created_at, f"{name} was sealed with {made_of}{hands}", **about)
    else:
        says = f"{name} was registered with {made_of}"
        yield entry("version.registered", version.created_at, says, by=version.created_by, **about)
    for move in version.history:
        waived = f", on waivers {', '.join(move.waivers)}" if move.waivers else ""
        yield entry(
            "version.moved",
            move.at,
            f"{version.version} {_moved(move)} by {move.kind}{waived}" + (f": {move.reason}" if move.reason else ""),
            by=move.by,
            result=move.kind.value,
            stage=move.to_stage,
            id=move.promotion_id,
            link=_promotion(version.project, move.promotion_id),
            promotion_id=move.promotion_id,
        )


def of_standing(application: ApplicationView, version: VersionName) -> Iterator[TimelineEntry]:
    """Where it may not return to, since it was rolled back from there."""
    for standing in application.board:
        for one in standing.quarantined:
            if one.version == version:
                yield entry(
                    "version.quarantined",
                    one.since,
                    f"{version} was rolled back from in {standing.stage} and may not enter it again"
                    f" before it is certified there anew: {one.reason}",
                    stage=standing.stage,
                    id=one.promotion_id,
                    link=_promotion(application.project, one.promotion_id),
                    promotion_id=one.promotion_id,
                )


def of_verdicts(verdicts: Iterable[VerdictView]) -> Iterator[TimelineEntry]:
    """What the gates said on each attempt, and what was open."""
    for one in verdicts:
        gates = ", ".join(f"{passage.stage} {passage.gate}" for passage in one.passages)
        waived = f", on waivers {', '.join(used.waiver_id for used in one.waivers)}" if one.waivers else ""
        yield entry(
            "verdict.issued",
            one.judged_at,
            f"The gates {gates} say {one.outcome}{waived}",
            result=one.outcome.value,
            stage=one.passages[-1].stage,
            id=one.verdict_id,
            link=f"/projects/{one.project}/verdicts/{one.verdict_id}",
            promotion_id=one.promotion_id,
            attempt=one.attempt,
            open=tuple(_open(finding) for finding in one.findings if not finding.lets_pass),
        )


def of_promotions(promotions: Iterable[PromotionView]) -> Iterator[TimelineEntry]:
    """Each request and each step of each attempt."""
    for one in promotions:
        for place, step in enumerate(one.history):
            asked = place == 0
            where = f"{_WORDS[one.kind]} {one.to_stage}"
            why = f": {one.reason}" if one.reason else ""
            yield entry(
                f"promotion.{step.state}",
                step.at,
                f"{where} was asked for{why}" if asked else f"{where}: {step.because}",
                order=f"{place:0{STEP_DIGITS}}",
                by=one.requested_by if asked else None,
                result=step.state.value,
                stage=one.to_stage,
                id=one.promotion_id,
                link=_promotion(one.project, one.promotion_id),
                promotion_id=one.promotion_id,
                attempt=step.attempt,
            )
        if glass := one.broken_glass:
            with_whom = f", and {glass.confirmed_by} let it" if glass.confirmed_by else ""
            yield entry(
                "promotion.glass",
                glass.asked_at,
                f"{glass.asked_by} asked that it pass a freeze{with_whom}: {glass.reason}",
                by=glass.asked_by,
                stage=one.to_stage,
                id=one.promotion_id,
                link=_promotion(one.project, one.promotion_id),
                promotion_id=one.promotion_id,
            )


def of_waivers(waivers: Iterable[WaiverView]) -> Iterator[TimelineEntry]:
    """Who asked for an exception, who decided, and how it ended."""
    for one in waivers:
        rule = f"{one.policy}/{one.rule} at {one.stage}"
        more = {"stage": one.stage, "id": one.waiver_id, "link": f"/projects/{one.project}/waivers/{one.waiver_id}"}
        asked = f"An exception from {rule} was asked for: {one.reason}"
        yield entry("waiver.requested", one.requested_at, asked, by=one.requested_by, **more)
        if one.decided_at:
            state = WaiverState.REFUSED if one.state is WaiverState.REFUSED else WaiverState.GRANTED
            says = f"The exception from {rule} was {state}" + (
                f": {one.decision_reason}" if one.decision_reason else ""
            )
            yield entry(f"waiver.{state}", one.decided_at, says, by=one.decided_by, result=state.value, **more)
        if one.ended_at:
            says = f"The exception from {rule} is over: {one.end_reason or one.state}"
            yield entry("waiver.ended", one.ended_at, says, by=one.ended_by, result=one.state.value, **more)


def of_trust(trust: ReleaseTrust) -> Iterator[TimelineEntry]:
    """How the trust in it rose and fell."""
    link = f"/projects/{trust.project}/applications/{trust.application}/versions/{trust.version}/trust"
    for step in trust.steps:
        says = f"Trust: {step.from_trust} → {step.to_trust}. {step.because}"
        yield entry(
            "trust.changed", step.at, says, by=step.by, result=step.to_trust.value, stage=trust.stage, link=link
        )


def _moved(move: StageMove) -> str:
    if move.from_stage is None:
        return f"moved into {move.to_stage}"
    if move.from_stage == move.to_stage:
        return f"passed the gates of {move.to_stage} again"
    return f"moved from {move.from_stage} to {move.to_stage}"


def _open(finding: Finding) -> str:
    return f"{finding.stage} {finding.gate} {finding.policy}/{finding.rule}: {finding.observed}"


def _promotion(project: str, promotion_id: str) -> str:
    return f"/projects/{project}/promotions/{promotion_id}"
