"""The table that the handler modules enter themselves in."""

from __future__ import annotations

from services.gate.storage.unit_of_work import GateWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[GateWork] = Handlers(GateWork)
