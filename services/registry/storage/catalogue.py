"""Projects, lifecycles and applications: documents that people apply, each with a revision and a digest."""

from __future__ import annotations

from typing import Any, Literal

from contracts.vocabulary import ActorKind, GateKind
from services.registry.domain.lifecycle import Lifecycle, Stage
from services.registry.storage.bindings import bound_by_rule, still_bound
from shared.digests import canonical_digest
from shared.errors import Conflict, NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "projects": (),
    "lifecycles": (Index((("project", 1),)),),
    "applications": (
        Index((("project", 1), ("_id", 1))),
        Index((("project", 1), ("lifecycle", 1))),
        Index((("project", 1), ("criticality", 1))),
        Index((("criticality", 1), ("_id", 1))),
        Index((("owners", 1), ("_id", 1))),
        Index((("project", 1), ("intake.versions", 1)), where={"intake.versions": {"$exists": True}}),
    ),
    "packages": (Index((("application", 1),)),),
}
Change = Literal["created", "updated", "unchanged"]


class Applied:
    """What became of a document."""

    def __init__(self, change: Change, revision: int, digest: str) -> None:
        self.change: Change = change
        self.revision = revision
        self.digest = digest


class Catalogue:
    """The applied documents of the registry."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._projects = unit.collection("projects")
        self._lifecycles = unit.collection("lifecycles")
        self._applications = unit.collection("applications")
        self._packages = unit.collection("packages")

    async def project(self, project: str) -> Document:
        """Raises `NotFound`."""
        return _found(await self._projects.get(project), "project", project)

    async def application(self, project: str, application: str) -> Document:
        """Raises `NotFound`."""
        key = f"{project}/{application}"
        return _found(await self._applications.get(key), "application", key)

    async def lifecycle(self, project: str, name: str) -> Lifecycle:
        """Raises `NotFound`."""
        return as_lifecycle(_found(await self._lifecycles.get(f"{project}/{name}"), "lifecycle", f"{project}/{name}"))

    async def known_lifecycle(self, project: str, name: str) -> Lifecycle | None:
        """As `lifecycle`; None when it does not exist."""
        found = await self._lifecycles.get(f"{project}/{name}")
        return as_lifecycle(found) if found else None

    async def lifecycle_followed_by(self, project: str, application: str) -> Lifecycle | None:
        """The lifecycle of an application; None when there is no such application yet."""
        found = await self._applications.get(f"{project}/{application}")
        return await self.lifecycle(project, found["lifecycle"]) if found else None

    async def applications_on(self, project: str, lifecycle: str) -> list[str]:
        """The names of applications that follow a lifecycle."""
        found = await self._applications.find({"project": project, "lifecycle": lifecycle}, only={"name": 1})
        return [document["name"] for document in found]

    async def apply_project(self, project: str, content: Document) -> Applied:
        """Take a project over."""
        return await _apply(self._projects, {"_id": project, "name": project}, content)

    async def apply_lifecycle(self, lifecycle: Lifecycle) -> Applied:
        """Take a lifecycle over."""
        identity = {"_id": f"{lifecycle.project}/{lifecycle.name}", "project": lifecycle.project}
        stages = [_stage_document(stage) for stage in lifecycle.stages]
        return await _apply(self._lifecycles, identity | {"name": lifecycle.name}, {"stages": stages})

    async def apply_application(self, project: str, application: str, content: Document) -> Applied:
        """Take an application over, with the packages that belong to it. Raises `Conflict` for a taken package."""
        key = f"{project}/{application}"
        for package in content["packages"]:
            holder = await self._packages.get(package)
            if holder and holder["application"] != key:
                raise Conflict(
                    "package_taken",
                    f"{package} belongs to {holder['application']}.",
                    remedy="Take it out there first.",
                )
        by_rule = still_bound(content, await bound_by_rule(self._packages, key))
        await self._packages.remove({"application": key, "_id": {"$nin": [*content["packages"], *by_rule]}})
        for package in content["packages"]:
            await self._packages.put({"_id": package, "application": key})
        return await _apply(self._applications, {"_id": key, "project": project, "name": application}, content)

    async def application_of_package(self, package: str) -> tuple[str, str] | None:
        """The project and application that builds of a package belong to."""
        found = await self._packages.get(package)
        if found is None:
            return None
        project, _, application = str(found["application"]).partition("/")
        return project, application


def as_lifecycle(document: Document) -> Lifecycle:
    """A kept lifecycle as the domain sees it."""
    stages = tuple(
        Stage(
            **{
                **stage,
                "open": tuple(GateKind(gate) for gate in stage["open"]),
                "requesters": None if (kinds := stage.get("requesters")) is None else tuple(map(ActorKind, kinds)),
            }
        )
        for stage in document["stages"]
    )
    return Lifecycle(document["project"], document["name"], stages)


def _stage_document(stage: Stage) -> Document:
    said: Document = {"name": stage.name, "title": stage.title, "open": [gate.value for gate in stage.open]}
    later = {
        "release": stage.release,
        "requesters": None if stage.requesters is None else sorted(kind.value for kind in stage.requesters),
        "queue": stage.queue,
        "supersede": stage.supersede,
        "automatic": stage.automatic,
    }
    # What says nothing is left out: lifecycles from before there was more to say keep their digests.
    usual = vars(Stage(stage.name, stage.title, ()))
    return said | {name: value for name, value in later.items() if value != usual[name]}


def _found(document: Document | None, noun: str, key: str) -> Document:
    if document is None:
        raise NotFound(f"{noun}_unknown", f"There is no {noun} {key}.", remedy=f"Apply the {noun} first.")
    return document


async def _apply(collection: Any, identity: Document, content: Document) -> Applied:
    digest = canonical_digest({**identity, **content})
    before = await collection.get(identity["_id"])
    if before and before["digest"] == digest:
        return Applied("unchanged", before["revision"], digest)
    revision = before["revision"] if before else 0
    await collection.replace({**identity, **content, "digest": digest}, revision=revision)
    return Applied("updated" if before else "created", revision + 1, digest)
