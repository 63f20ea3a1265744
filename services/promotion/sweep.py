"""Deadlines, stalled steps and freezes that are over: swept from MongoDB, never kept in a process's timers.

One instance sweeps, under a lease by the server's time; each step is tied to the lease, so that whoever slept past its
end changes nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from contracts.headers import Meta
from contracts.vocabulary import PromotionState, utc
from services.promotion.domain.facts import DeadlinePassed, Thawed
from services.promotion.domain.promotion import Doing, Promotion
from services.promotion.domain.saga import COMPENSATES_FOR
from services.promotion.handlers.steps import admit, take_step, tell
from services.promotion.storage.promotions import frozen, overdue, stalled
from services.promotion.storage.unit_of_work import PromotionWork
from shared.logs import log
from shared.messaging.inbox import AlreadyHandledError
from shared.mongo import Lease
from shared.mongo.lease import LeaseLostError
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
                with suppress(LeaseLostError):
                    await sweep_once(run, lease)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        await lease.release()


async def sweep_once(run: Running[PromotionWork], lease: Lease | None = None) -> None:
    """Expire what is overdue, tell again what is stalled, look again at what is frozen.

    Keys hold the moment of the sweep: what changed nothing now may later. Raises `LeaseLostError`.
    """
    now = run.clock()
    for promotion_id in await overdue(run.database, now, _BATCH):
        await _perform(run, lease, f"deadline:{promotion_id}:{utc(now)}", partial(_expire, promotion_id))
    for promotion_id in await stalled(run.database, now - STALLED_AFTER, _BATCH):
        log.warning("promotion stalls and is told again", promotion=promotion_id)
        await _perform(run, lease, f"stalled:{promotion_id}:{utc(now)}", partial(_go_on, promotion_id))
    for promotion_id in await frozen(run.database, now, _BATCH):
        await _perform(run, lease, f"frozen:{promotion_id}:{utc(now)}", partial(_look_at_freeze, promotion_id))


async def _expire(promotion_id: str, work: PromotionWork) -> None:
    promotion = await work.promotions.known(promotion_id)
    if promotion:
        await take_step(work, promotion, DeadlinePassed())


async def _go_on(promotion_id: str, work: PromotionWork) -> None:
    promotion = await work.promotions.known(promotion_id)
    if promotion is None or work.unit.now - promotion.stepped_at < STALLED_AFTER:
        return
    if promotion.state is PromotionState.REQUESTED:
        if isinstance(await admit(work, promotion), str):
            await _looked_at(work, promotion)
        return
    if _takes_too_long(promotion, work):
        await take_step(work, promotion, DeadlinePassed())
        return
    if promotion.doing:
        await tell(work, promotion)
        await _looked_at(work, promotion)


def _takes_too_long(promotion: Promotion, work: PromotionWork) -> bool:
    """Whether nobody signed its passage while the verdict was good, or took it back in all the time there is."""
    verdict = promotion.verdict
    if promotion.doing is Doing.WITHDRAW:
        return work.unit.now >= promotion.history[-1].at + COMPENSATES_FOR
    return promotion.doing is Doing.ATTEST and verdict is not None and work.unit.now > verdict.expires_at


async def _look_at_freeze(promotion_id: str, work: PromotionWork) -> None:
    promotion = await work.promotions.known(promotion_id)
    if promotion is None or promotion.hold is None:
        return
    hold = await work.freezes.hold(promotion, work.unit.now)
    if hold == promotion.hold:
        await _looked_at(work, promotion)
    else:
        await take_step(work, promotion, Thawed(hold))


async def _looked_at(work: PromotionWork, promotion: Promotion) -> None:
    await work.promotions.save(promotion.model_copy(update={"stepped_at": work.unit.now}))


async def _perform(
    run: Running[PromotionWork], lease: Lease | None, key: str, work: Callable[[PromotionWork], Awaitable[None]]
) -> None:
    meta = Meta(message_id=key, correlation_id=key, source="/hallmark/promotion", time=run.clock())

    async def fenced(inside: PromotionWork) -> None:
        if lease and inside.unit.session:
            await lease.fence(inside.unit.session)
        await work(inside)

    try:
        await run.dispatcher.perform(fenced, meta=meta, key=key)
    except AlreadyHandledError:
        return
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 - one promotion that cannot be swept must not hold up the others
        log.error("sweep goes on without one promotion", key=key, exc_info=error)
