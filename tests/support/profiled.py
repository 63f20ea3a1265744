"""What MongoDB looked at for a question, as its profiler saw it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from pymongo import MongoClient

from deploy.local.servers import Servers


async def examined(servers: Servers, database: str, question: Awaitable[Any]) -> tuple[int, int]:
    """Documents and keys of indexes that all commands on a database looked at while a question was answered."""
    with MongoClient[Any](servers.mongo_root_url) as root:
        await asyncio.to_thread(root[database].command, {"profile": 2})
        await question
        await asyncio.to_thread(root[database].command, {"profile": 0})
        seen = await asyncio.to_thread(
            lambda: [*root[database]["system.profile"].find({"ns": {"$not": {"$regex": "system"}}})]
        )
        await asyncio.to_thread(root[database]["system.profile"].drop)
    return sum(one.get("docsExamined", 0) for one in seen), sum(one.get("keysExamined", 0) for one in seen)
