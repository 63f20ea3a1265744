"""Evidence whose signers have been distrusted, kept for releases that rest on it and are heard of later.

`distrusted`  {_id: "<project>|<content digest>", cause}
"""

from __future__ import annotations

from collections.abc import Iterable

from services.monitoring.domain.causes import DistrustCause
from shared.mongo import Collection, Index

DISTRUSTED = "distrusted"
INDEXES: dict[str, tuple[Index, ...]] = {DISTRUSTED: ()}


class DistrustedRepository:
    """The evidence that nobody should have relied on."""

    def __init__(self, distrusted: Collection) -> None:
        self._distrusted = distrusted

    async def add(self, project: str, cause: DistrustCause) -> bool:
        """Keep the first word of it, since deadlines do not restart; whether it is news."""
        key = f"{project}|{cause.content_digest}"
        if await self._distrusted.get(key) is not None:
            return False
        await self._distrusted.add({"_id": key, "cause": cause.model_dump(mode="json") | {"since": cause.since}})
        return True

    async def among(self, project: str, content_digests: Iterable[str]) -> tuple[DistrustCause, ...]:
        """What of this evidence is distrusted."""
        keys = [f"{project}|{digest}" for digest in content_digests]
        found = self._distrusted.stream({"_id": {"$in": keys}})
        return tuple([DistrustCause.model_validate(one["cause"]) async for one in found])
