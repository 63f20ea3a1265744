"""What makes two handlers collide that must not overlook each other.

Snapshot isolation sees two writers of one document, not a writer that missed what another one was just adding. A bill
of materials and a release of the same project, or either of them and an advisory, could so both look, both find
nothing, and both commit. Therefore:

- Whoever changes what a project's releases consist of touches the project's shard.
- Whoever changes advisories touches all shards.

Two of them that overlap then write one document, and the later runs again, seeing what the other one did. There is a
fixed number of shards, so that an import need not know every project, not even one that is just appearing.
"""

from __future__ import annotations

import zlib

from shared.mongo import Collection

COLLECTION = "match_clock"
SHARDS = 16


class MatchClock:
    """The shards; what they count means nothing."""

    def __init__(self, collection: Collection) -> None:
        self._shards = collection

    async def touch(self, project: str) -> None:
        """Collide with everybody who changes releases of this project, or advisories."""
        await self._touch(zlib.crc32(project.encode()) % SHARDS)

    async def touch_all(self) -> None:
        """Collide with everybody who changes releases or advisories."""
        if await self._shards.update({}, {"$inc": {"revision": 1}}) < SHARDS:
            for shard in range(SHARDS):
                await self._touch(shard)

    async def _touch(self, shard: int) -> None:
        if await self._shards.change({"_id": shard}, {"$inc": {"revision": 1}}) is None:
            await self._shards.replace({"_id": shard}, revision=0)
