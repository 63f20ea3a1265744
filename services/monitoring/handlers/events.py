"""What monitoring overhears."""

from __future__ import annotations

from dataclasses import replace

from contracts.alerting import ClosedBy
from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.evidence.v1.queries import ListComponents
from contracts.evidence.v1.views import ComponentPage
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded, ReleaseTrusted
from contracts.registry.v1.events import (
    ApplicationApplied,
    IncidentOpened,
    IncidentResolved,
    VersionCreated,
    VersionMoved,
)
from contracts.vocabulary import PromotionKind, PromotionState
from services.monitoring import wire
from services.monitoring.domain.release import indexed
from services.monitoring.domain.trust import released
from services.monitoring.handlers import FLOW, HANDLERS, counting, flow, inventory
from services.monitoring.handlers.running import deployed_by_evidence
from services.monitoring.handlers.vex import keep_vex
from services.monitoring.handlers.watching import judge, judge_admission, judge_evidence, settle, stand
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.messaging.dispatcher import Outside

_PAGE = 500


async def read_components(event: EvidenceAdded | EvidenceRejudged, outside: Outside) -> tuple[str, ...]:
    """The package URLs that a believed bill of materials names; none for any other evidence."""
    if not wire.is_believed_sbom(event.item):
        return ()
    purls: list[str] = []
    query = ListComponents(project=event.project, evidence_id=event.item.evidence_id, limit=_PAGE)
    while True:
        page = await outside.asker.ask(query, ComponentPage, token=outside.token, cause=outside.meta)
        purls += [component.purl for component in page.components]
        if page.next is None:
            return tuple(purls)
        query = query.model_copy(update={"after": page.next})


@HANDLERS.on(EvidenceAdded, prepare=read_components)
async def evidence_added(event: EvidenceAdded, work: MonitoringWork, purls: tuple[str, ...]) -> None:
    """Watch what a bill of materials names; take away what VEX excuses."""
    await flow.seen(event, work)
    await _watch(event, work, purls)
    await deployed_by_evidence(event, work)
    for release in await keep_vex(work, event):
        because = f"VEX evidence {event.item.evidence_id} came on record."
        await settle(work, release, release, because, ended_by=ClosedBy.VEX)


@HANDLERS.on(EvidenceRejudged, prepare=read_components)
async def evidence_rejudged(event: EvidenceRejudged, work: MonitoringWork, purls: tuple[str, ...]) -> None:
    """Watch a bill of materials that is believed now; look again at releases that rest on distrusted evidence.

    A distrusted bill of materials stays under watch until a newer one is believed: it still tells against a release.
    """
    await flow.seen(event, work)
    await _watch(event, work, purls)
    await deployed_by_evidence(event, work)
    for release in await keep_vex(work, event):
        because = f"Who signed the VEX evidence {event.item.evidence_id} was judged again."
        await settle(work, release, release, because, ended_by=ClosedBy.VEX)
    cause = wire.distrust(event)
    if cause is None:
        return
    await work.match_clock.touch(event.project)
    if await work.distrusted.add(event.project, cause):
        because = f"Signers of {cause.evidence_id} are not trusted any more, since {cause.trust_root} changed."
        for release in await work.releases.resting_on(event.project, cause.content_digest):
            await judge_evidence(work, release, because)


async def _watch(event: EvidenceAdded | EvidenceRejudged, work: MonitoringWork, purls: tuple[str, ...]) -> None:
    if not wire.is_believed_sbom(event.item):
        return
    await work.match_clock.touch(event.project)
    components = indexed(purls)
    sbom = wire.sbom(event, len(components))
    if await work.sboms.has(sbom.key):
        return
    await work.sboms.add(sbom, components)
    await inventory.recomposed(event.project, sbom.subjects, work)
    for release in await work.releases.made_of(event.project, sbom.subjects):
        await judge(work, release, f"The bill of materials {sbom.evidence_id} came on record.")


@HANDLERS.on(VersionCreated)
async def version_created(event: VersionCreated, work: MonitoringWork) -> None:
    """Know what a version consists of, also for the versions that contain it."""
    await work.match_clock.touch(event.project)
    artifacts = {artifact.digest: artifact.purl for artifact in event.artifacts}
    await work.versions.put(event.project, event.version_digest, artifacts, event.nested)
    await inventory.registered(event, work)
    for release in await work.releases.made_of(event.project, [event.version_digest]):
        await judge(work, release, f"It became known what {event.application} {event.version} consists of.")


@HANDLERS.on(ApplicationApplied)
async def application_applied(event: ApplicationApplied, work: MonitoringWork) -> None:
    """Deadlines follow the criticality of the application."""
    await work.match_clock.touch(event.project)
    context = wire.context(event)
    await work.applications.put(event.project, event.application, context)
    for release in await work.releases.of(event.project, event.application):
        await settle(work, release, release.stated(context), "The business context of the application changed.")


@HANDLERS.on(ReleaseTrusted)
async def release_trusted(event: ReleaseTrusted, work: MonitoringWork) -> None:
    """Begin to watch a release, or take up again one that was brought back."""
    await work.match_clock.touch(event.project)
    context = await work.applications.context(event.project, event.application)
    known = await work.releases.find(event.project, event.application, event.version)
    if known is None:
        fresh = wire.release(event).stated(context)
        await settle(work, fresh, replace(fresh, state=released(event.at)), "It passed the release gate.")
    else:
        again = known.stated(wire.context(event)).admitted(event.evidence_digests, event.at)
        again = replace(again, own_subjects=wire.release(event).own_subjects)
        await settle(work, known, again, "It passed the release gate again.")
    if event.kind is not PromotionKind.RECERTIFY:
        await stand(
            work,
            event.project,
            event.application,
            stage=event.stage,
            version=event.version,
            since=event.at,
            kind=event.kind,
        )
    release = await work.releases.get(event.project, event.application, event.version)
    release = await judge(work, release, "Its components were matched against all known advisories.")
    because = "What it was admitted on was compared with the evidence that is distrusted."
    release = await judge_evidence(work, release, because)
    await judge_admission(work, release, ended_by=ClosedBy.RECERTIFIED)


@HANDLERS.on(VersionMoved)
async def version_moved(event: VersionMoved, work: MonitoringWork) -> None:
    """A move into a release stage is a deployment; a certification in place is none, and a demotion ends the trust."""
    await inventory.placed(event, work)
    await flow.moved(event, work)
    if event.kind is PromotionKind.DEMOTE:
        await _taken_back(event, work)
    if not event.release:
        return
    await work.match_clock.touch(event.project)
    if event.kind is PromotionKind.RECERTIFY:
        if not event.trusted:
            await _released_untrusted(event, work)
        return
    await counting.deployed(work, event.project, wire.deployment(event))
    if not event.trusted:
        await _released_untrusted(event, work)
    await stand(
        work,
        event.project,
        event.application,
        stage=event.to_stage,
        version=event.version,
        since=event.at,
        kind=event.kind,
    )


async def _taken_back(event: VersionMoved, work: MonitoringWork) -> None:
    known = await work.releases.find(event.project, event.application, event.version)
    if known is not None:
        after = replace(known.demoted(event.at), current=False)
        because = f"It was taken back from {event.from_stage} to {event.to_stage}."
        await settle(work, known, after, because, ended_by=ClosedBy.DEMOTED)


async def _released_untrusted(event: VersionMoved, work: MonitoringWork) -> None:
    because = (
        "It was released on waivers with which its policies call no release trusted."
        if event.waivers
        else "It was released through broken glass: two people let it pass a freeze."
    )
    known = await work.releases.find(event.project, event.application, event.version)
    if known is None:
        context = await work.applications.context(event.project, event.application)
        await judge(work, wire.untrusted_release(event).stated(context), because)
    else:
        await settle(work, known, known.stated(wire.context(event)).demoted(event.at), because)


@HANDLERS.on(IncidentOpened)
async def incident_opened(event: IncidentOpened, work: MonitoringWork) -> None:
    """Something began to fail."""
    await work.delivery.opened(event.project, event.application, event.incident_id, event.version, event.at)
    await counting.incident(work, event.project, event.application, event.incident_id)


@HANDLERS.on(IncidentResolved)
async def incident_resolved(event: IncidentResolved, work: MonitoringWork) -> None:
    """It is over."""
    await work.delivery.resolved(event.project, event.application, event.incident_id, event.at)
    await counting.incident(work, event.project, event.application, event.incident_id)


@HANDLERS.on(PromotionCompleted, group=FLOW, workers=16)
async def promotion_completed(event: PromotionCompleted, work: MonitoringWork) -> None:
    """Keep how long a promotion took."""
    await flow.stepped(event, work)
    await work.promotions.ended(event.promotion_id, PromotionState.COMPLETED, wire.promotion_facts(event))


@HANDLERS.on(PromotionEnded, group=FLOW, workers=16)
async def promotion_ended(event: PromotionEnded, work: MonitoringWork) -> None:
    """Keep how a promotion ended that moved nothing."""
    await flow.stepped(event, work)
    await work.promotions.ended(event.promotion_id, event.state, wire.promotion_facts(event))
