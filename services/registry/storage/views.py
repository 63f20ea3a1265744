"""The read side: documents straight into answers."""

from __future__ import annotations

from typing import Any

from contracts.registry.v1.deliveries import DeploymentPage, DeploymentView
from contracts.registry.v1.views import (
    ApplicationPage,
    ApplicationView,
    LifecycleView,
    ProjectPage,
    ProjectView,
    StageMove,
    StageView,
    StandingVersion,
    VersionPage,
    VersionSummary,
    VersionView,
)
from services.registry.domain.lifecycle import Lifecycle
from services.registry.domain.standing import Standing
from services.registry.domain.version import Version
from services.registry.storage.bindings import bound_by_rule
from services.registry.storage.catalogue import as_lifecycle
from services.registry.storage.standings import Standings
from services.registry.storage.versions import Versions, version_key
from services.registry.wire import quarantined
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document


def stage_views(lifecycle: Lifecycle) -> tuple[StageView, ...]:
    """A lifecycle's stages in order."""
    release = lifecycle.release_stages
    return tuple(StageView(**{**vars(stage), "release": stage.name in release}) for stage in lifecycle.stages)


class Views:
    """Answers about what exists."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._standings = Standings(unit)

    async def _get(self, collection: str, key: str, noun: str) -> Document:
        found = await self._unit.collection(collection).get(key)
        if found is None:
            raise NotFound(f"{noun}_unknown", f"There is no {noun} {key}.", remedy=f"Create the {noun} first.")
        return found

    async def project(self, project: str) -> ProjectView:
        """Raises `NotFound`."""
        [found] = await self._projects([await self._get("projects", project, "project")])
        return found

    async def _projects(self, documents: list[Document]) -> tuple[ProjectView, ...]:
        names = [document["name"] for document in documents]
        lifecycles: dict[str, list[LifecycleView]] = {name: [] for name in names}
        for one in await self._unit.collection("lifecycles").every({"project": {"$in": names}}):
            view = LifecycleView(lifecycle=one["name"], stages=stage_views(as_lifecycle(one)))
            lifecycles[one["project"]].append(view)
        return tuple(
            ProjectView(
                project=document["name"],
                title=document["title"],
                public_badges=document["public_badges"],
                lifecycles=tuple(sorted(lifecycles[document["name"]], key=lambda one: one.lifecycle)),
                revision=document["revision"],
            )
            for document in documents
        )

    async def projects(self, after: str | None, limit: int, only: list[str] | None) -> ProjectPage:
        """Projects by name; `only` these when the caller may not see all."""
        where: Document = {"_id": {"$gt": after or ""}}
        if only is not None:
            where["_id"]["$in"] = only
        found = await self._unit.collection("projects").find(where, limit=limit + 1)
        return ProjectPage(projects=await self._projects(found[:limit]), next=_next(found, limit, "name"))

    async def application(self, project: str, application: str) -> ApplicationView:
        """Raises `NotFound`."""
        document = await self._get("applications", f"{project}/{application}", "application")
        lifecycle = await self._get("lifecycles", f"{project}/{document['lifecycle']}", "lifecycle")
        standings = await self._standings.of(project, application)
        board = tuple(_standing(stage["name"], standings.get(stage["name"])) for stage in lifecycle["stages"])
        bound = tuple(await bound_by_rule(self._unit.collection("packages"), document["_id"]))
        return _application(document).model_copy(update={"board": board, "bound": bound})

    async def applications(self, project: str, after: str | None, limit: int) -> ApplicationPage:
        """Applications of a project by name, without their boards."""
        await self._get("projects", project, "project")
        where = {"project": project, "_id": {"$gt": f"{project}/{after or ''}"}}
        found = await self._unit.collection("applications").find(where, limit=limit + 1)
        views = tuple(_application(document) for document in found[:limit])
        return ApplicationPage(applications=views, next=_next(found, limit, "name"))

    async def version(self, version: Version) -> VersionView:
        """A version with the lifecycle it is on."""
        key = f"{version.project}/{version.application}"
        application = await self._get("applications", key, "application")
        lifecycle = await self._get("lifecycles", f"{version.project}/{application['lifecycle']}", "lifecycle")
        stages = stage_views(as_lifecycle(lifecycle))
        standing_in = await self._standings.standing_in(version.project, version.application, version.version)
        entered = version.entered & {stage.name for stage in stages}
        quarantined_in = (
            await self._standings.quarantined_in(version.project, version.application, version.version, entered)
            if entered
            else set[str]()
        )
        return VersionView(
            project=version.project,
            application=version.application,
            version=version.version,
            digest=version.digest,
            artifacts=version.artifacts,
            nested=version.nested,
            contained=await self._contained(version.nested),
            source=version.source,
            created_at=version.created_at,
            created_by=version.created_by,
            stage=version.stage,
            standing_in=tuple(stage.name for stage in stages if stage.name in standing_in),
            quarantined_in=tuple(stage.name for stage in stages if stage.name in quarantined_in),
            held=version.held,
            release_status=version.release_status,
            lifecycle=stages,
            history=tuple(StageMove.model_validate(vars(move)) for move in version.history),
            criticality=application["criticality"],
            labels=application["labels"],
            owners=tuple(application["owners"]),
            tag=version.tag,
            properties=version.properties,
            draft=version.draft,
            drafted_at=version.drafted_at,
            contributors=version.contributors,
        )

    async def deployments(self, project: str, application: str, after: str | None, limit: int) -> DeploymentPage:
        """What runs where, by environment, then service."""
        key = (await self._get("applications", f"{project}/{application}", "application"))["_id"]
        where = {"application": key, "_id": {"$gt": after or ""}}
        found = await self._unit.collection("deployments").find(where, limit=limit + 1)
        views = tuple([await self._deployment(one) for one in found[:limit]])
        return DeploymentPage(deployments=views, next=_next(found, limit, "_id"))

    async def _deployment(self, document: Document) -> DeploymentView:
        version = document["version"]
        if version is None and document["digest"]:
            project, _, application = document["application"].partition("/")
            version = await Versions(self._unit).holding(project, application, document["digest"])
        return DeploymentView.model_validate({**document, "artifact_digest": document["digest"], "version": version})

    async def _contained(self, nested: tuple[str, ...]) -> tuple[str, ...]:
        found: set[str] = set()
        wanted = set(nested)
        while wanted:
            found |= wanted
            layer = await self._unit.collection("versions").find({"digest": {"$in": sorted(wanted)}}, limit=100_000)
            found |= {artifact["digest"] for one in layer for artifact in one["artifacts"]}
            wanted = {digest for one in layer for digest in one["nested"]} - found
        return tuple(sorted(found))

    async def versions(self, project: str, application: str, after: str | None, limit: int) -> VersionPage:
        """Versions of an application, newest first."""
        await self._get("applications", f"{project}/{application}", "application")
        where: Document = {"project": project, "application": application}
        if after:
            last = await self._get("versions", version_key(project, application, after), "version")
            where["$or"] = [
                {"created_at": {"$lt": last["created_at"]}},
                {"created_at": last["created_at"], "_id": {"$gt": last["_id"]}},
            ]
        found = await self._unit.collection("versions").find(
            where, sort=(("created_at", -1), ("_id", 1)), limit=limit + 1
        )
        summaries = tuple(VersionSummary.model_validate(document) for document in found[:limit])
        return VersionPage(versions=summaries, next=_next(found, limit, "version"))


def _application(document: Document) -> ApplicationView:
    return ApplicationView.model_validate({**document, "application": document["name"]})


def _standing(stage: str, standing: Standing | None) -> StandingVersion:
    if standing is None:
        return StandingVersion(stage=stage, version=None, since=None)
    return StandingVersion(
        stage=stage,
        version=standing.current,
        since=standing.since,
        previous=standing.previous,
        previous_good=standing.previous_good,
        quarantined=quarantined(standing),
    )


def _next(found: list[Document], limit: int, key: str) -> Any:
    return found[limit - 1][key] if len(found) > limit else None
