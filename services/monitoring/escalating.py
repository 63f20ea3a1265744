"""Deadlines that pass, snoozes that end, deadlines to compute again and risk to count: swept from MongoDB.

One instance sweeps, under a lease by the server's time; each step is tied to the lease and reads first what is left to
do, so that whoever slept past its end changes nothing, and nothing happens twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from contracts.vocabulary import utc
from services.monitoring.domain.alerting import Step
from services.monitoring.domain.alerts import swept
from services.monitoring.handlers import counting
from services.monitoring.handlers.alerting import take
from services.monitoring.handlers.watching import settle
from services.monitoring.storage.alerts import due_for_a_look
from services.monitoring.storage.delivery import uncounted
from services.monitoring.storage.releases import stale
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.logs import log
from shared.messaging.headers import own_cause
from shared.mongo import Lease
from shared.mongo.lease import LeaseLostError
from shared.service import Running

EVERY_SECONDS = 1.0
_BATCH = 100
_BECAUSE = "Its deadlines were computed again."


async def escalate(run: Running[MonitoringWork]) -> None:
    """Look for what time has changed, for ever."""
    lease = Lease(run.database, "escalate", run.settings.instance)
    try:
        while True:
            if await lease.hold():
                with suppress(LeaseLostError):
                    await escalate_once(run, lease)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        await lease.release()


async def escalate_once(run: Running[MonitoringWork], lease: Lease | None = None) -> None:
    """Escalate what is overdue, open again what was put aside, compute and count what waits. Raises `LeaseLostError`.

    Keys hold the revision: what is said of one is said once, and what comes of the next is something else.
    """
    for key, revision in await stale(run.database, _BATCH):
        await _perform(run, lease, f"deadlines:{key}:{revision}", partial(_compute_again, key))
    for key, opened in await uncounted(run.database, _BATCH):
        await _perform(run, lease, f"risk:{key}:{utc(opened)}", partial(_count, key, opened))
    for alert_id, revision in await due_for_a_look(run.database, run.clock(), _BATCH):
        await _perform(run, lease, f"sweep:{alert_id}:{revision}", partial(_sweep, alert_id))


async def _sweep(alert_id: str, work: MonitoringWork) -> None:
    alert = await work.alerts.find(alert_id)
    after = alert and swept(alert, work.unit.now)
    if alert and after and after != alert:
        await take(work, [Step(alert, after)])


async def _compute_again(key: str, work: MonitoringWork) -> None:
    project, application, version = key.split("/")
    await work.match_clock.touch(project)
    release = await work.releases.find(project, application, version)
    if release is not None and release.stale:
        await settle(work, release, replace(release, stale=False), _BECAUSE)


async def _count(key: str, opened: datetime, work: MonitoringWork) -> None:
    project, application, version = key.split("/")
    await counting.risk_counted(work, await work.releases.get(project, application, version), opened)


async def _perform(
    run: Running[MonitoringWork], lease: Lease | None, key: str, work: Callable[[MonitoringWork], Awaitable[None]]
) -> None:
    async def fenced(inside: MonitoringWork) -> None:
        if lease and inside.unit.session:
            await lease.fence(inside.unit.session)
        await work(inside)

    try:
        await run.dispatcher.perform(fenced, meta=own_cause("monitoring", key, run.clock()), key=key, once=False)
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 - one that cannot be swept must not hold up the others
        log.error("the sweep goes on without one", key=key, exc_info=error)
