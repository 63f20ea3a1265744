"""The read side of blast radius: from packages to bills of materials to versions, by index alone.

- A package has few distinct package URLs: they are read first, one index entry each, and matched. Only the rows of
  those that matter are read then, in the order of their bills of materials.
- A project's bills of materials lie beside each other in that order, since their keys begin with its name. So what a
  caller may not see is not read.
- A version is told at the first of its bills of materials that names such a component, and nowhere else: a page needs
  to know no other page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from services.monitoring.domain.advisory import Advisory
from services.monitoring.domain.exposure import Visible
from services.monitoring.domain.inventory import KnownVersion
from services.monitoring.storage.advisories import from_document as advisory_of
from services.monitoring.storage.inventory import from_document
from services.monitoring.storage.sboms import BY_PACKAGE
from shared.mongo import Collection, Document

Named = Mapping[str, Sequence[str]]
"""Per package, as `ecosystem:name`, the package URLs that matter."""
MOST_PURLS = 5_000
"""Distinct package URLs of one package."""
MOST_COUNTED = 10_000
"""Components, and versions, that totals count at most."""
MOST_SBOMS = 200
"""Bills of materials that one page looks at."""
_ROWS = 1_000
_IN_ONE_QUERY = 100
_ROWS_FOR_EACH = 4
"""Rows that are read at once for each version that a page has room for."""
_VERSIONS_TOGETHER = 4
"""As often as a page has room, versions are read at once."""
_DONE = "~"
"""Sorts after every version's key: a bill of materials whose versions have all been told."""


@dataclass(frozen=True, slots=True)
class Told:
    """A version on a page."""

    version: KnownVersion
    purls: frozenset[str]
    """Those of its components that matter."""
    place: str
    """What to pass as `after` to read on behind it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything that a package or vulnerability reaches."""

    versions: Mapping[tuple[str, str, str], tuple[str, ...]]
    """By project, application and version: its own digest and those of its artifacts."""
    components: int
    exact: bool


class ExposureReader:
    """Questions about components and the versions that contain them."""

    def __init__(self, advisories: Collection, components: Collection, inventory: Collection) -> None:
        self._advisories = advisories
        self._components = components
        self._inventory = inventory

    async def advisories_named(self, names: Iterable[str]) -> list[Advisory]:
        """Those with one of these ids, or with one of them as alias."""
        wanted = {"$in": sorted(names)}
        found = await self._advisories.every({"$or": [{"_id": wanted}, {"record.aliases": wanted}]})
        return [advisory_of(row) for row in found]

    async def purls_of(self, key: str) -> list[str]:
        """The distinct package URLs of a package, sorted; at most 5,000."""
        found = await self._components.aggregate(distinct_purls(key), limit=MOST_PURLS)
        return sorted(row["_id"] for row in found)

    async def page(self, named: Named, visible: Visible, after: str, limit: int) -> tuple[list[Told], str | None]:
        """Versions with the components they contain, and what to pass as `after` for the next; None at the end."""
        found: list[Told] = []
        looked = 0
        async for sboms, told in self._sboms(named, visible, after, limit):
            described = await self._described_by(visible, sboms, told, limit + 1)
            purls = await self._purls_in(
                named, {name for versions in described.values() for one in versions for name in one.sboms}
            )
            for sbom in sboms:
                rest, versions = limit - len(found), described.get(sbom, [])
                found += _told_here(purls, sbom, versions[:rest])
                if len(versions) > rest:
                    return found, _place(sbom, versions[rest - 1].key)
                looked += 1
                if len(found) >= limit or looked >= MOST_SBOMS:
                    return found, _place(sbom, _DONE)
        return found, None

    async def reach(self, named: Named, visible: Visible, most: int = MOST_COUNTED) -> Reach:
        """All of them, counted to a bound."""
        rows: list[tuple[str, str]] = []
        for project in visible.ranges:
            if len(rows) <= most:
                rows += await self._rows(named, project, "", most + 1)
        exact = len(rows) <= most
        sboms = {sbom for sbom, _ in rows}
        versions: dict[tuple[str, str, str], tuple[str, ...]] = {}
        counting: set[str] = set()
        for part in _parts(sorted(sboms), _ROWS):
            found = await self._inventory.aggregate(
                [
                    {"$match": {"sboms": {"$in": part}}},
                    {"$limit": most + 1},
                    {"$project": {"project": 1, "application": 1, "version": 1, "own": 1, "sboms": 1}},
                ],
                limit=most + 1,
            )
            for one in found:
                if visible.shows(one["project"], one["application"]):
                    versions[one["project"], one["application"], one["version"]] = tuple(one["own"])
                    counting.update(one["sboms"])
            exact = exact and len(found) <= most
        components = {purl for sbom, purl in rows if sbom in counting}
        return Reach(versions, len(components), exact and len(versions) <= most)

    async def _sboms(
        self, named: Named, visible: Visible, after: str, limit: int
    ) -> AsyncIterator[tuple[list[str], str]]:
        """Some bills of materials at a time, in order; with the last version of a single one that has been told."""
        sbom, _, told = after.partition(" ")
        if told and told != _DONE:
            yield [sbom], told
        many = _ROWS_FOR_EACH * limit
        for project in visible.ranges:
            last = sbom
            while True:
                rows = await self._rows(named, project, last, many)
                for part in _parts(dict.fromkeys(name for name, _ in rows), limit):
                    yield part, ""
                if len(rows) < many:
                    break
                last = rows[-1][0]

    async def _rows(self, named: Named, project: str | None, after: str, limit: int) -> list[tuple[str, str]]:
        """Bill of materials and package URL of the first rows past `after`, by bill of materials."""
        between: Document = {"$gt": after}
        if project is not None:
            between = {"$gt": max(after, f"{project}|"), "$lt": _past(project)}
            if between["$gt"] >= between["$lt"]:
                return []
        found: list[tuple[str, str]] = []
        for where in _wheres(named):
            rows = await self._components.find(
                {**where, "sbom": between}, sort=(("sbom", 1),), limit=limit, only={"_id": 0, "sbom": 1, "purl": 1}
            )
            found += [(row["sbom"], row["purl"]) for row in rows]
        return sorted(found)[:limit]

    async def _described_by(
        self, visible: Visible, sboms: Sequence[str], told: str, most: int
    ) -> dict[str, list[KnownVersion]]:
        """The first so many versions behind `told` of each bill of materials, by their keys."""
        wheres = _described(visible, sboms)
        together = _VERSIONS_TOGETHER * most
        found = await asyncio.gather(*(self._inventory.find(where, limit=together + 1) for where in wheres))
        if any(len(rows) > together for rows in found):
            # Somewhere one describes very many versions: then each is asked about alone, so far as it matters.
            wheres = [where for sbom in sboms for where in _described(visible, [sbom])]
            later = {"_id": {"$gt": told}}
            found = await asyncio.gather(*(self._inventory.find({**where, **later}, limit=most) for where in wheres))
        described: dict[str, list[KnownVersion]] = {sbom: [] for sbom in sboms}
        for one in sorted({row["_id"]: from_document(row) for rows in found for row in rows}.items()):
            for sbom in described.keys() & one[1].sboms:
                if one[0] > told:
                    described[sbom].append(one[1])
        return {sbom: versions[:most] for sbom, versions in described.items()}

    async def _purls_in(self, named: Named, sboms: Iterable[str]) -> dict[str, set[str]]:
        """The package URLs that matter, by the bills of materials that name them."""
        found: dict[str, set[str]] = {}
        for part in _parts(sorted(sboms), _ROWS):
            for where in _wheres(named):
                for row in await self._components.every(
                    {**where, "sbom": {"$in": part}}, only={"_id": 0, "sbom": 1, "purl": 1}, hint=BY_PACKAGE
                ):
                    found.setdefault(row["sbom"], set()).add(row["purl"])
        return found


def _described(visible: Visible, sboms: Sequence[str]) -> list[Document]:
    """What to look for. It is not filtered afterwards: a place that a page passes on must name nothing hidden."""
    whole: list[str] = []
    found: list[Document] = []
    for sbom in sboms:
        project = sbom.partition("|")[0]
        if visible.everywhere or project in visible.projects:
            whole.append(sbom)
        else:
            shown = sorted(visible.applications.get(project, ()))
            found.append({"sboms": sbom, "application": {"$in": shown}})
    return [{"sboms": {"$in": whole}}, *found] if whole else found


def _told_here(purls: Mapping[str, set[str]], sbom: str, versions: Sequence[KnownVersion]) -> list[Told]:
    """The versions that are told at this bill of materials."""
    told = []
    for one in versions:
        hit = [name for name in one.sboms if name in purls]
        if hit and min(hit) == sbom:
            mine = frozenset().union(*(purls[name] for name in hit))
            told.append(Told(one, mine, _place(sbom, one.key)))
    return told


def distinct_purls(key: str) -> list[Document]:
    """The pipeline that reads one index entry for each distinct package URL of a package."""
    return [{"$match": {"key": key}}, {"$sort": {"key": 1, "purl": 1}}, {"$group": {"_id": "$purl"}}]


def _wheres(named: Named) -> Iterable[Document]:
    for key, purls in named.items():
        for part in _parts(purls, _IN_ONE_QUERY):
            yield {"key": key, "purl": {"$in": part}}


def _parts(names: Iterable[str], size: int) -> Iterable[list[str]]:
    rest = iter(names)
    while part := list(islice(rest, size)):
        yield part


def _place(sbom: str, told: str) -> str:
    return f"{sbom} {told}"


def _past(project: str) -> str:
    """The first text that sorts after every `<project>|...`."""
    return f"{project}{chr(ord('|') + 1)}"
