"""Versions as the registry announced them: written once, never changed."""

from __future__ import annotations

from contracts.vocabulary import ApplicationName, ProjectName, VersionName
from services.gate.domain.version import KnownVersion
from shared.errors import Conflict
from shared.mongo import Collection, Document, Index

INDEXES: tuple[Index, ...] = ()


class VersionRepository:
    """The versions that the gate has heard of."""

    def __init__(self, versions: Collection) -> None:
        self._versions = versions

    async def find(
        self, project: ProjectName, application: ApplicationName, version: VersionName
    ) -> KnownVersion | None:
        """The version, or None as long as the registry's event has not arrived."""
        document = await self._versions.get(_key(project, application, version))
        return _from_document(document) if document else None

    async def add(self, version: KnownVersion) -> None:
        """Keep a version; nothing happens when it is known. Raises `Conflict` for the same name with other content."""
        known = await self.find(version.project, version.application, version.version)
        if known is None:
            await self._versions.add(_to_document(version))
        elif known != version:
            raise Conflict(
                "version_contradictory",
                f"{version.application} {version.version} was announced again with other content.",
                remedy="See why the registry announced one version twice; the gate keeps the first.",
            )


def _key(project: str, application: str, version: str) -> str:
    return f"{project}/{application}/{version}"


def _to_document(version: KnownVersion) -> Document:
    return {"_id": _key(version.project, version.application, version.version), **version.model_dump()}


def _from_document(document: Document) -> KnownVersion:
    return KnownVersion.model_validate(document)
