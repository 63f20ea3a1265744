"""What MongoDB has to do for one page: the commands that it causes, caught by the profiler, and asked again straight.

- One request is made with the profiler on. What runs anyway, such as sweeps, is heard while nobody asks, and left out.
- The floor of a page is the time that its reads take when they are asked one after the other by somebody who does
  nothing with the answers. Writes are counted, and not done again.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient

from benchmarks.timing import share

OWN = "hallmark_"
"""Databases of the system."""
_READS = ("find", "aggregate", "count", "distinct")
_OF_SESSION = {"lsid", "$clusterTime", "$db", "$readPreference", "txnNumber", "autocommit", "startTransaction"}
_ROOM = 64 * 2**20
_RUNS = 5
Shape = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Asked:
    """One command, as the profiler saw it."""

    database: str
    said: dict[str, Any]

    @property
    def kind(self) -> str:
        """What it is, such as `find`; `getMore` and writes included."""
        return next(iter(self.said["command"]), str(self.said["op"])) if "command" in self.said else self.said["op"]

    @property
    def is_read(self) -> bool:
        """Whether it can be asked again."""
        return self.kind in _READS and "$truncated" not in self.said["command"]

    @property
    def shape(self) -> Shape:
        """What commands that differ in their values only have in common."""
        command = self.said.get("command", {})
        where = command.get("filter") or command.get("query") or {}
        return self.said["ns"], self.kind, tuple(sorted(where))

    def told(self) -> dict[str, Any]:
        """What one should know of it."""
        return {
            "ns": self.said["ns"],
            "kind": self.kind,
            "plan": self.said.get("planSummary", ""),
            "docs_examined": self.said.get("docsExamined", 0),
            "keys_examined": self.said.get("keysExamined", 0),
            "returned": self.said.get("nreturned", 0),
            "ms": self.said.get("millis", 0),
            "where": str(self.said.get("command", {}).get("filter") or self.said.get("command", {}).get("pipeline"))[
                :400
            ],
        }


class Listener:
    """Hears what MongoDB is asked."""

    def __init__(self, client: MongoClient[Any]) -> None:
        self._client = client
        self._names = [one for one in client.list_database_names() if one.startswith(OWN)]
        self._usual: set[Shape] = set()
        for name in self._names:
            database = client[name]
            database.command({"profile": 0})
            database.drop_collection("system.profile")
            database.create_collection("system.profile", capped=True, size=_ROOM)

    async def hear(self, work: Callable[[], Awaitable[Any]]) -> list[Asked]:
        """What is asked during the work, but for what is asked anyway."""
        began = datetime.now(UTC)
        for name in self._names:
            self._client[name].command({"profile": 2, "slowms": 0})
        try:
            await work()
        finally:
            for name in self._names:
                self._client[name].command({"profile": 0})
        found = [
            Asked(name, one)
            for name in self._names
            for one in self._client[name]["system.profile"].find({"ts": {"$gte": began}})
            if not one["ns"].endswith("system.profile")
        ]
        return [one for one in found if one.shape not in self._usual and one.kind not in ("profile", "ping", "hello")]

    async def learn(self, idle: Callable[[], Awaitable[Any]]) -> None:
        """Hear what is asked while nobody asks for a page."""
        self._usual |= {one.shape for one in await self.hear(idle)}

    def floor(self, asked: list[Asked]) -> float:
        """Milliseconds that its reads take, one after the other; the median of some runs."""
        commands = [
            (one.database, {name: value for name, value in one.said["command"].items() if name not in _OF_SESSION})
            for one in asked
            if one.is_read
        ]
        took = []
        for _ in range(_RUNS):
            began = time.perf_counter()
            for database, command in commands:
                self._client[database].command(command)
            took.append((time.perf_counter() - began) * 1000)
        return share(sorted(took), 0.5)
