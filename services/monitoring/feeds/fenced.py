"""Transactions of whoever fetches: as this service, and only while it holds the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from contracts.headers import Meta
from contracts.vocabulary import Actor, ActorKind, Role
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.errors import Busy
from shared.identity import EVERYWHERE, Caller
from shared.mongo import Lease
from shared.service import Running

T = TypeVar("T")
_CALLER = Caller(Actor(subject="monitoring", kind=ActorKind.SERVICE), {EVERYWHERE: frozenset({Role.SECURITY})})


@dataclass(frozen=True)
class Fenced:
    """One instance at work; once it has lost the lease it cannot write any more."""

    run: Running[MonitoringWork]
    lease: Lease

    async def perform(self, work: Callable[[MonitoringWork], Awaitable[T]], key: str) -> T:
        """One transaction, as this service, while the lease is held. `key` names what it says, if it says anything.

        Raises `Transient`, `LeaseLostError`, and what `work` raises.
        """

        async def fenced(found: MonitoringWork) -> T:
            if found.unit.session:
                await self.lease.fence(found.unit.session)
            return await work(found)

        meta = Meta(message_id=key, correlation_id=key, source="/hallmark/monitoring", time=self.run.clock())
        return await self.run.dispatcher.perform(fenced, meta=meta, key=key, caller=_CALLER, once=False)

    async def admitted(self) -> None:
        """Wait while the service has said more than is heard."""
        while True:
            try:
                return await self.run.dispatcher.backpressure.admit()
            except Busy as error:
                await asyncio.sleep(error.retry_after)
