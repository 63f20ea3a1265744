"""What the others answer: each fact takes the saga one step further."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.evidence.v1.events import PassageAttested, PassageWithdrawn
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.queries import ConfirmVerdict
from contracts.gate.v1.views import Confirmation
from contracts.registry.v1.events import MoveRefused, VersionMoved
from contracts.vocabulary import Digest
from services.promotion import wire
from services.promotion.believing import believed
from services.promotion.domain import facts
from services.promotion.domain.promotion import Promotion
from services.promotion.handlers import HANDLERS
from services.promotion.handlers.looking import read_positions, subjects_of_promotion
from services.promotion.handlers.steps import take_step
from services.promotion.storage.promotions import from_document
from services.promotion.storage.unit_of_work import PromotionWork
from shared.logs import log
from shared.messaging.dispatcher import Outside


@dataclass(frozen=True)
class Recheck:
    """Whether the verdict would be given again, and if not, how much evidence there is now."""

    stale: str
    positions: dict[Digest, int]


async def confirm(event: PassageAttested, outside: Outside) -> Recheck:
    """Ask the gate once more, at the last moment before the version moves.

    Evidence that came until now, and keys that were distrusted until now, count: the positions of this moment go along.
    """
    positions = await _positions(event, outside)
    query = ConfirmVerdict(project=event.project, verdict_id=event.verdict_id, positions=positions)
    answer = await outside.asker.ask(query, Confirmation, cause=outside.meta)
    if answer.holds:
        return Recheck("", {})
    return Recheck(answer.because or "the verdict does not hold any more", positions)


async def _positions(event: PassageAttested | MoveRefused, outside: Outside) -> dict[Digest, int]:
    document = await outside.database.collection("promotions").get(event.promotion_id)
    if document is None:
        return {}
    return await read_positions(outside, event.project, subjects_of_promotion(from_document(document)))


@HANDLERS.on(VerdictIssued, prepare=believed)
async def verdict_issued(event: VerdictIssued, work: PromotionWork, _: None) -> None:
    """The gates have judged, as their signature proves."""
    promotion = await _known(event, event.promotion_id, work)
    if promotion:
        hold = await work.freezes.hold(promotion, work.unit.now)
        await take_step(work, promotion, wire.verdict_given(event, hold))


@HANDLERS.on(PassageAttested, prepare=confirm)
async def passage_attested(event: PassageAttested, work: PromotionWork, recheck: Recheck) -> None:
    """The passage is signed and logged: move, or judge again when the verdict would be another one now."""
    promotion = await _known(event, event.promotion_id, work)
    if promotion is None:
        return
    stale, positions = recheck.stale, recheck.positions
    if not stale and (hold := await work.freezes.hold(promotion, work.unit.now)):
        stale, positions = f"the freeze {hold.freeze} has begun", promotion.positions
    fact = facts.Attested(event.attempt, event.verdict_id, event.passage_digest, event.log_index, stale, positions)
    await take_step(work, promotion, fact)


@HANDLERS.on(PassageWithdrawn)
async def passage_withdrawn(event: PassageWithdrawn, work: PromotionWork) -> None:
    """The log says that a passage did not take place."""
    promotion = await _known(event, event.promotion_id, work)
    if promotion:
        await take_step(work, promotion, facts.Withdrawn(event.attempt, event.log_index))


@HANDLERS.on(VersionMoved)
async def version_moved(event: VersionMoved, work: PromotionWork) -> None:
    """The version stands where it was to go."""
    promotion = await _known(event, event.promotion_id, work)
    if promotion:
        await take_step(work, promotion, facts.Moved(event.attempt, event.version_digest, event.replaced))


@HANDLERS.on(MoveRefused, prepare=_positions)
async def move_refused(event: MoveRefused, work: PromotionWork, positions: dict[Digest, int]) -> None:
    """The registry saw something else than the saga did."""
    promotion = await _known(event, event.promotion_id, work)
    if promotion:
        await take_step(work, promotion, facts.MoveRefused(event.attempt, event.code, event.message, positions))


async def _known(event: object, promotion_id: str, work: PromotionWork) -> Promotion | None:
    """The promotion that a fact is about. One that is not ours changes nothing, and is kept for people to see."""
    promotion = await work.promotions.known(promotion_id)
    if promotion is None:
        log.warning("fact about no promotion of ours", fact=type(event).__name__, promotion=promotion_id)
        await work.ignored.keep(promotion_id, type(event).__name__, "there is no such promotion")
    return promotion
