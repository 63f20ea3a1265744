"""What one message may change in the promotion service."""

from __future__ import annotations

from services.promotion.storage import freezes, ignored, promotions
from services.promotion.storage.freezes import Freezes
from services.promotion.storage.ignored import Ignored
from services.promotion.storage.promotions import Promotions
from services.promotion.storage.views import Views
from shared.messaging.unit_of_work import UnitOfWork

INDEXES = {**promotions.INDEXES, **ignored.INDEXES, **freezes.INDEXES}


class PromotionWork:
    """The promotion service's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.promotions = Promotions(unit)
        self.freezes = Freezes(unit)
        self.ignored = Ignored(unit)
        self.views = Views(unit)
