"""One message's worth of work: what it may read and write, and what it says afterwards.

Inside it only MongoDB is reachable. Handlers do not commit: leaving the handler does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.headers import Meta
from contracts.message import Event, Tell
from shared.identity import Caller, proven
from shared.messaging.outbox import Outgoing, outgoing
from shared.messaging.scope import Scope
from shared.mongo import Collection, Database, Session


@dataclass
class UnitOfWork:
    """What a handler works with. `session` is None for queries, which change nothing."""

    service: str
    database: Database
    session: Session | None
    meta: Meta
    now: datetime
    """Read once, so that one decision never straddles two moments."""
    known_caller: Caller | None = None
    equipment: Any = None
    """What the service brought along at start, such as the key it signs with (`Service.equip`)."""
    outbox: list[Outgoing] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        """Who asks. Raises `Unauthenticated` for messages that carry no token, such as events."""
        return proven(self.known_caller)

    def collection(self, name: str) -> Collection:
        """The collection, inside the transaction when there is one."""
        scope: Scope = self.session or self.database
        return scope.collection(name)

    def announce(self, event: Event) -> None:
        """Tell everybody, once this work is committed."""
        self._say(event)

    def tell(self, command: Tell) -> None:
        """Have another service do something, once this work is committed."""
        self._say(command)

    def _say(self, message: Event | Tell) -> None:
        if self.session is None:
            raise RuntimeError("a query announces nothing")
        place = len(self.outbox)
        self.outbox.append(outgoing(message, service=self.service, cause=self.meta, place=place, at=self.now))
