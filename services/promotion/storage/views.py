"""The read side: promotions as people ask for them."""

from __future__ import annotations

from contracts.promotion.v1.views import PromotionPage, PromotionView
from services.promotion.storage.promotions import from_document
from services.promotion.wire import promotion_view
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document


class Views:
    """Answers about promotions."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._promotions = unit.collection("promotions")

    async def promotion(self, project: str, promotion_id: str) -> PromotionView:
        """Raises `NotFound`."""
        return promotion_view(from_document(await self._get(project, promotion_id)))

    async def page(
        self, project: str, application: str | None, version: str | None, *, after: str | None, limit: int
    ) -> PromotionPage:
        """Promotions of a project, newest first. Raises `NotFound` for an unknown `after`."""
        where: Document = {"project": project}
        if application:
            where["application"] = application
        if version:
            where["version"] = version
        if after:
            last = await self._get(project, after)
            where["$or"] = [
                {"requested_at": {"$lt": last["requested_at"]}},
                {"requested_at": last["requested_at"], "_id": {"$gt": after}},
            ]
        found = await self._promotions.find(where, sort=(("requested_at", -1), ("_id", 1)), limit=limit + 1)
        views = tuple(promotion_view(from_document(document)) for document in found[:limit])
        return PromotionPage(promotions=views, next=views[-1].promotion_id if len(found) > limit else None)

    async def _get(self, project: str, promotion_id: str) -> Document:
        found = await self._promotions.get(promotion_id)
        if found is None or found["project"] != project:
            raise NotFound(
                "promotion_unknown", f"There is no promotion {promotion_id} in {project}.", remedy="List them."
            )
        return found
