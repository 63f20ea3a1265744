"""Versions as the registry told of them: what each is made of, and what is made of it.

- A version is written once: heard again it is the same, or it is a contradiction.
- Digests are names everywhere: a contained version is found by its digest, whatever project it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from contracts.circumstances import ContainedVersion
from contracts.registry.v1.events import VersionCreated
from contracts.vocabulary import Artifact, Digest, SourceCommit
from shared.errors import Conflict
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "versions": (
        Index((("version_digest", 1),)),
        Index((("subjects", 1),)),
        Index((("nested", 1),)),
        Index((("project", 1), ("registered_at", -1), ("_id", 1))),
    ),
}


class Contents(NamedTuple):
    """What a version contains."""

    known: tuple[ContainedVersion, ...]
    unknown: tuple[Digest, ...]


class Versions:
    """Every version that was registered."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._versions = unit.collection("versions")

    async def get(self, key: str) -> Document | None:
        """The version `project/application/version`; None before it was heard of."""
        return await self._versions.get(key)

    async def add(self, event: VersionCreated) -> None:
        """Keep what a version is. Raises `Conflict` when the same name was announced with other content."""
        artifacts = sorted(event.artifacts, key=lambda one: one.digest)
        document: Document = {
            "_id": f"{event.project}/{event.application}/{event.version}",
            "project": event.project,
            "application": event.application,
            "version": event.version,
            "version_digest": event.version_digest,
            "artifacts": [[artifact.digest, artifact.purl] for artifact in artifacts],
            "subjects": [event.version_digest, *(artifact.digest for artifact in artifacts)],
            "nested": sorted(event.nested),
            "source": event.source.model_dump_json() if event.source else None,
            "registered_by": event.by,
            "registered_at": _to_the_millisecond(event.at),
        }
        known = await self._versions.get(document["_id"])
        if known is None:
            await self._versions.add(document)
        elif known != document:
            raise Conflict(
                "version_contradictory",
                f"{event.application} {event.version} was announced again with other content.",
                remedy="See why the registry announced one version twice; the gate keeps the first.",
            )

    async def contents(self, nested: Iterable[Digest]) -> Contents:
        """Every version inside of one that contains `nested`, at any depth, each sorted by digest."""
        found: dict[Digest, ContainedVersion] = {}
        unknown: set[Digest] = set()
        wanted = set(nested)
        while wanted:
            documents = self._versions.stream({"version_digest": {"$in": sorted(wanted)}})
            layer = [_contained(document) async for document in documents]
            unknown |= wanted - {one.digest for one in layer}
            found |= {one.digest: one for one in layer}
            wanted = {digest for one in layer for digest in one.nested} - set(found) - unknown
        return Contents(tuple(found[digest] for digest in sorted(found)), tuple(sorted(unknown)))

    async def made_of(self, project: str | None, subjects: Iterable[Digest]) -> list[str]:
        """Keys of the versions that `subjects` are or are inside of, sorted: of one project, or of every one."""
        found: dict[str, Document] = {}
        where: Document = {"subjects": {"$in": sorted(set(subjects))}}
        while True:
            # A version has every chance to be inside of others, and what is said of it is said of them.
            layer = [one async for one in self._versions.stream(where) if one["_id"] not in found]
            if not layer:
                return sorted(key for key, one in found.items() if project in (None, one["project"]))
            found |= {one["_id"]: one for one in layer}
            where = {"nested": {"$in": sorted({one["version_digest"] for one in layer})}}


def artifacts_of(document: Document) -> tuple[Artifact, ...]:
    """The artifacts of a version, sorted by digest."""
    return tuple(Artifact(digest=digest, purl=purl) for digest, purl in document["artifacts"])


def source_of(document: Document) -> SourceCommit | None:
    """What a version was built from."""
    return SourceCommit.model_validate_json(document["source"]) if document["source"] else None


def _to_the_millisecond(moment: datetime) -> datetime:
    """The moment as MongoDB gives it back, so that what is heard again can be told to be the same."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _contained(document: Document) -> ContainedVersion:
    return ContainedVersion(
        application=document["application"],
        version=document["version"],
        digest=document["version_digest"],
        artifacts=tuple(digest for digest, _ in document["artifacts"]),
        nested=tuple(document["nested"]),
    )
