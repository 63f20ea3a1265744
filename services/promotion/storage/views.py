"""The read side: promotions as people ask for them."""

from __future__ import annotations

from collections.abc import Collection

from contracts.promotion.v1.queries import ListApprovals, ListPromotions
from contracts.promotion.v1.trains import TrainView
from contracts.promotion.v1.views import ApprovalPage, PromotionPage, PromotionView
from contracts.vocabulary import PromotionState
from services.promotion.domain.promotion import Promotion
from services.promotion.storage.ignored import Ignored
from services.promotion.storage.promotions import Promotions, from_document
from services.promotion.wire import promotion_view
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document


class Views:
    """Answers about promotions."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._promotions = unit.collection("promotions")
        self._repository = Promotions(unit)
        self._ignored = Ignored(unit)

    async def promotion(self, project: str, promotion_id: str) -> PromotionView:
        """One promotion with everything about it. Raises `NotFound`."""
        return await self.shown(from_document(await self._get(project, promotion_id)))

    async def shown(self, promotion: Promotion) -> PromotionView:
        """A promotion with what is kept beside it."""
        more = {
            "ignored": await self._ignored.of(promotion.promotion_id),
            "queue_position": await self.place(promotion),
        }
        return promotion_view(promotion).model_copy(update=more)

    async def place(self, promotion: Promotion) -> int | None:
        """Where it stands in the queue for its stage: 1 is next; None when it does not wait there."""
        if promotion.state is not PromotionState.REQUESTED:
            return None
        ids = [one.promotion_id for one in await self._repository.waiting_for(promotion)]
        return ids.index(promotion.promotion_id) + 1 if promotion.promotion_id in ids else None

    async def train(self, project: str, train_id: str) -> TrainView:
        """One train with its members, by application. Raises `NotFound`."""
        members = [one for one in await self._repository.train(train_id) if one.project == project]
        if not members:
            raise NotFound("train_unknown", f"There is no train {train_id} in {project}.", remedy="List promotions.")
        views = [promotion_view(one) for one in sorted(members, key=lambda one: one.application)]
        return TrainView(train_id=train_id, project=project, promotions=tuple(views))

    async def page(self, query: ListPromotions) -> PromotionPage:
        """Promotions of a project, newest first. Raises `NotFound` for an unknown `after`."""
        named = {"application": query.application, "version": query.version, "route.to_stage": query.stage}
        where: Document = {"project": query.project} | {name: value for name, value in named.items() if value}
        if query.state:
            where["state"] = query.state.value
        if query.kind:
            where["kind"] = query.kind.value
        if query.since:
            where["requested_at"] = {"$gte": query.since}
        if query.after:
            last = await self._get(query.project, query.after)
            where["$or"] = [
                {"requested_at": {"$lt": last["requested_at"]}},
                {"requested_at": last["requested_at"], "_id": {"$gt": query.after}},
            ]
        found = await self._promotions.find(where, sort=(("requested_at", -1), ("_id", 1)), limit=query.limit + 1)
        views = tuple(promotion_view(from_document(document)) for document in found[: query.limit])
        return PromotionPage(promotions=views, next=views[-1].promotion_id if len(found) > query.limit else None)

    async def awaiting(self, projects: Collection[str] | None, subject: str, query: ListApprovals) -> ApprovalPage:
        """Those that wait for answers in these projects (None: all), but for those that `subject` asked for itself.

        Those that a freeze holds back wait for no answer. Raises `NotFound` for an unknown `after`.
        """
        where: Document = {"open": True, "state": PromotionState.AWAITING_APPROVAL.value}
        where |= {"hold": None, "requested_by": {"$ne": subject}}
        if projects is not None:
            where["project"] = {"$in": sorted(projects)}
        if query.after:
            last = await self._promotions.get(query.after)
            if last is None:
                raise NotFound("promotion_unknown", f"There is no promotion {query.after}.", remedy="List them.")
            where["$or"] = [
                {"deadline": {"$gt": last["deadline"]}},
                {"deadline": last["deadline"], "_id": {"$gt": query.after}},
            ]
        found = await self._promotions.find(where, sort=(("deadline", 1), ("_id", 1)), limit=query.limit + 1)
        views = tuple(promotion_view(from_document(document)) for document in found[: query.limit])
        return ApprovalPage(promotions=views, next=views[-1].promotion_id if len(found) > query.limit else None)

    async def _get(self, project: str, promotion_id: str) -> Document:
        found = await self._promotions.get(promotion_id)
        if found is None or found["project"] != project:
            raise NotFound(
                "promotion_unknown", f"There is no promotion {promotion_id} in {project}.", remedy="List them."
            )
        return found
