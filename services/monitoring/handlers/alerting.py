"""Deadlines and alerts of a release, in the transaction that changes it; and what time does to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from contracts.alerting import AlertKind, ClosedBy
from contracts.vocabulary import Trust
from services.monitoring import wire_alerts as wire
from services.monitoring.domain.alerting import End, Step, alarming, planned, reconciled
from services.monitoring.domain.alerts import Alert
from services.monitoring.domain.deadlines import Standing
from services.monitoring.domain.release import Release
from services.monitoring.domain.sla import DEFAULT
from services.monitoring.storage.unit_of_work import MonitoringWork


class Timed(NamedTuple):
    """A release with its deadlines, and what stands against it."""

    release: Release
    standing: tuple[Standing, ...]


async def timed(work: MonitoringWork, releases: Sequence[Release]) -> list[Timed]:
    """The releases with their deadlines, by the tables of their projects and what is known of exploitation."""
    caused = [one for one in releases if one.state.causes]
    applied = await work.sla_tables.counting_in_each({one.project for one in caused}) if caused else {}
    flaws = [cause.match for one in caused for cause in one.state.vulnerabilities]
    exploited = await work.exploitation.exploited_among(
        {name for flaw in flaws for name in (flaw.advisory_id, *flaw.aliases)}
    )
    found = []
    for one in releases:
        standing = one.standing(exploited) if one.state.causes else ()
        table = applied[one.project].table if standing else DEFAULT
        found.append(Timed(one.timed(standing, table, work.unit.now), standing))
    return found


async def keep_alerts(work: MonitoringWork, about: Sequence[Timed], because: str, ended_by: ClosedBy | None) -> None:
    """Open an alert for every cause that has none, and close those whose cause is gone."""
    active = await work.alerts.active({one.release.key for one in about})
    plans = [planned(active[one.release.key], alarming(one.release, one.standing)) for one in about]
    unheard = {one.release.key: plan.unheard for one, plan in zip(about, plans, strict=True)}
    past = await work.alerts.past(unheard)
    steps: list[Step] = []
    for (release, _), plan in zip(about, plans, strict=True):
        end = await _end(work, release, plan.gone, because, ended_by)
        steps += reconciled(release, plan, past.get(release.key, ()), work.unit.now, end)
    await take(work, steps)


async def exploitation_changed(work: MonitoringWork, names: Collection[str]) -> None:
    """Have the deadlines of every release computed again that one of these vulnerabilities is in."""
    if names:
        # A release that is only just being matched must not be overlooked.
        await work.match_clock.touch_all()
        await work.releases.compute_again(ids=names)


async def take(work: MonitoringWork, steps: Sequence[Step]) -> None:
    """Keep what became of alerts, and tell it."""
    await work.alerts.take(steps)
    for step in steps:
        event = wire.told(step, work.unit.now)
        if event is not None:
            work.unit.announce(event)


async def _end(
    work: MonitoringWork, release: Release, gone: Sequence[Alert], because: str, ended_by: ClosedBy | None
) -> End:
    """Why causes are gone: what the caller knows of it, else what is found here."""
    everything = _whole_release(release, ended_by)
    if everything or not gone:
        return lambda _: (everything or ClosedBy.FIXED, because)
    known = await work.advisories.by_id({name for alert in gone for name in alert.ids})
    named = set(await work.sboms.purls(release.sboms))

    def end(alert: Alert) -> tuple[ClosedBy, str]:
        if alert.kind is AlertKind.DISTRUST:
            return ClosedBy.RECERTIFIED, because
        if alert.kind is AlertKind.RULE:
            return ClosedBy.WAIVER if alert.name in release.waived else ClosedBy.EVIDENCE, because
        if alert.component not in named:
            return ClosedBy.FIXED, because
        about = [known[name] for name in alert.ids if name in known]
        return ClosedBy.WITHDRAWN if about and all(one.withdrawn for one in about) else ClosedBy.REVISED, because

    return end


def _whole_release(release: Release, ended_by: ClosedBy | None) -> ClosedBy | None:
    if release.state.trust is Trust.REVOKED:
        return ClosedBy.REVOKED
    if ended_by is None and not release.current:
        return ClosedBy.REPLACED
    return ended_by
