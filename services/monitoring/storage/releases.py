"""Releases under watch, and which of them stands in each release stage.

`releases`  {_id: "<project>/<application>/<version>", ..., causes, deadlines, stale, urgency, revision}
`standing`  {_id: "<project>/<application>/<stage>", version, since}

`urgency` sorts a project's releases: at risk first, the nearest deadline first of these, then the revoked ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from contracts.vocabulary import Criticality, Severity, SourceCommit, Trust, utc
from services.monitoring.domain.causes import Cause, DistrustCause, RevocationCause, RuleCause, VulnerabilityCause
from services.monitoring.domain.deadlines import Deadline
from services.monitoring.domain.matching import Match
from services.monitoring.domain.release import Context, Release, TrustStep
from services.monitoring.domain.rematching import Matched
from services.monitoring.domain.trust import TrustState
from services.monitoring.domain.vex import Excused
from shared.errors import NotFound
from shared.mongo import Collection, Database, Document, Index

RELEASES, STANDING = "releases", "standing"
_CURRENT: Document = {"current": True}
INDEXES: dict[str, tuple[Index, ...]] = {
    RELEASES: (
        Index((("project", 1), ("subjects", 1))),
        Index((("sboms", 1),)),
        Index((("project", 1), ("evidence", 1))),
        Index((("project", 1), ("urgency", 1))),
        Index((("urgency", 1), ("project", 1))),
        Index((("project", 1), ("application", 1), ("urgency", 1))),
        Index((("deadlines.ids", 1),)),
        Index((("urgency", 1), ("current", 1), ("project", 1)), where=_CURRENT),
        Index((("project", 1), ("criticality", 1), ("application", 1), ("trust", 1), ("current", 1)), where=_CURRENT),
        Index((("stale", 1), ("_id", 1))),
    ),
    STANDING: (),
}
_RANK = {Trust.AT_RISK: 0, Trust.REVOKED: 1, Trust.TRUSTED: 2, Trust.NONE: 3}
_MATCHED = dict.fromkeys(
    ("project", "application", "version", "own_subjects", "subjects", "sboms", "components", "trust"), 1
) | {"causes.kind": 1, "causes.match": 1, "excused.cause": 1}
_SEVERITIES = {one.value: one for one in Severity}
"""Asking the enum takes twenty times as long, and a re-match asks for every finding that stands."""
REVOKED_FROM = f"{_RANK[Trust.REVOKED]}|"
NOT_RISKY_FROM = f"{_RANK[Trust.TRUSTED]}|"
"""Urgencies from here on belong to releases that nobody needs to act on."""


class ReleaseRepository:
    """The releases under watch."""

    def __init__(self, releases: Collection, standing: Collection) -> None:
        self._releases = releases
        self._standing = standing

    async def get(self, project: str, application: str, version: str) -> Release:
        """One release. Raises `NotFound` (`release_unknown`)."""
        found = await self._releases.get(f"{project}/{application}/{version}")
        if found is None:
            raise NotFound(
                "release_unknown",
                f"{application} {version} of project {project} was never a trusted release.",
                remedy="Name a version that has passed the release gate.",
            )
        return from_document(found)

    async def find(self, project: str, application: str, version: str) -> Release | None:
        """One release, if it is one."""
        with suppress(NotFound):
            return await self.get(project, application, version)
        return None

    async def find_each(self, names: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Release]:
        """Those of these versions that are releases."""
        found = await self._releases.every({"_id": {"$in": sorted("/".join(name) for name in names)}})
        releases = (from_document(one) for one in found)
        return {(one.project, one.application, one.version): one for one in releases}

    async def made_of(self, project: str, subjects: Iterable[str]) -> list[Release]:
        """Releases that contain at least one of the subjects."""
        where = {"project": project, "subjects": {"$in": sorted(subjects)}}
        return [from_document(found) async for found in self._releases.stream(where)]

    async def described_by(self, sboms: Iterable[str]) -> list[Release]:
        """Releases for which at least one of these bills of materials counts."""
        found = await self._releases.every({"sboms": {"$in": sorted(sboms)}})
        return sorted(map(from_document, found), key=lambda one: one.key)

    async def resting_on(self, project: str, content_digest: str) -> list[Release]:
        """Releases whose newest admission rests on this evidence."""
        where = {"project": project, "evidence": content_digest}
        return [from_document(found) async for found in self._releases.stream(where)]

    async def of(self, project: str, application: str) -> list[Release]:
        """All releases of one application."""
        where = {"project": project, "application": application}
        return [from_document(found) async for found in self._releases.stream(where)]

    async def following(self, key: str, limit: int) -> list[Matched]:
        """What stands about the components of the first releases of all projects whose keys come after this one."""
        found = await self._releases.find({"_id": {"$gt": key}}, limit=limit, only=_MATCHED)
        return [_matched(one) for one in found]

    async def save(self, release: Release) -> Release:
        """Keep it, if it is still what it was when it was read; the release at its new revision."""
        return (await self.save_all([release]))[0]

    async def save_all(self, releases: Sequence[Release]) -> list[Release]:
        """As `save`, all of them in one go, or none."""
        await self._releases.replace_all([(_to_document(one), one.revision) for one in releases if one.revision])
        for one in releases:
            if not one.revision:
                await self._releases.replace(_to_document(one), revision=0)
        return [replace(one, revision=one.revision + 1) for one in releases]

    async def compute_again(self, project: str | None = None, *, ids: Iterable[str] | None = None) -> None:
        """Have deadlines computed again soon: of a project's releases or of all, or of those that such flaws are in."""
        where: Document = {} if project is None else {"project": project}
        if ids is not None:
            where["deadlines.ids"] = {"$in": sorted(ids)}
        await self._releases.update(where, {"$set": {"stale": True}})

    async def standing(self, project: str, application: str, stage: str) -> str | None:
        """The version that stands in a release stage, as far as anybody said."""
        found = await self._standing.get(f"{project}/{application}/{stage}")
        return str(found["version"]) if found else None

    async def stands(self, project: str, application: str, stage: str, version: str, since: datetime) -> bool:
        """Keep that a version stands in a stage, unless something newer is known; whether it does."""
        key = f"{project}/{application}/{stage}"
        known = await self._standing.get(key)
        if known is not None and known["since"] > since:
            return bool(known["version"] == version)
        await self._standing.put({"_id": key, "version": version, "since": since})
        return True


async def stale(database: Database, limit: int) -> list[tuple[str, int]]:
    """Releases whose deadlines are to be computed again, with their revisions.

    Those that were kept before there were deadlines are among them.
    """
    where: Document = {"stale": {"$ne": False}}
    releases = database.collection(RELEASES)
    found = await releases.find(where, sort=(("stale", 1), ("_id", 1)), limit=limit, only={"revision": 1})
    return [(one["_id"], one["revision"]) for one in found]


def _matched(found: Document) -> Matched:
    causes = [*found["causes"], *(one["cause"] for one in found.get("excused", ()))]
    return Matched(
        key=found["_id"],
        project=found["project"],
        application=found["application"],
        version=found["version"],
        own_subjects=tuple(found["own_subjects"]),
        subjects=tuple(found["subjects"]),
        sboms=tuple(found["sboms"]),
        components=found["components"],
        is_revoked=found["trust"] == Trust.REVOKED,
        matches=tuple(_match(one["match"]) for one in causes if one["kind"] == "vulnerability"),
    )


def _to_document(release: Release) -> Document:
    deadline = release.deadline
    return {
        "_id": release.key,
        "project": release.project,
        "application": release.application,
        "version": release.version,
        "version_digest": release.version_digest,
        "stage": release.stage,
        "current": release.current,
        "own_subjects": list(release.own_subjects),
        "subjects": list(release.subjects),
        "sboms": list(release.sboms),
        "components": release.components,
        "evidence": list(release.evidence),
        "criticality": release.context.criticality.value,
        "owners": list(release.context.owners),
        "stated_at": release.context.stated_at,
        "source": release.source and release.source.model_dump(mode="json"),
        "released_at": release.released_at,
        "trust": release.state.trust.value,
        "since": release.state.since,
        "causes": [_cause_to_document(cause) for cause in release.state.causes],
        "waived": list(release.waived),
        "excused": [one.model_dump(mode="json") for one in release.excused],
        "deadlines": [one.model_dump(mode="json") for one in release.deadlines],
        "stale": release.stale,
        "steps": [_step_to_document(step) for step in release.steps],
        "urgency": f"{_RANK[release.state.trust]}|{utc(deadline) if deadline else '~'}|{release.key}",
    }


def from_document(found: Document) -> Release:
    """The release that a document of `releases` holds."""
    source = found["source"]
    return Release(
        project=found["project"],
        application=found["application"],
        version=found["version"],
        version_digest=found["version_digest"],
        stage=found["stage"],
        current=found["current"],
        own_subjects=tuple(found["own_subjects"]),
        subjects=tuple(found["subjects"]),
        sboms=tuple(found["sboms"]),
        components=found["components"],
        evidence=tuple(found.get("evidence", ())),
        context=Context(Criticality(found["criticality"]), tuple(found["owners"]), found["stated_at"]),
        source=SourceCommit.model_validate(source) if source else None,
        released_at=found["released_at"],
        state=TrustState(
            trust=Trust(found["trust"]),
            since=found["since"],
            causes=tuple(_cause_from_document(cause) for cause in found["causes"]),
        ),
        waived=tuple(found.get("waived", ())),
        excused=tuple(Excused.model_validate(one) for one in found.get("excused", ())),
        steps=tuple(_step_from_document(step) for step in found.get("steps", ())),
        deadlines=tuple(Deadline.model_validate(one) for one in found.get("deadlines", ())),
        stale=found.get("stale", True),
        revision=found["revision"],
    )


def _step_to_document(step: TrustStep) -> Document:
    trusts = {"from": step.from_trust.value, "to": step.to_trust.value}
    return {**trusts, "because": step.because, "at": step.at, "by": step.by}


def _step_from_document(found: Document) -> TrustStep:
    return TrustStep(Trust(found["from"]), Trust(found["to"]), found["because"], found["at"], found["by"])


def _cause_to_document(cause: Cause) -> Document:
    return cause.model_dump(mode="json", exclude={"since"}) | {"since": cause.since}


def _cause_from_document(found: Document) -> Cause:
    match found["kind"]:
        case "revocation":
            return RevocationCause(reason=found["reason"], by=found["by"], since=found["since"])
        case "distrust":
            return DistrustCause.model_validate(found)
        case "rule":
            return RuleCause.model_validate(found)
        case _:
            return VulnerabilityCause(match=_match(found["match"]), since=found["since"])


def _match(kept: Document) -> Match:
    return Match(
        advisory_id=kept["advisory_id"],
        aliases=tuple(kept["aliases"]),
        component=kept["component"],
        severity=_SEVERITIES[kept["severity"]],
        fixed_in=kept["fixed_in"],
        summary=kept.get("summary", ""),
    )
