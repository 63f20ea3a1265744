"""What monitoring does on each message. Importing the rooms below fills the table."""

from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[MonitoringWork] = Handlers(MonitoringWork)
FLOW = "flow"
"""The group of facts about promotions on their way (`services/monitoring/flowing.py`)."""
