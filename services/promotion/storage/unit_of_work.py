"""What one message may change in the promotion service."""

from __future__ import annotations

from services.promotion.storage.promotions import INDEXES, Promotions
from services.promotion.storage.views import Views
from shared.messaging.unit_of_work import UnitOfWork

__all__ = ["INDEXES", "PromotionWork"]


class PromotionWork:
    """The promotion service's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.promotions = Promotions(unit)
        self.views = Views(unit)
