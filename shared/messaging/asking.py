"""Asking another service, with a deadline.

A service that is restarting has no subscriber for a moment, or cannot decide: the ask is repeated until the deadline.
That is safe, since queries change nothing and commands carry their own id.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from faststream.nats import NatsBroker
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from pydantic import BaseModel

from contracts import headers as names
from contracts.headers import Meta
from contracts.message import Command, Query
from contracts.replies import REPLY, Accepted
from shared.clock import Clock
from shared.errors import Busy, HallmarkError, Transient
from shared.messaging.headers import write_headers
from shared.messaging.outcomes import raised_by

A = TypeVar("A", bound=BaseModel)
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)


class Asker:
    """Asks over one broker connection."""

    def __init__(self, broker: NatsBroker, *, source: str, own_token: Callable[[], str], clock: Clock) -> None:
        self._broker = broker
        self._source = source
        self._own_token = own_token
        self._clock = clock

    async def ask(
        self,
        message: Command | Query,
        answer: type[A],
        *,
        token: str | None = None,
        cause: Meta | None = None,
        deadline: float = 10.0,
    ) -> A:
        """The answer to `message`, as `answer`, which must be the message's own answer type.

        `token` proves on whose behalf; without one the service asks for itself. `deadline` in seconds. Raises the
        `Rejection` the other side gave, or `Transient` when nobody could answer in time.
        """
        body = await self.ask_raw(message, token=token, cause=cause, deadline=deadline)
        return answer.model_validate(body)

    async def ask_raw(
        self, message: Command | Query, *, token: str | None = None, cause: Meta | None = None, deadline: float = 10.0
    ) -> dict[str, Any]:
        """As `ask`, but the answer stays JSON."""
        until = time.monotonic() + deadline
        problem: HallmarkError = Transient("service_unavailable", f"Nobody answers {message.subject}.")
        for pause in (*_PAUSES, *([_PAUSES[-1]] * 1000)):
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                return await self._once(message, token or self._own_token(), cause, left)
            except Busy:
                raise  # Asking at once again is what it asked us not to do.
            except Transient as error:
                problem = error
            if until - time.monotonic() < 2 * pause:
                break  # A try with no time to be answered would only hide what the one before it learnt.
            await asyncio.sleep(pause)
        raise problem

    async def _once(self, message: Command | Query, token: str, cause: Meta | None, left: float) -> dict[str, Any]:
        message_id = uuid4().hex
        meta = Meta(
            message_id=message_id,
            correlation_id=cause.correlation_id if cause else message_id,
            causation_id=cause.message_id if cause else None,
            source=self._source,
            time=self._clock(),
            traceparent=cause.traceparent if cause else None,
        )
        headers = write_headers(meta, subject=message.subject)
        headers[names.AUTHORIZATION] = f"Bearer {token}"
        headers[names.DEADLINE_MS] = str(int(left * 1000))
        try:
            response = await self._broker.request(
                message.model_dump_json(by_alias=True).encode(), message.address(), headers=headers, timeout=left
            )
        except NoRespondersError as error:
            raise Transient("service_unavailable", f"Nobody answers {message.subject} right now.") from error
        except (NatsTimeoutError, TimeoutError, ConnectionClosedError, RuntimeError) as error:
            # RuntimeError is uvloop's word for a connection that was closed just before something is written to it.
            raise Transient("answer_late", f"{message.subject} was not answered in time.") from error
        reply = REPLY.validate_python(json.loads(response.body))
        if isinstance(reply, Accepted):
            return reply.answer
        raise raised_by(reply)
