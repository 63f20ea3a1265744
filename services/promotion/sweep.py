"""Deadlines and stalled steps: swept from MongoDB, under a lease, never kept in a process's timers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from contracts.headers import Meta
from contracts.vocabulary import utc
from services.promotion.domain.facts import DeadlinePassed
from services.promotion.handlers.steps import take_step, tell
from services.promotion.storage.promotions import overdue, stalled
from services.promotion.storage.unit_of_work import PromotionWork
from shared.logs import log
from shared.messaging.inbox import AlreadyHandledError
from shared.mongo import Lease
from shared.service import Running

EVERY_SECONDS = 1.0
STALLED_AFTER = timedelta(seconds=30)
_BATCH = 100


async def sweep(run: Running[PromotionWork]) -> None:
    """Look for promotions that waited too long or hang, for ever."""
    lease = Lease(run.database, "sweep", run.settings.instance)
    try:
        while True:
            if await lease.hold():
                await sweep_once(run)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        await lease.release()


async def sweep_once(run: Running[PromotionWork]) -> None:
    """Expire what is overdue, tell again what is stalled.

    Keys hold the moment of the sweep: two sweepers at once are harmless, and what changed nothing now may later.
    """
    now = run.clock()
    for promotion_id in await overdue(run.database, now, _BATCH):
        await _perform(run, f"deadline:{promotion_id}:{utc(now)}", partial(_expire, promotion_id))
    for promotion_id in await stalled(run.database, now - STALLED_AFTER, _BATCH):
        log.warning("promotion stalls and is told again", promotion=promotion_id)
        await _perform(run, f"stalled:{promotion_id}:{utc(now)}", partial(_tell_again, promotion_id))


async def _expire(promotion_id: str, work: PromotionWork) -> None:
    promotion = await work.promotions.known(promotion_id)
    if promotion:
        await take_step(work, promotion, DeadlinePassed())


async def _tell_again(promotion_id: str, work: PromotionWork) -> None:
    promotion = await work.promotions.known(promotion_id)
    if promotion and promotion.doing and work.unit.now - promotion.stepped_at >= STALLED_AFTER:
        tell(work, promotion)
        await work.promotions.save(promotion.model_copy(update={"stepped_at": work.unit.now}))


async def _perform(run: Running[PromotionWork], key: str, work: Callable[[PromotionWork], Awaitable[None]]) -> None:
    meta = Meta(message_id=key, correlation_id=key, source="/hallmark/promotion", time=run.clock())
    try:
        await run.dispatcher.perform(work, meta=meta, key=key)
    except AlreadyHandledError:
        return
    except Exception as error:  # noqa: BLE001 - one promotion that cannot be swept must not hold up the others
        log.error("sweep goes on without one promotion", key=key, exc_info=error)
