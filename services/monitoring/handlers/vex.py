"""What VEX does to releases: which of their flaws do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.vocabulary import Trust
from services.monitoring import wire_vex as wire
from services.monitoring.domain.causes import VulnerabilityCause
from services.monitoring.domain.release import Change, Release, newest_per_subject
from services.monitoring.domain.vex import VexItem, counting_only, split
from services.monitoring.domain.vex_places import places
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.policy.rules.vex_products import Place


async def keep_vex(work: MonitoringWork, event: EvidenceAdded | EvidenceRejudged) -> list[Release]:
    """Keep what the evidence says as VEX; the releases that it could concern, none when it says nothing new."""
    item = wire.vex_item(event.item)
    if item is None:
        return []
    await work.match_clock.touch(event.project)
    if not await work.vex.put(event.project, item):
        return []
    return await work.releases.made_of(event.project, item.subjects)


async def without_excused(work: MonitoringWork, changes: Sequence[Change]) -> list[Release]:
    """The releases as they were judged, all that was matched among their causes, without what VEX excuses."""
    known = await work.vex.about_each(
        {judged.key: (judged.project, judged.subjects) for _, judged in changes if _matched(judged)}
    )
    return [await _without_excused(work, change, known.get(change.after.key, [])) for change in changes]


async def _without_excused(work: MonitoringWork, change: Change, known: Sequence[VexItem]) -> Release:
    before, judged = change
    if judged.state.trust is Trust.REVOKED:
        was_so = before.state.trust is Trust.REVOKED
        return replace(judged, state=before.state, excused=before.excused) if was_so else judged
    if not known and not before.excused:
        return judged
    causes = _matched(judged)
    where = await _places(work, judged, {one.match.component for one in causes}) if known else {}
    counting, excused = split(causes, where, known, before.excused, work.unit.now)
    state = counting_only(before.state, judged.state, counting, work.unit.now)
    return replace(judged, state=state, excused=excused)


def _matched(judged: Release) -> tuple[VulnerabilityCause, ...]:
    return (*judged.state.vulnerabilities, *(one.cause for one in judged.excused))


async def _places(work: MonitoringWork, release: Release, components: set[str]) -> dict[str, list[Place]]:
    sboms = newest_per_subject(await work.sboms.about(release.project, release.subjects))
    homes: dict[str, set[str]] = {}
    for sbom in sboms:
        for purl in components.intersection(await work.sboms.purls((sbom.key,))):
            homes.setdefault(purl, set()).update(sbom.subjects)
    versions = await work.versions.parts(release.project, release.subjects)
    return places(versions, homes, release.version_digest)
