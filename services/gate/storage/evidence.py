"""Evidence as heard, found by what it is about.

- A piece is kept once, in its newest form; every form it ever had is kept by its record, for the verdicts that were
  given on it. Only what evidence counts for may change, by a newer judgement.
- Reads are never cut short: a gate that overlooks a piece of evidence could open.
- A form never changes, so that what was read from one is remembered by its record.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.facts import EvidenceItem
from contracts.vocabulary import Digest
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index
from shared.policy.dossier import newest
from shared.records import record_digest

INDEXES: dict[str, tuple[Index, ...]] = {
    "evidence": (Index((("project", 1), ("subjects", 1))),),
    "evidence_forms": (),
}
_REMEMBERED = 50_000
_AT_ONCE = 1_000


class Piece(NamedTuple):
    """A piece of evidence, and the digest that pins it as it stands."""

    item: EvidenceItem
    record: Digest


class _Memory:
    """What was read from forms, the oldest forgotten first."""

    def __init__(self) -> None:
        self._items: OrderedDict[Digest, EvidenceItem] = OrderedDict()

    def known(self, record: Digest) -> EvidenceItem | None:
        """What was read from that form before; None when it was not, or is forgotten."""
        return self._items.get(record)

    def read(self, record: Digest, text: str) -> EvidenceItem:
        item = self._items.get(record)
        if item is None:
            item = EvidenceItem.model_validate_json(text)
            self._items[record] = item
            if len(self._items) > _REMEMBERED:
                self._items.popitem(last=False)
        return item


_MEMORY = _Memory()


class Evidence:
    """All evidence of all projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._evidence = unit.collection("evidence")
        self._forms = unit.collection("evidence_forms")

    async def add(self, project: str, item: EvidenceItem) -> bool:
        """Keep a piece in its newest form; whether that was news. Raises `Conflict` when its id has other content."""
        key = f"{project}|{item.evidence_id}"
        known = await self._evidence.get(key)
        held = _MEMORY.read(known["record"], known["item"]) if known else None
        record = record_digest(item)
        # An older form that arrives late is no news, and still a form that a verdict may have been given on.
        await self._forms.put({"_id": f"{project}|{record}", "item": item.model_dump_json()})
        if held is not None and newest(held, item) is held:
            return False
        subjects = sorted(set(item.subjects))
        document: Document = {"project": project, "subjects": subjects, "item": item.model_dump_json()}
        await self._evidence.put({"_id": key, "record": record, **document})
        return True

    async def about(self, project: str, subjects: Iterable[Digest]) -> list[Piece]:
        """Every piece about any of `subjects`, by id."""
        where = {"project": project, "subjects": {"$in": sorted(set(subjects))}}
        # Most of it was read before: then its records are enough, which are a twentieth of the whole.
        found, unread = [], []
        for one in await self._evidence.every(where, only={"record": 1}):
            item = _MEMORY.known(one["record"])
            if item is None:
                unread.append(one["_id"])
            else:
                found.append(Piece(item, one["record"]))
        for start in range(0, len(unread), _AT_ONCE):
            some = await self._evidence.every({"_id": {"$in": unread[start : start + _AT_ONCE]}})
            found += [Piece(_MEMORY.read(one["record"], one["item"]), one["record"]) for one in some]
        return sorted(found, key=lambda piece: piece.item.evidence_id)

    async def forms(
        self, project: str, records: Iterable[Digest], *, afresh: bool = False
    ) -> Mapping[Digest, EvidenceItem]:
        """The forms with these records; those that are not known are left out.

        `afresh`: as they are in the database now, those left out that are not what their record says.
        """
        keys = {f"{project}|{record}": record for record in records}
        found = [(keys[one["_id"]], one["item"]) async for one in self._forms.stream({"_id": {"$in": sorted(keys)}})]
        if not afresh:
            return {record: _MEMORY.read(record, text) for record, text in found}
        return {record: item for record, text in found if (item := _proven(record, text))}


def _proven(record: Digest, text: str) -> EvidenceItem | None:
    """The form in `text`; None when it is not what its record says."""
    try:
        item = EvidenceItem.model_validate_json(text)
    except ValueError:
        return None
    return item if record_digest(item) == record else None
