"""What the others answer: each fact takes the saga one step further."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.evidence.v1.events import PassageAttested
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.queries import ConfirmVerdict
from contracts.gate.v1.views import Confirmation
from contracts.registry.v1.events import MoveRefused, VersionMoved
from contracts.vocabulary import Digest
from services.promotion import wire
from services.promotion.believing import believed
from services.promotion.domain import facts
from services.promotion.handlers import HANDLERS
from services.promotion.handlers.commands import read_positions, subjects_of
from services.promotion.handlers.steps import take_step
from services.promotion.storage.promotions import from_document
from services.promotion.storage.unit_of_work import PromotionWork
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
    promotion = from_document(document)
    subjects = subjects_of(promotion.version_digest, promotion.artifacts, promotion.contained)
    return await read_positions(outside, event.project, subjects)


@HANDLERS.on(VerdictIssued, prepare=believed)
async def verdict_issued(event: VerdictIssued, work: PromotionWork, _: None) -> None:
    """The gates have judged, as their signature proves."""
    await _advance(event.promotion_id, wire.verdict_given(event), work)


@HANDLERS.on(PassageAttested, prepare=confirm)
async def passage_attested(event: PassageAttested, work: PromotionWork, recheck: Recheck) -> None:
    """The passage is signed and logged: move, or judge again when the verdict would be another one now."""
    fact = facts.Attested(
        event.attempt, event.verdict_id, event.passage_digest, event.log_index, recheck.stale, recheck.positions
    )
    await _advance(event.promotion_id, fact, work)


@HANDLERS.on(VersionMoved)
async def version_moved(event: VersionMoved, work: PromotionWork) -> None:
    """The version stands where it was to go."""
    await _advance(event.promotion_id, facts.Moved(event.attempt, event.version_digest, event.replaced), work)


@HANDLERS.on(MoveRefused, prepare=_positions)
async def move_refused(event: MoveRefused, work: PromotionWork, positions: dict[Digest, int]) -> None:
    """The registry saw something else than the saga did."""
    await _advance(event.promotion_id, facts.MoveRefused(event.attempt, event.code, event.message, positions), work)


async def _advance(promotion_id: str, fact: facts.Fact, work: PromotionWork) -> None:
    promotion = await work.promotions.known(promotion_id)
    if promotion:  # Facts about promotions that are not ours change nothing.
        await take_step(work, promotion, fact)
