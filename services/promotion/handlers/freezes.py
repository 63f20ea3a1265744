"""Freezes: applied by people, looked at by everybody."""

from __future__ import annotations

from typing import Any

from contracts.answers import Applied
from contracts.promotion.v1.freezes import ApplyFreeze, FreezeApplied, FreezeList, ListFreezes
from contracts.vocabulary import Role
from services.promotion.domain.freezing import check_freeze
from services.promotion.handlers import HANDLERS
from services.promotion.storage.freezes import as_freeze
from services.promotion.storage.unit_of_work import PromotionWork


@HANDLERS.command(ApplyFreeze)
async def apply_freeze(command: ApplyFreeze, work: PromotionWork) -> Applied:
    """Define a freeze or change it. What it holds back is looked at again within a quarter of a minute."""
    caller = work.unit.caller
    caller.require(command.project, Role.RELEASE_MANAGER)
    check_freeze(as_freeze(command.model_dump(mode="json")))
    change, kept = await work.freezes.apply(command)
    state: dict[str, Any] = {"revision": kept["revision"], "digest": kept["digest"]}
    if change != "unchanged":
        work.unit.announce(
            FreezeApplied(
                project=command.project,
                application=None,
                freeze=command.freeze,
                by=caller.actor.subject,
                at=work.unit.now,
                **state,
            )
        )
    return Applied(kind="Freeze", name=command.freeze, change=change, **state)


@HANDLERS.query(ListFreezes)
async def list_freezes(query: ListFreezes, work: PromotionWork) -> FreezeList:
    """The freezes of a project, and whether they hold now."""
    work.unit.caller.require_entry(query.project)
    return FreezeList(freezes=await work.freezes.views(query.project, work.unit.now))
