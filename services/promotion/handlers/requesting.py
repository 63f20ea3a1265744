"""Promotions that somebody asks for, one by one or several as one unit."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

from contracts.promotion.v1.commands import RequestPromotion
from contracts.promotion.v1.trains import RequestTrain, TrainMember, TrainView
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import PromotionKind, Role
from services.promotion.handlers import HANDLERS
from services.promotion.handlers.looking import Seen, look_at_version
from services.promotion.handlers.opening import Wish, check_rights, open_promotion, way_of
from services.promotion.storage.unit_of_work import PromotionWork
from shared.errors import Invalid
from shared.messaging.dispatcher import Outside

_ASKERS = (Role.RELEASE_MANAGER, Role.CONTRIBUTOR)


async def look_around(command: RequestPromotion, outside: Outside) -> Seen:
    """Ask where the version stands, sealing a draft.

    Nothing is decided here: a repeated request must get its first answer, however far the version has come since.
    """
    outside.caller.require(command.project, *_ASKERS, application=command.application)
    return await look_at_version(
        outside, command.project, command.application, command.version, seal_as=f"seal-{_id(command.command_id)}"
    )


@HANDLERS.command(RequestPromotion, prepare=look_around)
async def request_promotion(command: RequestPromotion, work: PromotionWork, seen: Seen) -> PromotionView:
    """Open a promotion, unless another one has the version."""
    caller = work.unit.caller
    caller.require(command.project, *_ASKERS, application=command.application)
    wish = Wish(
        promotion_id=f"pr-{_id(caller.actor.subject, command.command_id)}",
        kind=command.kind,
        to_stage=command.to_stage,
        reason=command.reason,
        patience=timedelta(seconds=command.patience_seconds),
        by=caller.actor,
    )
    way = way_of(seen.version, wish)
    check_rights(caller, seen, wish, way)
    return await work.views.shown(await open_promotion(work, seen, wish, way))


async def look_along_the_train(command: RequestTrain, outside: Outside) -> list[Seen]:
    """Ask where every member stands. Raises `Invalid` for trains that cannot be."""
    applications = [member.application for member in command.members]
    if twice := sorted({name for name in applications if applications.count(name) > 1}):
        raise Invalid("train_application_twice", f"{twice[0]} is in the train twice.", remedy="Name one version of it.")
    if command.kind not in {PromotionKind.PROMOTE, PromotionKind.RELEASE}:
        raise Invalid(
            "train_goes_on", f"A train cannot be of kind {command.kind}.", remedy="Only promote or release together."
        )
    for member in command.members:
        outside.caller.require(command.project, *_ASKERS, application=member.application)

    async def look(member: TrainMember) -> Seen:
        seal_as = f"seal-{_id(command.command_id, member.application)}"
        return await look_at_version(outside, command.project, member.application, member.version, seal_as=seal_as)

    return list(await asyncio.gather(*map(look, command.members)))


@HANDLERS.command(RequestTrain, prepare=look_along_the_train)
async def request_train(command: RequestTrain, work: PromotionWork, seen: list[Seen]) -> TrainView:
    """Open a promotion for every member, or none: while one of their stages is taken, the train is refused."""
    caller = work.unit.caller
    train_id = f"tr-{_id(caller.actor.subject, command.command_id)}"
    for member in seen:
        caller.require(command.project, *_ASKERS, application=member.version.application)
        wish = Wish(
            promotion_id=f"pr-{_id(train_id, member.version.application)}",
            kind=command.kind,
            to_stage=command.to_stage,
            reason=command.reason,
            patience=timedelta(seconds=command.patience_seconds),
            by=caller.actor,
            train_id=train_id,
        )
        way = way_of(member.version, wish)
        check_rights(caller, member, wish, way)
        await open_promotion(work, member, wish, way)
    return await work.views.train(command.project, train_id)


def _id(*seed: str) -> str:
    return hashlib.sha256("\n".join(seed).encode()).hexdigest()[:24]
