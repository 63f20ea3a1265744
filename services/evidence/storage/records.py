"""Records of evidence, the components they name, and how many there are per subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from contracts.evidence.v1.views import ComponentPage, EvidencePage, EvidenceView
from contracts.facts import Component, EarlierStanding, EvidenceItem
from services.evidence.domain.component_search import Wanted
from services.evidence.domain.record import Record
from shared.errors import Invalid, NotFound
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "records": (
        Index((("project", 1), ("received_at", -1), ("_id", 1))),
        Index((("project", 1), ("subjects", 1), ("received_at", -1))),
        Index((("project", 1), ("roots_state", 1), ("received_at", -1))),
    ),
    "components": (),
    "positions": (),
}
COMPONENTS_IN_PAGE = 500
"""Components of one bill of materials that are one document: few writes, none of them large."""

_PAGES_SEARCHED = 40
"""How many of these one answer of a search looks through beside the first."""

STAGED_ABOVE = 2_000
"""Components that are written in the transaction of their record, at most."""
PAGE_CHARACTERS = 180_000
"""Of components, or of evidence, in one answer."""
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Recording:
    """One piece of evidence that is to come on record."""

    project: str
    application: str | None
    record: Record
    data: bytes
    """The envelope when it is small; else it lies in the blob store."""
    size: int
    """Bytes of the envelope."""
    roots_state: str
    """The state of the trust roots that it was judged by."""
    staged: bool = False
    """Whether its components are stored already (`stage_components`)."""


async def count_up(scope: Scope, project: str, subjects: tuple[str, ...]) -> dict[str, int]:
    """Raise the position of each subject by one; the positions afterwards."""
    positions = {}
    for subject in sorted(set(subjects)):
        key = {"_id": f"{project}|{subject}"}
        counted = await scope.collection("positions").change(key, {"$inc": {"count": 1}}, upsert=True)
        positions[subject] = int(counted["count"]) if counted else 0
    return positions


class Records:
    """Evidence on record."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._records = unit.collection("records")
        self._components = unit.collection("components")
        self._positions = unit.collection("positions")

    async def known(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], EvidenceItem]:
        """Of the given projects and evidence ids: those on record."""
        keys = {f"{project}|{evidence_id}": (project, evidence_id) for project, evidence_id in wanted}
        found = await self._records.find({"_id": {"$in": list(keys)}}, limit=len(keys) or 1, only={"item": 1})
        return {keys[one["_id"]]: EvidenceItem.model_validate_json(one["item"]) for one in found}

    async def add_all(self, recordings: Sequence[Recording]) -> list[dict[str, int]]:
        """Put evidence on record that is not there yet; for each the positions of its subjects, itself included."""
        await self._records.add_all([_document(recording) for recording in recordings])
        unstaged = (one for one in recordings if not one.staged)
        await self._components.add_all([page for one in unstaged for page in _component_pages(one.project, one.record)])
        return await self._count(recordings)

    async def _count(self, recordings: Sequence[Recording]) -> list[dict[str, int]]:
        added = Counter(f"{one.project}|{subject}" for one in recordings for subject in set(one.record.item.subjects))
        reached = await self._positions_after(added)
        positions = []
        for one in recordings:
            mine = {subject: f"{one.project}|{subject}" for subject in sorted(set(one.record.item.subjects))}
            for key in mine.values():
                reached[key] += 1
            positions.append({subject: reached[key] for subject, key in mine.items()})
        return positions

    async def _positions_after(self, added: Counter[str]) -> dict[str, int]:
        """Raise the positions; what they were before."""
        if len(added) == 1:  # The usual case by far, and one round trip less.
            [(key, more)] = added.items()
            counted = await self._positions.change({"_id": key}, {"$inc": {"count": more}}, upsert=True)
            return {key: int((counted or {})["count"]) - more}
        await self._positions.update_each([({"_id": key}, {"$inc": {"count": more}}) for key, more in added.items()])
        found = await self._positions.find({"_id": {"$in": list(added)}}, limit=len(added) or 1)
        return {one["_id"]: int(one["count"]) - added[one["_id"]] for one in found}

    async def positions(self, project: str, subjects: tuple[str, ...]) -> dict[str, int]:
        """Per subject: how many pieces of evidence are on record, and how often their standing has changed."""
        keys = [f"{project}|{subject}" for subject in subjects]
        found = await self._positions.find({"_id": {"$in": keys}}, limit=len(keys))
        counted = {str(one["_id"]).partition("|")[2]: int(one["count"]) for one in found}
        return {subject: counted.get(subject, 0) for subject in subjects}

    async def show(self, project: str, evidence_id: str) -> EvidenceView:
        """One piece of evidence. Raises `NotFound`."""
        return (await self._views([await self._get(project, evidence_id)]))[0]

    async def page(self, project: str, subjects: tuple[str, ...], *, after: str | None, limit: int) -> EvidencePage:
        """Evidence of a project, newest first, as much as fits. Raises `NotFound` for an unknown `after`."""
        where: Document = {"project": project}
        if subjects:
            where["subjects"] = {"$in": list(subjects)}
        if after:
            last = await self._get(project, after)
            where["$or"] = [
                {"received_at": {"$lt": last["received_at"]}},
                {"received_at": last["received_at"], "_id": {"$gt": last["_id"]}},
            ]
        found = await self._records.find(
            where, sort=(("received_at", -1), ("_id", 1)), limit=limit + 1, only={"data": 0}
        )
        fitting = _fitting(found[:limit], _length)
        views = await self._views(fitting)
        following = views[-1].item.evidence_id if len(found) > len(fitting) else None
        return EvidencePage(evidence=tuple(views), next=following)

    async def components(
        self, project: str, evidence_id: str, wanted: Wanted, *, after: str | None, limit: int
    ) -> ComponentPage:
        """Components of a bill of materials, in its order. Raises `NotFound`, and `Invalid` for a strange `after`.

        Of a large one a search looks at a part only: then a page has fewer than asked for, and a next one.
        """
        await self._get(project, evidence_id)
        if after and not after.isdecimal():
            raise Invalid("page_unknown", f"There is no page after {after[:40]!r}.", remedy="Start without `after`.")
        start = int(after) + 1 if after else 0
        first = start // COMPONENTS_IN_PAGE
        last = (start + limit) // COMPONENTS_IN_PAGE if wanted.everything else first + _PAGES_SEARCHED
        keys = [_page_key(project, evidence_id, number) for number in range(first, last + 1)]
        pages = await self._components.find({"_id": {"$in": keys}}, sort=(("_id", 1),), limit=len(keys))
        listed = [component for page in pages for component in page["components"]][start - first * COMPONENTS_IN_PAGE :]
        read = ((place, Component.model_validate(one)) for place, one in enumerate(listed, start))
        found = list(islice((one for one in read if wanted.fits(one[1])), limit + 1))
        fitting = _fitting(found[:limit], lambda one: len(one[1].model_dump_json()))
        more = len(found) > len(fitting)
        searched = len(pages) == len(keys) and not wanted.everything
        following = fitting[-1][0] if more else start + len(listed) - 1
        return ComponentPage(
            components=tuple(one for _, one in fitting), next=str(following) if more or searched else None
        )

    async def _get(self, project: str, evidence_id: str) -> Document:
        found = await self._records.get(f"{project}|{evidence_id}")
        if found is None:
            raise NotFound("evidence_unknown", f"There is no evidence {evidence_id} in {project}.", remedy="List it.")
        return found

    async def _views(self, documents: Sequence[Document]) -> list[EvidenceView]:
        ids = [document["evidence_id"] for document in documents]
        logged = await self._unit.collection("log_entries").find({"about": {"$in": ids}}, only={"about": 1})
        places: dict[str, Any] = {about: entry["_id"] for entry in reversed(logged) for about in entry["about"]}
        return [
            EvidenceView(
                project=document["project"],
                application=document["application"],
                item=EvidenceItem.model_validate_json(document["item"]),
                size=document["size"],
                submitted_by=document["submitted_by"],
                log_index=places.get(document["evidence_id"]),
                history=tuple(EarlierStanding.model_validate_json(one) for one in document.get("history", ())),
            )
            for document in documents
        ]


def _fitting(listed: Sequence[_Item], length: Callable[[_Item], int]) -> Sequence[_Item]:
    """As many of them as fit a message, at least one: some are hundreds of times as long as others."""
    room = PAGE_CHARACTERS
    for count, one in enumerate(listed):
        room -= length(one)
        if room < 0:
            return listed[: max(1, count)]
    return listed


def _length(document: Document) -> int:
    return len(document["item"]) + sum(map(len, document.get("history", ())))


def _document(recording: Recording) -> Document:
    item = recording.record.item
    return {
        "_id": f"{recording.project}|{item.evidence_id}",
        "project": recording.project,
        "application": recording.application,
        "evidence_id": item.evidence_id,
        "subjects": list(item.subjects),
        "received_at": item.received_at,
        "item": item.model_dump_json(),
        "data": recording.data,
        "size": recording.size,
        "submitted_by": item.submitted_by,
        "roots_state": recording.roots_state,
    }


async def stage_components(database: Database, project: str, record: Record) -> bool:
    """Store the components of a large bill of materials before its record; False when there is no need.

    All of them in the record's transaction would need room in MongoDB's cache for the whole. Without a record nobody
    reads them, and the same bill of materials handed in again writes the same.
    """
    if len(record.components) <= STAGED_ABOVE:
        return False
    components = database.collection("components")
    for page in _component_pages(project, record):
        await components.put(page)
    return True


def _component_pages(project: str, record: Record) -> Iterator[Document]:
    for number, start in enumerate(range(0, len(record.components), COMPONENTS_IN_PAGE)):
        page = record.components[start : start + COMPONENTS_IN_PAGE]
        key = _page_key(project, record.item.evidence_id, number)
        yield {"_id": key, "components": [component.model_dump(exclude_defaults=True) for component in page]}


def _page_key(project: str, evidence_id: str, number: int) -> str:
    return f"{project}|{evidence_id}|{number:05}"
