"""What the promotion service does on each message. Importing the rooms below fills the table."""

from services.promotion.storage.unit_of_work import PromotionWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[PromotionWork] = Handlers(PromotionWork)
