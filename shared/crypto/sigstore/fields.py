"""The JSON form of protocol buffers, read field by field with the path of whatever is wrong.

- Bytes are canonical base64, 64-bit integers are texts or numbers in decimal, unset is absent or null.
- Unknown fields are ignored.

Source: protobuf.dev, ProtoJSON format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.crypto import base64_text
from shared.errors import Invalid, TooLarge

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Fields:
    """One object of a document. `noun` names the document in errors, `path` the object in the document."""

    noun: str
    path: str
    value: dict[str, Any]

    def has(self, name: str) -> bool:
        """Whether the field is set."""
        return self.value.get(name) is not None

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.value.get(name)
        if not isinstance(value, str) or not value:
            raise self.malformed(name, "is missing or not a text")
        return value

    def data(self, name: str) -> bytes:
        """Bytes that must be there, at least one."""
        value = base64_text.decode(self.text(name))
        if not value:
            raise self.malformed(name, "is not base64 in its canonical spelling")
        return value

    def integer(self, name: str) -> int:
        """A whole number of at most 63 bits; unset is 0."""
        value = self.value.get(name)
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise self.malformed(name, "is not a whole number")
        return value

    def moment(self, name: str) -> datetime | None:
        """A time with its offset; None when unset."""
        if not self.has(name):
            return None
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise self.malformed(name, "is not a time") from error
        if value.tzinfo is None:
            raise self.malformed(name, "does not name its offset from UTC")
        return value

    def child(self, name: str) -> Fields:
        """An object; an empty one when unset, whose fields are missing in turn."""
        value = self.value.get(name)
        return self._object({} if value is None else value, name)

    def children(self, name: str, limit: int) -> tuple[Fields, ...]:
        """A list of objects, none when unset. Raises `TooLarge` above `limit`."""
        value = self.value.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.malformed(name, "is not a list")
        if len(value) > limit:
            raise TooLarge(
                f"{self.noun}_fields_many",
                f"The {self.noun}'s {self._at(name)} has {len(value)} items; at most {limit} are read.",
                remedy="Leave out what is not needed.",
            )
        return tuple(self._object(one, f"{name}[{place}]") for place, one in enumerate(value))

    def blobs(self, name: str, limit: int) -> tuple[bytes, ...]:
        """A list of bytes, none when unset. Raises `TooLarge` above `limit`."""
        value = self.value.get(name)
        items = [{"": one} for one in value] if isinstance(value, list) else value
        listed = Fields(self.noun, self.path, {name: items}).children(name, limit)
        return tuple(one.data("") for one in listed)

    def malformed(self, name: str, problem: str) -> Invalid:
        """The error that `name` is wrong."""
        return Invalid(
            f"{self.noun}_malformed",
            f"The {self.noun}'s {self._at(name)} {problem}.",
            remedy=f"Give the {self.noun} as the signing tool or its operator published it.",
        )

    def _object(self, value: Any, name: str) -> Fields:
        if not isinstance(value, dict):
            raise self.malformed(name, "is not an object")
        return Fields(self.noun, self._at(name), value)

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)
