"""Freezes, as people applied them."""

from __future__ import annotations

from datetime import datetime

from contracts.promotion.v1.freezes import ApplyFreeze, FreezeView
from contracts.vocabulary import PromotionKind
from services.promotion.domain.facts import Hold
from services.promotion.domain.freezing import Freeze, Recurring, Window, hold_of
from services.promotion.domain.promotion import Promotion
from shared.digests import canonical_digest
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {"freezes": (Index((("project", 1),)),)}


class Freezes:
    """The freezes of all projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._freezes = unit.collection("freezes")

    async def apply(self, command: ApplyFreeze) -> tuple[str, Document]:
        """Take a freeze over: what became of it (`created`, `updated`, `unchanged`), and how it is kept now."""
        content = command.model_dump(mode="json", exclude={"command_id"})
        digest = canonical_digest(content)
        key = f"{command.project}/{command.freeze}"
        before = await self._freezes.get(key)
        if before and before["digest"] == digest:
            return "unchanged", before
        revision = before["revision"] if before else 0
        document = {**content, "_id": key, "digest": digest}
        await self._freezes.replace(document, revision=revision)
        return "updated" if before else "created", {**document, "revision": revision + 1}

    async def views(self, project: str, at: datetime) -> tuple[FreezeView, ...]:
        """The freezes of a project by name, and whether they hold at a moment."""
        found = await self._freezes.find({"project": project})
        return tuple(
            FreezeView.model_validate(
                {
                    **document,
                    "active_until": (freeze := as_freeze(document)).ends_after(at),
                    "next_from": freeze.next_from(at),
                }
            )
            for document in found
        )

    async def hold(self, promotion: Promotion, at: datetime) -> Hold | None:
        """What freezes a promotion at a moment; nothing while its glass is broken."""
        if promotion.glass and promotion.glass.is_broken(at):
            return None
        found = await self._freezes.find({"project": promotion.project})
        freezes = [as_freeze(document) for document in found]
        return hold_of(freezes, promotion.application, promotion.route.to_stage, promotion.kind, at)


def as_freeze(document: Document) -> Freeze:
    """A kept freeze as the domain sees it."""
    command = ApplyFreeze.model_validate({**document, "command_id": "kept"})
    return Freeze(
        name=command.freeze,
        applications=frozenset(command.applications),
        stages=frozenset(command.stages),
        kinds=frozenset(PromotionKind(kind) for kind in command.kinds),
        windows=tuple(Window(one.starts_at, one.ends_at) for one in command.windows),
        recurring=tuple(Recurring(one.rule, one.lasts, one.time_zone) for one in command.recurring),
    )
