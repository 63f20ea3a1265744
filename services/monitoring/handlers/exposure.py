"""Where a vulnerability or a package is, over everything that the caller may see."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from contracts.monitoring.v1.exposure import Exposure, ExposureTotals, ShowExposure
from contracts.monitoring.v1.running import RunningService
from services.monitoring import wire_drift
from services.monitoring import wire_exposure as wire
from services.monitoring.domain.advisory import Advisory
from services.monitoring.domain.bounds import within
from services.monitoring.domain.drift import Fact, Situation
from services.monitoring.domain.exposure import Finding, HeldWaiver, Visible, findings, joined_by_names, spelled
from services.monitoring.domain.inventory import KnownVersion
from services.monitoring.domain.matching import advisory_keys
from services.monitoring.domain.packages import package_key
from services.monitoring.domain.release import Context, Release
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.rights import visible
from services.monitoring.storage.running import meaning
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.errors import Invalid

MOST_PACKAGES = 500
"""Packages of one vulnerability that are looked for."""
_MOST_ROUNDS = 5
"""Of following aliases: databases join a flaw in one or two."""
_CHUNK = 1_000
Name = tuple[str, str]
"""Project and application."""
_LISTED_NAMES, _LISTED_PACKAGES = 50, 100


@dataclass(frozen=True)
class Asked:
    """What is looked for."""

    advisories: int
    names: frozenset[str]
    findings: dict[str, dict[str, tuple[Finding, ...]]]
    """By package, then by those of its package URLs that matter."""
    whole: bool
    """False when it names more packages than are looked for."""

    @property
    def named(self) -> dict[str, list[str]]:
        """The package URLs that matter, by package."""
        return {key: sorted(found) for key, found in self.findings.items() if found}

    def of(self, purls: Iterable[str]) -> list[Finding]:
        """What was found in these components."""
        everything = {purl: found for by_purl in self.findings.values() for purl, found in by_purl.items()}
        return [one for purl in sorted(purls) for one in everything[purl]]


@dataclass(frozen=True)
class Around:
    """What is known of one application."""

    context: Context | None
    situation: Situation
    waivers: tuple[HeldWaiver, ...]

    def current_in(self, version: str) -> tuple[str, ...]:
        """The stages in which this version stands."""
        return tuple(sorted(stage for stage, current in self.situation.currents.items() if current == version))

    def deployments(self, one: KnownVersion) -> tuple[RunningService, ...]:
        """The services that run this version."""
        running = [fact for fact in self.situation.facts if not fact.removed and _runs(fact, one)]
        return tuple(wire_drift.running_service(fact, one.version, self.situation.stage_of(fact)) for fact in running)


@HANDLERS.query(ShowExposure)
async def show_exposure(query: ShowExposure, work: MonitoringWork) -> Exposure:
    """Which versions contain it, where do they stand and run, and who answers for them?"""
    seen = visible(work.unit.caller, query.project, query.application)
    asked = await _asked(query, work)
    told, following = await work.exposure.page(asked.named, seen, query.after or "", query.limit)
    around, releases = await asyncio.gather(
        _around(work, {(one.version.project, one.version.application) for one in told}),
        work.releases.find_each((one.version.project, one.version.application, one.version.version) for one in told),
    )
    views = [
        wire.exposed_version(one.version, asked.of(one.purls), _surroundings(work, one.version, around, releases))
        for one in told
    ]
    fitting = wire.fitting(views)
    if fitting < len(views):
        views, following = views[:fitting], told[fitting - 1].place
    found = asked.of({purl for one in told for purl in one.purls})
    known = await work.exploitation.by_id({name for one in found for name in one.names})
    return Exposure(
        advisories=asked.advisories,
        names=tuple(sorted(asked.names)[:_LISTED_NAMES]),
        packages=tuple(sorted(asked.findings)[:_LISTED_PACKAGES]),
        flaws=wire.exposed_flaws(views, found, {name: one.told for name, one in known.items()}),
        versions=tuple(views),
        totals=await _totals(work, asked, seen, query.count_to) if query.after is None else None,
        next=following,
    )


async def _asked(query: ShowExposure, work: MonitoringWork) -> Asked:
    if (query.vulnerability is None) == (query.package is None):
        raise Invalid(
            "exposure_subject_ambiguous",
            "Either a vulnerability or a package must be named, and not both.",
            remedy="Give a vulnerability id such as CVE-2021-44228, or a package URL such as pkg:npm/lodash.",
        )
    if query.package is not None:
        return await _about_package(query.package, query.bounds, work)
    if query.bounds is not None:
        raise Invalid(
            "bounds_without_package",
            "Version bounds were given for a vulnerability.",
            remedy="Leave the bounds out, or name a package: a vulnerability brings its own.",
        )
    return await _about_vulnerability(query.vulnerability or "", work)


async def _about_vulnerability(vulnerability: str, work: MonitoringWork) -> Asked:
    names, advisories = frozenset(spelled(vulnerability)), list[Advisory]()
    for _ in range(_MOST_ROUNDS):
        advisories = await work.exposure.advisories_named(names)
        joined = joined_by_names(names, advisories)
        if joined == names:
            break
        names = joined
    keys = sorted({key for one in advisories for key in advisory_keys(one)})
    found: dict[str, dict[str, tuple[Finding, ...]]] = {}
    for key in keys[:MOST_PACKAGES]:
        said = findings(await work.exposure.purls_of(str(key)), advisories)
        found[str(key)] = _by_purl(said)
    told = names if advisories else frozenset({vulnerability})
    return Asked(len(advisories), told, found, whole=len(keys) <= MOST_PACKAGES)


async def _about_package(package: str, bounds: str | None, work: MonitoringWork) -> Asked:
    key = package_key(package)
    meant = within(await work.exposure.purls_of(str(key)), package, bounds)
    advisories = await work.advisories.naming({key})
    said = [replace(one, doubt=one.doubt or meant[one.component]) for one in findings(meant, advisories, clean=True)]
    return Asked(len(advisories), frozenset(), {str(key): _by_purl(said)}, whole=True)


def _by_purl(said: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    found: dict[str, list[Finding]] = {}
    for one in said:
        found.setdefault(one.component, []).append(one)
    return {purl: tuple(mine) for purl, mine in found.items()}


async def _around(work: MonitoringWork, names: Collection[Name]) -> dict[Name, Around]:
    """What is known of each application, in few questions however many there are."""
    if not names:
        return {}
    projects = sorted({project for project, _ in names})
    contexts, running, currents, waivers, stages = await asyncio.gather(
        work.applications.context_of_each(names),
        work.running.of_each(names),
        work.stands.of_each(names),
        work.waivers.in_force_of_each(names, work.unit.now),
        asyncio.gather(*(work.stands.stages(project) for project in projects)),
    )
    of_project = dict(zip(projects, stages, strict=True))
    situations = {name: Situation(running[name], currents=currents[name], stages=of_project[name[0]]) for name in names}
    return {name: Around(contexts.get(name), situations[name], waivers[name]) for name in names}


def _surroundings(
    work: MonitoringWork,
    one: KnownVersion,
    around: Mapping[Name, Around],
    releases: Mapping[tuple[str, str, str], Release],
) -> wire.Surroundings:
    about, release = around[one.project, one.application], releases.get((one.project, one.application, one.version))
    return wire.Surroundings(
        context=about.context or (release.context if release else one.context),
        release=release,
        current_in=about.current_in(one.version),
        deployments=about.deployments(one),
        waivers=about.waivers,
        now=work.unit.now,
    )


async def _totals(work: MonitoringWork, asked: Asked, seen: Visible, most: int) -> ExposureTotals:
    reach = await work.exposure.reach(asked.named, seen, most)
    releases = [meaning(*name) for name in reach.versions]
    running = [
        meaning(project, application, name)
        for (project, application, version), own in reach.versions.items()
        for name in (version, *own)
    ]
    return ExposureTotals(
        projects=len({project for project, _, _ in reach.versions}),
        applications=len({name[:2] for name in reach.versions}),
        versions=len(reach.versions),
        releases=sum([await work.stands.count(part) for part in _parts(releases)]),
        deployments=sum([await work.running.count(part) for part in _parts(running)]),
        components=reach.components,
        exact=reach.exact and asked.whole,
    )


def _parts(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[first : first + _CHUNK] for first in range(0, len(names), _CHUNK))


def _runs(fact: Fact, one: KnownVersion) -> bool:
    if fact.version is not None:
        return fact.version == one.version
    return not set(fact.digests).isdisjoint(one.own)
