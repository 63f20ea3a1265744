"""One step of the saga: advance, keep, say, tell. Every handler and the sweep go through here.

- What ends gives its stages back; whoever waits for one of them is admitted in the same transaction.
- Members of a train step in sight of each other: the last one that is ready lets all of them move, and one that cannot
  move stops the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.message import Event
from contracts.vocabulary import PromotionState
from services.promotion import cdevents, wire, wire_tells
from services.promotion.domain.facts import Admitted, Fact, TrainBroken, TrainReady
from services.promotion.domain.promotion import FINAL, Doing, Promotion
from services.promotion.domain.saga import Ignored, advance
from services.promotion.storage.promotions import stage_claims
from services.promotion.storage.unit_of_work import PromotionWork
from shared.logs import log


async def take_step(work: PromotionWork, before: Promotion, fact: Fact) -> Promotion:
    """What a fact makes of a promotion, kept and told. What changes nothing is kept beside it with the reason."""
    after = advance(before, fact, work.unit.now)
    name = type(fact).__name__
    if isinstance(after, Ignored):
        log.info("fact ignored", fact=name, promotion=before.promotion_id, why=after.why)
        await work.ignored.keep(before.promotion_id, name, after.why)
        return before
    after = await work.promotions.save(after)
    say(work, after, wire.said(before, after, work.unit.now))
    for command in wire_tells.withdrawn(before, after):
        work.unit.tell(command)
    if after.doing is not before.doing or after.attempt != before.attempt:
        await tell(work, after)
    if after.train_id and not isinstance(fact, TrainReady | TrainBroken):
        # Those come from another member, which tells all of them.
        after = await _step_train(work, before, after)
    if after.state in FINAL and before.state not in FINAL:
        await admit_waiting(work, after)
    return after


def say(work: PromotionWork, promotion: Promotion, events: Iterable[Event]) -> None:
    """Announce what happened to a promotion, in Hallmark's own words and then in those of CDEvents."""
    said = tuple(events)
    draft = work.unit.equipment.cdevents_draft
    for event in (*said, *(one for known in said for one in cdevents.told(promotion, known, draft=draft))):
        work.unit.announce(event)


async def tell(work: PromotionWork, promotion: Promotion) -> None:
    """Tell whoever has to act now."""
    if promotion.doing is Doing.MOVE and promotion.train_id:
        members = await work.promotions.train(promotion.train_id)
        if all(one.doing is Doing.MOVE or one.state is PromotionState.COMPLETED for one in members):
            attempt = await work.promotions.step_train(promotion.train_id)
            work.unit.tell(wire_tells.move_together(members, attempt))
        return
    command = wire_tells.told(promotion)
    if command:
        work.unit.tell(command)


async def admit(work: PromotionWork, promotion: Promotion) -> Promotion | str:
    """The promotion, begun, if nobody has its stages; else the id of the promotion that has one."""
    holder = await work.promotions.claim_stages(promotion)
    return holder or await take_step(work, promotion, Admitted())


async def admit_waiting(work: PromotionWork, ended: Promotion) -> None:
    """Let those begin who waited for what has just been given back, in the order of their turns."""
    free = set(stage_claims(ended))
    for waiting in await work.promotions.waiting_for(ended):
        wanted = set(stage_claims(waiting))
        if free & wanted and isinstance(await admit(work, waiting), Promotion):
            free -= wanted
        if not free:
            return


async def _step_train(work: PromotionWork, before: Promotion, after: Promotion) -> Promotion:
    """What a member's step means for its train."""
    cannot_move = after.state is PromotionState.COMPENSATING or (
        after.state in FINAL and after.state is not PromotionState.COMPLETED
    )
    if after.state is before.state and after.doing is before.doing:
        return after
    if cannot_move and before.state not in FINAL | {PromotionState.COMPENSATING}:
        await _stop_others(work, after)
    elif after.doing is Doing.GATHER:
        await work.promotions.step_train(str(after.train_id))
        members = await work.promotions.train(str(after.train_id))
        if all(one.doing is Doing.GATHER for one in members):
            for member in members:
                await take_step(work, member, TrainReady())
            return await work.promotions.known(after.promotion_id) or after
    return after


async def _stop_others(work: PromotionWork, member: Promotion) -> None:
    because = f"{member.application} {member.version} of the same train cannot move: {member.history[-1].because}"
    await work.promotions.step_train(str(member.train_id))
    for other in await work.promotions.train(str(member.train_id)):
        is_open = other.state not in FINAL | {PromotionState.COMPENSATING}
        if other.promotion_id != member.promotion_id and is_open and not other.broken:
            await take_step(work, other, TrainBroken(because[:1000]))
