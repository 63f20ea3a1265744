"""Where collections come from, whatever it is: the code that reads one does not care."""

from __future__ import annotations

from typing import Protocol

from shared.mongo import Collection


class Scope(Protocol):
    """Where collections come from: a transaction, or the database itself for reads."""

    def collection(self, name: str) -> Collection:
        """The collection of that name."""
        ...
