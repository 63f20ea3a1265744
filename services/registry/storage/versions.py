"""Versions and drafts, their artifacts, and the pipeline events that were heard."""

from __future__ import annotations

from datetime import datetime

from contracts.vocabulary import Artifact, PromotionKind, ReleaseStatus, SourceCommit
from services.registry.domain.version import Move, Version
from shared.digests import canonical_digest
from shared.errors import Conflict, NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "versions": (
        Index((("project", 1), ("application", 1), ("created_at", -1), ("_id", 1))),
        Index((("digest", 1),)),
        Index((("project", 1), ("application", 1), ("artifacts.digest", 1), ("created_at", -1))),
        Index((("project", 1), ("application", 1), ("history.to_stage", 1))),
    ),
    "artifacts": (),
    "pipeline_events": (Index((("at", 1),), expire_after_seconds=400 * 86_400),),
}


def version_key(project: str, application: str, version: str) -> str:
    """The id of a version's document."""
    return f"{project}/{application}/{version}"


class Versions:
    """Every version that was registered."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._versions = unit.collection("versions")
        self._artifacts = unit.collection("artifacts")
        self._events = unit.collection("pipeline_events")

    async def known(self, project: str, application: str, version: str) -> Version | None:
        """The version, or None."""
        found = await self._versions.get(version_key(project, application, version))
        return from_document(found) if found else None

    async def get(self, project: str, application: str, version: str) -> Version:
        """The sealed version. Raises `NotFound`, and `Conflict` for a draft, with which nothing can be done yet."""
        found = await self.look_up(project, application, version)
        if found.draft:
            raise Conflict(
                "version_draft",
                f"{version_key(project, application, version)} is a draft: its content may still change.",
                remedy="Seal it first.",
            )
        return found

    async def look_up(self, project: str, application: str, version: str) -> Version:
        """The version, be it a draft. Raises `NotFound`."""
        found = await self.known(project, application, version)
        if found is None:
            key = version_key(project, application, version)
            raise NotFound("version_unknown", f"There is no version {key}.", remedy="Create it first.")
        return found

    async def digest_exists(self, digest: str) -> bool:
        """Whether some sealed version has this digest."""
        return await self._versions.find_one({"digest": digest, "draft": {"$ne": True}}) is not None

    async def holding(self, project: str, application: str, artifact: str) -> str | None:
        """The newest version of an application that holds an artifact, by its digest."""
        where = {"project": project, "application": application, "artifacts.digest": artifact}
        found = await self._versions.find_one(where, sort=(("created_at", -1), ("_id", 1)))
        return found["version"] if found else None

    async def entered_stages(self, project: str, applications: list[str]) -> set[str]:
        """Every stage that some version of these applications has been in."""
        found = await self._versions.aggregate(
            [
                {"$match": {"project": project, "application": {"$in": applications}}},
                {"$unwind": "$history"},
                {"$group": {"_id": "$history.to_stage"}},
            ]
        )
        return {document["_id"] for document in found}

    async def save(self, version: Version) -> None:
        """Keep it, if nobody changed it since it was read. Raises `StaleDocumentError`."""
        await self._versions.replace(_to_document(version), revision=version.revision)
        for artifact in version.artifacts:
            await self._artifacts.put({"_id": f"{artifact.digest}|{artifact.purl}", **artifact.model_dump()})

    async def heard_before(self, identity: tuple[str, ...], at: datetime) -> bool:
        """Whether this pipeline event came before; remembers it.

        CDEvents are the same when source and id are. Both are the publisher's words, so the application is part of
        the identity: nobody can use up the ids of events that belong to somebody else's application.
        """
        key = canonical_digest(identity)
        if await self._events.get(key):
            return True
        await self._events.add({"_id": key, "at": at})
        return False


def _to_document(version: Version) -> Document:
    return {
        "_id": version_key(version.project, version.application, version.version),
        "project": version.project,
        "application": version.application,
        "version": version.version,
        "digest": version.digest,
        "artifacts": [artifact.model_dump() for artifact in version.artifacts],
        "nested": list(version.nested),
        "source": _source_document(version.source) if version.source else None,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "tag": version.tag,
        "properties": version.properties,
        "stage": version.stage,
        "release_status": version.release_status.value,
        "history": [_move_document(move) for move in version.history],
        "draft": version.draft,
        "drafted_at": version.drafted_at,
        "contributors": list(version.contributors),
        "sources": [_source_document(one) for one in version.sources],
    }


def _source_document(source: SourceCommit) -> Document:
    # As text: MongoDB would cut the commit's time to milliseconds, and the manifest's digest covers all of it.
    return source.model_dump(mode="json")


def from_document(document: Document) -> Version:
    """A kept version as the domain sees it."""
    return Version(
        project=document["project"],
        application=document["application"],
        version=document["version"],
        digest=document["digest"],
        artifacts=tuple(Artifact.model_validate(one) for one in document["artifacts"]),
        nested=tuple(document["nested"]),
        source=SourceCommit.model_validate(document["source"]) if document["source"] else None,
        created_at=document["created_at"],
        created_by=document["created_by"],
        tag=document["tag"],
        properties=document["properties"],
        stage=document["stage"],
        release_status=ReleaseStatus(document["release_status"]),
        history=tuple(_move(move) for move in document["history"]),
        revision=document["revision"],
        # Versions from before there were drafts never were one.
        draft=document.get("draft", False),
        drafted_at=document.get("drafted_at"),
        contributors=tuple(document.get("contributors", ())),
        sources=tuple(SourceCommit.model_validate(one) for one in document.get("sources", ())),
    )


def _move(document: Document) -> Move:
    # Moves from before waivers and stages left were kept have none.
    kind = PromotionKind(document["kind"])
    lists = {name: tuple(document.get(name, ())) for name in ("waivers", "left")}
    return Move(**{**document, "kind": kind, **lists})


def _move_document(move: Move) -> Document:
    return {**vars(move), "kind": move.kind.value, "waivers": list(move.waivers), "left": list(move.left)}
