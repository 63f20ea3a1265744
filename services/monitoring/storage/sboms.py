"""Bills of materials and their components, indexed by package.

`sboms`       {_id: "<project>|<evidence id>", project, evidence_id, subjects, made_at, components}
`components`  {sbom, key: "<ecosystem>:<name>", purl}: one for each package by whose name advisories can be about it

Both questions about components are answered from an index alone: which ones a package has and where they are, and what
a bill of materials names.
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Mapping

from services.monitoring.domain.packages import PackageKey
from services.monitoring.domain.release import Sbom
from shared.mongo import Collection, Document, Index

SBOMS, COMPONENTS = "sboms", "components"
BY_PACKAGE = (("key", 1), ("purl", 1), ("sbom", 1))
INDEXES = {
    SBOMS: (Index((("project", 1), ("subjects", 1))),),
    COMPONENTS: (Index(BY_PACKAGE), Index((("sbom", 1), ("purl", 1)))),
}


class SbomRepository:
    """The bills of materials on record."""

    def __init__(self, sboms: Collection, components: Collection) -> None:
        self._sboms = sboms
        self._components = components

    async def has(self, key: str) -> bool:
        """Whether it is on record."""
        return await self._sboms.get(key) is not None

    async def add(self, sbom: Sbom, components: Mapping[str, tuple[PackageKey, ...]]) -> None:
        """Put one on record with its components; it must not be there yet."""
        await self._sboms.add(
            {
                "_id": sbom.key,
                "project": sbom.project,
                "evidence_id": sbom.evidence_id,
                "subjects": list(sbom.subjects),
                "made_at": sbom.made_at,
                "components": sbom.components,
            }
        )
        await self._components.add_all(
            [{"sbom": sbom.key, "key": str(key), "purl": purl} for purl, keys in components.items() for key in keys]
        )

    async def about(self, project: str, subjects: Members[str]) -> list[Sbom]:
        """All that describe at least one of the subjects; of each only those subjects."""
        where = {"project": project, "subjects": {"$in": sorted(subjects)}}
        return [_from_document(found, set(subjects)) async for found in self._sboms.stream(where)]

    async def about_each(self, wanted: Mapping[str, tuple[str, Members[str]]]) -> dict[str, list[Sbom]]:
        """As `about`, for several projects and subjects, each under a name."""
        subjects: dict[str, set[str]] = {}
        for project, some in wanted.values():
            subjects.setdefault(project, set()).update(some)
        where = [{"project": project, "subjects": {"$in": sorted(some)}} for project, some in subjects.items() if some]
        by_subject: dict[tuple[str, str], list[Document]] = {}
        for row in await self._sboms.every({"$or": where}) if where else ():
            for subject in row["subjects"]:
                by_subject.setdefault((row["project"], subject), []).append(row)
        found: dict[str, list[Sbom]] = {}
        for name, (project, some) in wanted.items():
            rows = {row["_id"]: row for subject in some for row in by_subject.get((project, subject), ())}
            found[name] = [_from_document(row, set(some)) for row in rows.values()]
        return found

    async def purls(self, sboms: Members[str]) -> tuple[str, ...]:
        """Every component that these name, once."""
        where = {"sbom": {"$in": sorted(sboms)}}
        found = await self._components.every(where, only={"_id": 0, "sbom": 1, "purl": 1})
        return tuple(sorted({row["purl"] for row in found}))

    async def purls_of_each(self, sboms: Members[str]) -> dict[str, list[str]]:
        """The components that each of these names."""
        found: dict[str, list[str]] = {}
        where = {"sbom": {"$in": sorted(sboms)}}
        for row in await self._components.every(where, only={"_id": 0, "sbom": 1, "purl": 1}):
            found.setdefault(row["sbom"], []).append(row["purl"])
        return found

    async def naming(self, packages: Members[PackageKey]) -> dict[str, set[str]]:
        """The bills of materials that name components of these packages, by the component."""
        found: dict[str, set[str]] = {}
        where = {"key": {"$in": sorted(map(str, packages))}}
        for row in await self._components.every(where, only={"_id": 0, "key": 1, "sbom": 1, "purl": 1}):
            found.setdefault(row["purl"], set()).add(row["sbom"])
        return found


def _from_document(found: Document, subjects: set[str]) -> Sbom:
    return Sbom(
        key=found["_id"],
        project=found["project"],
        evidence_id=found["evidence_id"],
        subjects=tuple(one for one in found["subjects"] if one in subjects),
        made_at=found["made_at"],
        components=found["components"],
    )
