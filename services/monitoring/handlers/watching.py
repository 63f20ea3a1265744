"""What several handlers do with a release: judge it, keep it, say what changed.

Whoever calls these has touched the match clock of the project before reading anything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.alerting import ClosedBy
from contracts.vocabulary import PromotionKind
from services.monitoring import cdevents, wire
from services.monitoring.domain.doubts import Doubts, doubts_among
from services.monitoring.domain.matching import Answer, Matcher, matches_among, undecided_among
from services.monitoring.domain.rejudgement import Rejudgement
from services.monitoring.domain.release import Change, Release, indexed, newest_per_subject
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
    settled = await settle_all(work, [Change(before, after)], because, ended_by=ended_by)
    return settled[0] if settled else before


async def settle_all(
    work: MonitoringWork, changes: Sequence[Change], because: str, *, ended_by: ClosedBy | None = None
) -> list[Release]:
    """As `settle`, for several releases that changed for one reason; those that are not as they were."""
    judged = await without_excused(work, changes)
    befores = [one.before for one in changes]
    pairs = [(was, now) for was, now in zip(befores, judged, strict=True) if now != was or not was.revision]
    about = await timed(work, [now for _, now in pairs])
    changed = [Change(was, one.release) for (was, _), one in zip(pairs, about, strict=True)]
    saved = await work.releases.save_all(
        [one.after.stepped_from(one.before, because, work.unit.now) for one in changed]
    )
    _announce(work, changed, because)
    await _count(work, changed)
    for before, after in changed:
        if before.counts_as != after.counts_as:
            await look_again(work, after.project, after.application)
    alarming = [one for one, (before, _) in zip(about, changed, strict=True) if one.standing or before.deadlines]
    if alarming:
        await keep_alerts(work, alarming, because, ended_by)
    return saved


def _announce(work: MonitoringWork, changed: Sequence[Change], because: str) -> None:
    for before, after in changed:
        event = wire.trust_changed(before, after, because=because, at=work.unit.now)
        if event:
            work.unit.announce(event)
            work.unit.announce(cdevents.told(event))


async def _count(work: MonitoringWork, changed: Sequence[Change]) -> None:
    exposed = [after for before, after in changed if after.exposed and not before.exposed]
    if exposed:
        await counting.at_risk(work, exposed, work.unit.now)
    for before, after in changed:
        if before.exposed and not after.exposed:
            await counting.safe(work, after, work.unit.now)


async def assessed(work: MonitoringWork, releases: Sequence[Release]) -> list[tuple[Change, Doubts]]:
    """Releases as they are by everything that they consist of and all that is known; what could not be decided."""
    subjects = await work.versions.subjects_of_each({one.key: (one.project, one.own_subjects) for one in releases})
    about = await work.sboms.about_each({one.key: (one.project, subjects[one.key]) for one in releases})
    sboms = {key: tuple(sorted(one.key for one in newest_per_subject(found))) for key, found in about.items()}
    named = await work.sboms.purls_of_each({key for keys in sboms.values() for key in keys})
    keys = indexed(purl for purls in named.values() for purl in purls)
    advisories = await work.advisories.naming({key for found in keys.values() for key in found}) if keys else ()
    matcher = Matcher(advisories)
    answers = {purl: matcher.answers(purl) for purl in keys}
    found = []
    for one in releases:
        purls = {purl for key in sboms[one.key] for purl in named.get(key, ())}
        said = [answer for purl in sorted(purls) for answer in answers.get(purl, ())]
        state, _ = rejudged(with_excused(one.state, one.excused), matches_among(said), work.unit.now)
        after = replace(
            one, subjects=subjects[one.key], sboms=sboms[one.key], components=len(purls), state=state, excused=()
        )
        found.append((Change(one, after), doubts_among(said)))
    return found


async def judge(work: MonitoringWork, release: Release, because: str) -> Release:
    """Match everything that a release consists of against everything that is known."""
    [(change, doubts)] = await assessed(work, [release])
    await work.undecided.keep(release.key, doubts)
    return await settle(work, *change, because)


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
    work: MonitoringWork, said: Sequence[tuple[Release, Sequence[Answer]]], ids: Collection[str], because: str
) -> None:
    """Take over all that these advisories say of releases now: no other answer can have changed."""
    known = await work.undecided.of_each([one.key for one, _ in said])
    doubts = {one.key: known[one.key].revised(ids, undecided_among(about_it)) for one, about_it in said}
    await work.undecided.keep_each(doubts, known)
    changes = []
    for release, about_it in said:
        before = with_excused(release.state, release.excused)
        state, _ = with_advisories(before, ids, matches_among(about_it), work.unit.now)
        changes.append(Change(release, replace(release, state=state, excused=())))
    await settle_all(work, changes, because)


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
