"""What several handlers do with a release: judge it, keep it, say what changed.

Whoever calls these has touched the match clock of the project before reading anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.alerting import ClosedBy
from contracts.vocabulary import PromotionKind
from services.monitoring import cdevents, wire
from services.monitoring.domain.advisory import Advisory
from services.monitoring.domain.doubts import Doubts, doubts_among
from services.monitoring.domain.matching import matches_among, undecided_among
from services.monitoring.domain.rejudgement import Rejudgement
from services.monitoring.domain.release import Release, answers, indexed, newest_per_subject
from services.monitoring.domain.trust import failed_by, rejudged, resting_on, with_advisories
from services.monitoring.domain.vex import with_excused
from services.monitoring.handlers import counting
from services.monitoring.handlers.alerting import keep_alerts, timed
from services.monitoring.handlers.drift import look_again
from services.monitoring.handlers.vex import without_excused
from services.monitoring.storage.unit_of_work import MonitoringWork


async def settle(
    work: MonitoringWork, before: Release, after: Release, because: str, *, ended_by: ClosedBy | None = None
) -> Release:
    """Keep a release as it is now, without what VEX excuses; announce and record what that changes.

    `ended_by` says why causes are gone that are; None has it found out.
    """
    after = await without_excused(work, before, after)
    if after == before and before.revision:
        return before
    after, standing = await timed(work, after)
    saved = await work.releases.save(after.stepped_from(before, because, work.unit.now))
    event = wire.trust_changed(before, after, because=because, at=work.unit.now)
    if event:
        work.unit.announce(event)
        work.unit.announce(cdevents.told(event))
    if after.exposed and not before.exposed:
        await counting.at_risk(work, after, work.unit.now)
    if before.exposed and not after.exposed:
        await counting.safe(work, after, work.unit.now)
    if before.counts_as != after.counts_as:
        await look_again(work, after.project, after.application)
    if standing or before.deadlines:
        await keep_alerts(work, after, standing, because, ended_by)
    return saved


async def assessed(work: MonitoringWork, release: Release) -> tuple[Release, Doubts]:
    """A release as it is by everything that it consists of and everything that is known; what could not be decided."""
    subjects = await work.versions.subjects(release.project, release.own_subjects)
    sboms = newest_per_subject(await work.sboms.about(release.project, subjects))
    keys = tuple(sorted(sbom.key for sbom in sboms))
    purls = await work.sboms.purls(keys)
    advisories = await work.advisories.naming({key for found in indexed(purls).values() for key in found})
    found = answers(purls, advisories)
    state, _ = rejudged(with_excused(release.state, release.excused), matches_among(found), work.unit.now)
    after = replace(release, subjects=subjects, sboms=keys, components=len(purls), state=state, excused=())
    return after, doubts_among(found)


async def judge(work: MonitoringWork, release: Release, because: str) -> Release:
    """Match everything that a release consists of against everything that is known."""
    after, doubts = await assessed(work, release)
    await work.undecided.keep(release.key, doubts)
    return await settle(work, release, after, because)


async def judge_evidence(work: MonitoringWork, release: Release, because: str) -> Release:
    """Compare what a release was admitted on with the evidence that has been distrusted."""
    found = await work.distrusted.among(release.project, release.evidence)
    state, _ = resting_on(release.state, found, work.unit.now)
    return await settle(work, release, replace(release, state=state), because)


async def judge_admission(work: MonitoringWork, release: Release, *, ended_by: ClosedBy | None = None) -> Release:
    """Take over what the gate last said of the newest admission of a release; of an earlier one, nothing counts."""
    said = await work.rejudgements.of(release.key)
    if said is None or said.released_at != release.released_at:
        said = Rejudgement(release.key, release.released_at, 0, "It passed the release gate again.")
    state, _ = failed_by(release.state, said.failing, work.unit.now)
    after = replace(release, state=state, waived=said.waived)
    return await settle(work, release, after, said.because, ended_by=ended_by)


async def judge_advisories(
    work: MonitoringWork, release: Release, purls: Iterable[str], advisories: Sequence[Advisory], because: str
) -> Release:
    """Match only these components of a release against only these advisories: no other answer can have changed."""
    found = answers(purls, advisories)
    ids = {advisory.id for advisory in advisories}
    before = with_excused(release.state, release.excused)
    state, _ = with_advisories(before, ids, matches_among(found), work.unit.now)
    doubts = await work.undecided.of(release.key)
    await work.undecided.keep(release.key, doubts.revised(ids, undecided_among(found)))
    return await settle(work, release, replace(release, state=state, excused=()), because)


async def stand(
    work: MonitoringWork,
    project: str,
    application: str,
    *,
    stage: str,
    version: str,
    since: datetime,
    kind: PromotionKind = PromotionKind.RELEASE,
) -> None:
    """A version took its place in a release stage: the one before is not current any more."""
    previous = await work.releases.standing(project, application, stage)
    stands = await work.releases.stands(project, application, stage, version, since)
    for name in {previous, version} - {None}:
        release = await work.releases.find(project, application, str(name))
        if release is not None and release.stage == stage:
            current = (name == version) if stands else (name == previous)
            because = f"{version} entered {stage}."
            ended_by = ClosedBy.ROLLED_BACK if kind is PromotionKind.ROLLBACK else ClosedBy.REPLACED
            await settle(work, release, replace(release, current=current), because, ended_by=ended_by)
