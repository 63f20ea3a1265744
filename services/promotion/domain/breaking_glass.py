"""How two people let one promotion through a freeze.

- Only people do, and two different ones; a subject is one person, and names that differ in case alone are one subject.
- The asking is good for four hours, and so is the breaking.
- It opens no gate, and a release that went through broken glass is not called trusted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.vocabulary import Actor, ActorKind
from services.promotion.domain.promotion import FINAL, Glass, Promotion
from shared.errors import Conflict, Forbidden

GOOD_FOR = timedelta(hours=4)


def break_glass(promotion: Promotion, by: Actor, reason: str, at: datetime) -> Glass:
    """The glass after somebody asked for it, or confirmed it. Raises `Forbidden` and `Conflict`."""
    if by.kind is not ActorKind.HUMAN:
        raise Forbidden("glass_not_human", "Only people break the glass.", remedy="Have two people do it.")
    if promotion.state in FINAL or promotion.hold is None:
        raise Conflict(
            "glass_not_needed",
            f"The promotion is {promotion.state}, and no freeze holds it back.",
            remedy="Look at it with `hallmark promotion show`.",
        )
    asked = promotion.glass
    if asked is None or at >= asked.until:
        return Glass(asked_by=by.subject, reason=reason, asked_at=at, until=at + GOOD_FOR)
    if asked.confirmed_by:
        raise Conflict("glass_broken", "Two people have broken the glass already.", remedy="Wait a moment.")
    if by.subject.strip().casefold() == asked.asked_by.strip().casefold():
        raise Forbidden(
            "glass_same_person",
            f"{by.subject} has asked for it; somebody else has to confirm.",
            remedy="Have a second person break it.",
        )
    confirmed = {"confirmed_by": by.subject, "reason": f"{asked.reason}\n{reason}", "until": at + GOOD_FOR}
    return asked.model_copy(update=confirmed)
