"""What time changes, and what can wait: waivers end; open questions and releases are judged again; readiness is told.

Swept from MongoDB, under a lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from contracts.vocabulary import utc
from services.gate.handlers.judging import judge
from services.gate.handlers.readiness import look_at
from services.gate.handlers.rejudging import rejudge
from services.gate.handlers.waivers import expire
from services.gate.storage import admissions, evaluations, readiness
from services.gate.storage.unit_of_work import GateWork
from services.gate.storage.waivers import overdue
from shared.logs import log
from shared.messaging.headers import own_cause
from shared.mongo import Lease
from shared.service import Running

EVERY_SECONDS = 1.0
_BATCH = 100


async def look_again(run: Running[GateWork]) -> None:
    """Look for what time has changed, for ever."""
    lease = Lease(run.database, "look-again", run.settings.instance)
    try:
        while True:
            if await lease.hold():
                await look_once(run)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        await lease.release()


async def look_once(run: Running[GateWork]) -> None:
    """End the waivers whose time is over, judge what waits and what was admitted, then say whose readiness changed.

    Each is a transaction that reads first what is left to do: two looks at once are harmless.
    """
    now = run.clock()
    for project, waiver_id in await overdue(run.database, now, _BATCH):
        await _perform(run, f"waiver:{waiver_id}:{utc(now)}", partial(_expire, project, waiver_id))
    for key in await evaluations.due(run.database, now, _BATCH):
        await _perform(run, f"look:{key}:{utc(now)}", partial(_judge, key))
    for key in await admissions.due(run.database, now, _BATCH):
        await _perform(run, f"rejudge:{key}:{utc(now)}", partial(_rejudge, key))
    await readiness.spread_marks(run.database, now)
    for key in await readiness.due(run.database, now, _BATCH):
        await _perform(run, f"readiness:{key}:{utc(now)}", partial(_look_at, key))


async def _expire(project: str, waiver_id: str, work: GateWork) -> None:
    await expire(work, project, waiver_id)


async def _judge(key: str, work: GateWork) -> None:
    evaluation = await work.evaluations.get(key)
    if evaluation:
        await judge(evaluation.question, work, before=evaluation)


async def _rejudge(key: str, work: GateWork) -> None:
    await rejudge(work, key)


async def _look_at(key: str, work: GateWork) -> None:
    await look_at(work, key)


async def _perform(run: Running[GateWork], key: str, work: Callable[[GateWork], Awaitable[None]]) -> None:
    meta = own_cause("gate", key, run.clock())
    try:
        await run.dispatcher.perform(work, meta=meta, key=key, once=False)
    except Exception as error:  # noqa: BLE001 - one that cannot be judged must not hold up the others
        log.error("the look goes on without one", key=key, exc_info=error)
