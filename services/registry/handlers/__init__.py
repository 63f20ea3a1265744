"""What the registry does on each message. Importing the rooms below fills the table."""

from services.registry.storage.unit_of_work import RegistryWork
from shared.messaging.handlers import Handlers

HANDLERS: Handlers[RegistryWork] = Handlers(RegistryWork)
