"""What the evidence service does on each message. Importing the rooms below fills the table."""

from services.evidence.storage.unit_of_work import EvidenceWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[EvidenceWork] = Handlers(EvidenceWork)
