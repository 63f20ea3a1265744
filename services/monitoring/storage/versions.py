"""What versions consist of, as the registry said, and what the business says of applications.

`versions`      {_id: "<project>|<version digest>", subjects, nested, purls}
`applications`  {_id: "<project>/<application>", criticality, owners, stated_at}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contracts.vocabulary import Criticality
from services.monitoring.domain.release import Context
from services.monitoring.domain.vex_places import VersionParts
from shared.mongo import Collection, Index

VERSIONS, APPLICATIONS = "versions", "applications"
INDEXES: dict[str, tuple[Index, ...]] = {VERSIONS: (), APPLICATIONS: ()}


class VersionRepository:
    """The versions that were created."""

    def __init__(self, versions: Collection) -> None:
        self._versions = versions

    async def put(self, project: str, digest: str, artifacts: Mapping[str, str], nested: Sequence[str]) -> None:
        """Keep what a version consists of, artifacts with their package URLs; it never changes."""
        row = {"subjects": [digest, *artifacts], "nested": list(nested), "purls": dict(artifacts)}
        await self._versions.put({"_id": f"{project}|{digest}", **row})

    async def parts(self, project: str, subjects: Iterable[str]) -> list[VersionParts]:
        """What the versions among these subjects consist of, as far as it is known."""
        where = {"_id": {"$in": [f"{project}|{digest}" for digest in sorted(subjects)]}}
        found = []
        async for row in self._versions.stream(where):
            digest, *artifacts = row["subjects"]
            found.append(VersionParts(digest, (*artifacts, *row["nested"]), row.get("purls", {})))
        return found

    async def subjects(self, project: str, own: Iterable[str]) -> tuple[str, ...]:
        """These subjects, and those of every version among them, contained ones included, as far as they are known."""
        return (await self.subjects_of_each({"": (project, own)}))[""]

    async def subjects_of_each(self, wanted: Mapping[str, tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
        """As `subjects`, for several projects and subjects, each under a name."""
        found = {name: set(own) for name, (_, own) in wanted.items()}
        made_of: dict[str, set[str]] = {}
        while (
            new := {f"{project}|{digest}" for name, (project, _) in wanted.items() for digest in found[name]}
            - made_of.keys()
        ):
            made_of |= {key: set() for key in new}
            for row in await self._versions.every({"_id": {"$in": sorted(new)}}):
                made_of[row["_id"]] = {*row["subjects"], *row["nested"]}
            for name, (project, _) in wanted.items():
                found[name].update(*(made_of[f"{project}|{digest}"] for digest in found[name]))
        return {name: tuple(sorted(digests)) for name, digests in found.items()}


class ApplicationRepository:
    """The business context of applications."""

    def __init__(self, applications: Collection) -> None:
        self._applications = applications

    async def context(self, project: str, application: str) -> Context | None:
        """The newest that is known."""
        return (await self.context_of_each([(project, application)])).get((project, application))

    async def context_of_each(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Context]:
        """As `context`, for several; without those of which none is known."""
        keys = {f"{project}/{application}": (project, application) for project, application in names}
        return {
            keys[row["_id"]]: Context(Criticality(row["criticality"]), tuple(row["owners"]), row["stated_at"])
            for row in await self._applications.every({"_id": {"$in": sorted(keys)}})
        }

    async def put(self, project: str, application: str, context: Context) -> None:
        """Keep this one, unless a newer one is known."""
        known = await self.context(project, application)
        if known is None or known.stated_at <= context.stated_at:
            await self._applications.put(
                {
                    "_id": f"{project}/{application}",
                    "criticality": context.criticality.value,
                    "owners": list(context.owners),
                    "stated_at": context.stated_at,
                }
            )
