"""One collection, seen from inside one transaction or outside of any.

The session is bound once, so a repository cannot forget it and write past the transaction it belongs to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel, ReplaceOne, ReturnDocument, UpdateOne

from shared.mongo.errors import DuplicateKeyError, StaleDocumentError, translated

Document = dict[str, Any]
Sort = Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Index:
    """An index a collection must have. `keys` as `(("name", 1), ("at", -1))`."""

    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    where: Document | None = None
    """Only documents that match are in the index."""
    expire_after_seconds: int | None = None

    def model(self) -> IndexModel:
        """As the driver wants it."""
        options: Document = {"unique": self.unique}
        if self.where is not None:
            options["partialFilterExpression"] = self.where
        if self.expire_after_seconds is not None:
            options["expireAfterSeconds"] = self.expire_after_seconds
        return IndexModel(list(self.keys), **options)


def containing(field: str, text: str) -> Document:
    """A condition: the field's text holds this text, taken literally. No regular expression, so nothing to escape."""
    return {"$expr": {"$gte": [{"$indexOfCP": [f"${field}", {"$literal": text}]}, 0]}}


@dataclass(frozen=True)
class Collection:
    """Reads and writes of one collection. All raise `Transient` when MongoDB is away."""

    handle: Any
    session: Any

    async def get(self, key: Any) -> Document | None:
        """The document with that `_id`."""
        return await self.find_one({"_id": key})

    async def find_one(self, where: Document, *, sort: Sort | None = None) -> Document | None:
        """The first document that matches."""
        with translated():
            found: Document | None = await self.handle.find_one(where, session=self.session, sort=sort)
        return found

    async def find(
        self,
        where: Document,
        *,
        sort: Sort = (("_id", 1),),
        limit: int = 1000,
        only: Document | None = None,
    ) -> list[Document]:
        """At most `limit` documents that match, in that order; `only` is a projection."""
        with translated():
            cursor = self.handle.find(where, only, session=self.session).sort(list(sort)).limit(limit)
            found: list[Document] = await cursor.to_list(limit)
        return found

    async def every(self, where: Document, *, only: Document | None = None, hint: Sort | None = None) -> list[Document]:
        """All documents that match, in no order, held in memory; `only` is a projection.

        `hint` names the keys of the index to read: where the planner, which tries plans on what it meets first, could
        take another one that reads more later.
        """
        with translated():
            cursor = self.handle.find(where, only, session=self.session)
            found: list[Document] = await (cursor.hint(list(hint)) if hint else cursor).to_list(None)
        return found

    async def stream(self, where: Document, *, sort: Sort = (("_id", 1),)) -> AsyncIterator[Document]:
        """All documents that match, without holding them in memory."""
        with translated():
            async for document in self.handle.find(where, session=self.session).sort(list(sort)):
                yield document

    async def count(self, where: Document, *, most: int | None = None) -> int:
        """How many documents match; counting ends at `most`."""
        bounded = {"limit": most} if most else {}
        with translated():
            return int(await self.handle.count_documents(where, session=self.session, **bounded))

    async def about(self) -> int:
        """About how many documents there are, as MongoDB remembers it without counting."""
        with translated():
            return int(await self.handle.estimated_document_count())

    async def add(self, document: Document) -> None:
        """Insert. Raises `DuplicateKeyError` when a unique index holds its key already.

        Inside a transaction that error ends the transaction: check first, and let this be the last line of defence.
        """
        with translated():
            await self.handle.insert_one(document, session=self.session)

    async def add_all(self, documents: Sequence[Document]) -> None:
        """Insert all of them, or none when inside a transaction. Raises as `add`."""
        if documents:
            with translated():
                await self.handle.insert_many(list(documents), session=self.session)

    async def replace(self, document: Document, *, revision: int) -> None:
        """Replace the document with this `_id` if it is at `revision`; the new one carries `revision + 1`.

        Revision 0 means that it must not exist yet. Raises `StaleDocumentError` otherwise.
        """
        document = {**document, "revision": revision + 1}
        if revision == 0:
            try:
                await self.add(document)
            except DuplicateKeyError as error:
                raise StaleDocumentError(self.handle.name, document["_id"]) from error
            return
        with translated():
            result = await self.handle.replace_one(
                {"_id": document["_id"], "revision": revision}, document, session=self.session
            )
        if result.matched_count != 1:
            raise StaleDocumentError(self.handle.name, document["_id"])

    async def put(self, document: Document) -> None:
        """Insert or replace by `_id`, whatever was there: for facts whose newest form wins by design."""
        with translated():
            await self.handle.replace_one({"_id": document["_id"]}, document, upsert=True, session=self.session)

    async def put_all(self, documents: Sequence[Document]) -> None:
        """Put every one of them, in one go."""
        if documents:
            with translated():
                await self.handle.bulk_write(
                    [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in documents],
                    ordered=False,
                    session=self.session,
                )

    async def replace_all(self, documents: Sequence[tuple[Document, int]]) -> None:
        """Replace each document that is at its revision, which is above 0, in one go; each carries the next one then.

        Raises `StaleDocumentError` when any of them is not, without saying which: inside a transaction none is replaced
        then.
        """
        if not documents:
            return
        changes = [
            ReplaceOne({"_id": one["_id"], "revision": revision}, {**one, "revision": revision + 1})
            for one, revision in documents
        ]
        with translated():
            result = await self.handle.bulk_write(changes, ordered=False, session=self.session)
        if result.matched_count != len(changes):
            raise StaleDocumentError(self.handle.name, f"one of {len(changes)}")

    async def update(self, where: Document, change: Any, *, upsert: bool = False) -> int:
        """Change every document that matches; how many did."""
        with translated():
            result = await self.handle.update_many(where, change, upsert=upsert, session=self.session)
        return int(result.matched_count)

    async def update_each(self, changes: Sequence[tuple[Document, Any]]) -> None:
        """Change one document for each `(where, change)`, or insert it, in one go."""
        if changes:
            with translated():
                await self.handle.bulk_write(
                    [UpdateOne(where, change, upsert=True) for where, change in changes],
                    ordered=False,
                    session=self.session,
                )

    async def change(self, where: Document, change: Any, *, upsert: bool = False) -> Document | None:
        """Change one document that matches and return it as it is afterwards; None when none matched.

        Raises `DuplicateKeyError` when an upsert loses against another one.
        """
        with translated():
            found: Document | None = await self.handle.find_one_and_update(
                where, change, upsert=upsert, return_document=ReturnDocument.AFTER, session=self.session
            )
        return found

    async def remove(self, where: Document) -> int:
        """Delete every document that matches; how many did."""
        with translated():
            result = await self.handle.delete_many(where, session=self.session)
        return int(result.deleted_count)

    async def aggregate(self, pipeline: Sequence[Document], *, limit: int = 10_000) -> list[Document]:
        """The first `limit` results of an aggregation."""
        with translated():
            found: list[Document] = await self.handle.aggregate(list(pipeline), session=self.session).to_list(limit)
        return found
