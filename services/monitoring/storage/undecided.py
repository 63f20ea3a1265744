"""What could not be decided about each release; a release about which everything could be has no document.

`undecided`  {_id: "<project>/<application>/<version>", total, answers: [{component, advisory_id, doubt}]}
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Mapping

from contracts.vocabulary import Doubt
from services.monitoring.domain.doubts import Doubts
from services.monitoring.domain.matching import Undecided
from shared.mongo import Collection, Document, Index

UNDECIDED = "undecided"
INDEXES: dict[str, tuple[Index, ...]] = {UNDECIDED: ()}


class UndecidedRepository:
    """The doubts about releases, by the key of the release."""

    def __init__(self, undecided: Collection) -> None:
        self._undecided = undecided

    async def of(self, release: str) -> Doubts:
        """Those about one release."""
        return (await self.of_each([release]))[release]

    async def keep(self, release: str, doubts: Doubts) -> bool:
        """Keep these as all that there are about a release; whether they are others than before."""
        return await self.keep_each({release: doubts}, await self.of_each([release]))

    async def keep_each(self, doubts: Mapping[str, Doubts], before: Mapping[str, Doubts]) -> bool:
        """As `keep`, for several releases; `before` is what `of_each` said of them."""
        changed = {key: one for key, one in doubts.items() if one != before[key]}
        await self._put(changed)
        return bool(changed)

    async def of_each(self, releases: Members[str]) -> dict[str, Doubts]:
        """Those about each of these releases."""
        found = {key: Doubts() for key in releases}
        for row in await self._undecided.every({"_id": {"$in": sorted(releases)}}):
            kept = tuple(_from_document(one) for one in row["answers"])
            found[row["_id"]] = Doubts(kept, row["total"])
        return found

    async def _put(self, changed: Mapping[str, Doubts]) -> None:
        gone = sorted(key for key, doubts in changed.items() if not doubts.total)
        if gone:
            await self._undecided.remove({"_id": {"$in": gone}})
        await self._undecided.put_all(
            [
                {"_id": key, "total": doubts.total, "answers": [_to_document(one) for one in doubts.kept]}
                for key, doubts in changed.items()
                if doubts.total
            ]
        )


def _to_document(one: Undecided) -> Document:
    return {"advisory_id": one.advisory_id, "component": one.component, "doubt": one.doubt.value}


def _from_document(kept: Document) -> Undecided:
    return Undecided(kept["advisory_id"], kept["component"], Doubt(kept["doubt"]))
