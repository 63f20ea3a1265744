"""What the evidence service does on each message. Importing the rooms below fills the table."""

from typing import Any, Final

from services.evidence.storage.unit_of_work import EvidenceWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[EvidenceWork] = Handlers(EvidenceWork)
FACTS = "facts"
"""The group of facts that the log keeps: their entries get their places in the transaction of the facts."""
LOGGED: Final[dict[str, Any]] = {"group": FACTS, "workers": 16}
"""How such facts are registered. More at a time than others: they wait for one transaction together."""
