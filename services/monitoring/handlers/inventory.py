"""What versions consist of and where they stand, kept for all of them, released or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from contracts.registry.v1.events import VersionCreated, VersionMoved
from services.monitoring.domain.inventory import KnownVersion
from services.monitoring.domain.release import Context, newest_per_subject
from services.monitoring.handlers.drift import look_again
from services.monitoring.storage.unit_of_work import MonitoringWork


async def registered(event: VersionCreated, work: MonitoringWork) -> None:
    """Know a version, and look again at those that contain it. The match clock of its project must be touched."""
    known = await work.inventory.find(event.project, event.application, event.version) or _unknown(event)
    own = (event.version_digest, *(artifact.digest for artifact in event.artifacts))
    # Its subjects hold its own digest, so that it is among those that are looked at again.
    await work.inventory.save(replace(known, own=own, subjects=own, registered=True))
    await recomposed(event.project, [event.version_digest], work)
    await work.running.adopt(event.project, event.application, own)
    await look_again(work, event.project, event.application)


async def recomposed(project: str, subjects: Iterable[str], work: MonitoringWork) -> None:
    """Find the bills of materials of every version that contains these subjects, as a change of them makes it."""
    for known in await work.inventory.made_of(project, list(subjects)):
        found = await work.versions.subjects(project, known.own)
        sboms = newest_per_subject(await work.sboms.about(project, found))
        after = replace(known, subjects=found, sboms=tuple(sorted(sbom.key for sbom in sboms)))
        if after != known:
            await work.inventory.save(after)


async def placed(event: VersionMoved, work: MonitoringWork) -> None:
    """Know which stage a version entered last."""
    known = await work.inventory.find(event.project, event.application, event.version) or _unknown(event)
    after = known.moved(event.to_stage, event.at)
    if after != known:
        await work.inventory.save(after)


def _unknown(event: VersionCreated | VersionMoved) -> KnownVersion:
    return KnownVersion(
        project=event.project,
        application=event.application,
        version=event.version,
        digest=event.version_digest,
        own=(event.version_digest,),
        context=Context(event.criticality, event.owners, event.at),
        subjects=(event.version_digest,),
    )
