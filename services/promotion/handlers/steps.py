"""One step of the saga: advance, keep, say, tell. Every handler and the sweep go through here."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.message import Event
from services.promotion import cdevents, wire, wire_tells
from services.promotion.domain.facts import Fact
from services.promotion.domain.promotion import Promotion, advance
from services.promotion.storage.unit_of_work import PromotionWork
from shared.logs import log


async def take_step(work: PromotionWork, before: Promotion, fact: Fact) -> Promotion:
    """What a fact makes of a promotion, kept and told. Facts that change nothing leave no trace but the inbox's."""
    after = advance(before, fact, work.unit.now)
    if after is before:
        log.info("fact ignored", fact=type(fact).__name__, promotion=before.promotion_id, state=before.state.value)
        return before
    await work.promotions.save(after)
    say(work, after, wire.said(before, after, work.unit.now))
    tell(work, after)
    return after


def say(work: PromotionWork, promotion: Promotion, events: Iterable[Event]) -> None:
    """Announce what happened to a promotion, in Hallmark's own words and then in those of CDEvents."""
    said = tuple(events)
    draft = work.unit.equipment.cdevents_draft
    for event in (*said, *(one for known in said for one in cdevents.told(promotion, known, draft=draft))):
        work.unit.announce(event)


def tell(work: PromotionWork, promotion: Promotion) -> None:
    """Tell whoever has to act now."""
    command = wire_tells.told(promotion)
    if command:
        work.unit.tell(command)
