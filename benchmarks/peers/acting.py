"""What a step of a peer does: nothing but return its result, or one MongoDB transaction.

Runs in the peers' own environment.
"""

from __future__ import annotations

from typing import Any

RESULT = {"receipt": "x" * 480}
"""What each step returns: some 500 bytes as JSON."""


class Acting:
    """Steps that write two documents each, majority and journaled; none when there is no database."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._client: Any = None

    async def step(self, key: str, name: str) -> dict[str, str]:
        """The work of one step, which may come twice and has its effect once."""
        if self._url:
            await self._write(key, name)
        return RESULT

    async def _write(self, key: str, name: str) -> None:
        from pymongo import AsyncMongoClient, WriteConcern  # noqa: PLC0415 - in the peers' environment only
        from pymongo.read_concern import ReadConcern  # noqa: PLC0415

        if self._client is None:
            self._client = AsyncMongoClient(self._url)
        steps = self._client.get_default_database()["steps"]

        async def work(session: Any) -> None:
            for place in ("state", "outbox"):
                document = {"_id": f"{key}.{name}.{place}", **RESULT}
                await steps.replace_one({"_id": document["_id"]}, document, upsert=True, session=session)

        async with self._client.start_session() as session:
            await session.with_transaction(
                work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern(w="majority", j=True)
            )
