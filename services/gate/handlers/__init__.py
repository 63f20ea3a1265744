"""What the gate does on each message. Importing the rooms below fills the table."""

from services.gate.storage.unit_of_work import GateWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[GateWork] = Handlers(GateWork)
