"""Failed sign-ins in MongoDB, counted per address and per token for a while, whichever gateway they reach.

- Nothing can be guessed here: every secret has 256 random bits. The limit keeps guessing from costing anything.
- An address is an IPv4 address or the first 64 bits of an IPv6 address, which is what one customer has.
- Counts end by themselves, so that what is kept is bounded by what fails within `COUNTED_FOR`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from shared.errors import Busy
from shared.mongo import Collection, DuplicateKeyError, Index

COLLECTION = "failed_sign_ins"
INDEXES = (Index((("expires_at", 1),), expire_after_seconds=0),)
COUNTED_FOR = timedelta(minutes=5)
MOST = 20


class FailedSignIns:
    """Who has failed how often."""

    def __init__(self, failed: Collection) -> None:
        self._failed = failed

    async def refuse_many(self, sources: Iterable[str], now: datetime) -> None:
        """Raises `Busy` when one of the sources has failed too often, until that is over."""
        keys = [_key(source) for source in sources]
        where = {"_id": {"$in": keys}, "expires_at": {"$gt": now}, "count": {"$gte": MOST}}
        found = await self._failed.find(where, sort=(("expires_at", -1),), limit=1)
        if found:
            raise Busy(
                "sign_in_too_often",
                f"{MOST} sign-ins have failed from here within {COUNTED_FOR.seconds // 60} minutes.",
                retry_after=(found[0]["expires_at"] - now).total_seconds(),
                remedy="Wait as long as that, then sign in with what is right.",
            )

    async def note(self, sources: Iterable[str], now: datetime) -> None:
        """A sign-in from these sources has failed."""
        for key in map(_key, sources):
            if await self._failed.update({"_id": key, "expires_at": {"$gt": now}}, {"$inc": {"count": 1}}):
                continue
            await self._failed.remove({"_id": key, "expires_at": {"$lte": now}})
            try:
                await self._failed.add({"_id": key, "count": 1, "expires_at": now + COUNTED_FOR})
            except DuplicateKeyError:  # somebody else was first
                await self._failed.update({"_id": key}, {"$inc": {"count": 1}})


def address_of(host: str) -> str:
    """What counts as one address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        meant = address.ipv4_mapped
        return str(meant) if meant else str(ip_network((address, 64), strict=False))
    return str(address)


def _key(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
