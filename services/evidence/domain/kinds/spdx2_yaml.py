"""SPDX 2 in YAML: one document of plain maps, lists and texts, as strict as JSON.

- No anchors and aliases, with which a short text spells a huge document, and no tags of YAML's own.
- Each key of a map once; nesting and the number of values are limited while they are read, without recursion.
- Every scalar is a text, so that no version becomes a number and no time something else; only `null` is none.

Source: SPDX specification 2.3, annex on serialisation formats; YAML 1.2, chapter 7.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml import events

from services.evidence.domain.kinds.reading import UnreadableError
from shared.crypto.strict_json import MAX_DEPTH, MAX_VALUES

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""The parser in C where the library was built with it."""


def parsed(text: str) -> dict[str, Any]:
    """The object that `text` spells in YAML. Raises `UnreadableError`."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark is not None else ""
        raise UnreadableError(
            where, f"is not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}"
        ) from error
    if not isinstance(builder.root, dict):
        raise UnreadableError("line 1", "is no map")
    return builder.root


class _Builder:
    """Builds one value out of the parser's events. `take` raises `UnreadableError` at a limit."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[tuple[dict[str, Any] | list[Any], str | None]] = []
        """The maps and lists that are not finished, each with the key in its parent."""
        self._key: str | None = None
        self._values = 0
        self._documents = 0

    def take(self, event: events.Event) -> None:
        where = f"line {event.start_mark.line + 1}" if event.start_mark else ""
        match event:
            case events.AliasEvent():
                raise UnreadableError(where, "is an alias; write the value out")
            case events.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise UnreadableError(where, "begins a second document")
            case events.ScalarEvent():
                self._scalar(event, where)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._begin({} if isinstance(event, events.MappingStartEvent) else [], where)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                value, self._key = self._open.pop()
                self._put(value, where)

    def _begin(self, value: dict[str, Any] | list[Any], where: str) -> None:
        if self._open and isinstance(self._open[-1][0], dict) and self._key is None:
            raise UnreadableError(where, "has a key that is no text")
        if len(self._open) >= MAX_DEPTH:
            raise UnreadableError(where, f"nests deeper than {MAX_DEPTH} levels")
        self._open.append((value, self._key))
        self._key = None

    def _scalar(self, event: events.ScalarEvent, where: str) -> None:
        if self._open and isinstance(self._open[-1][0], dict) and self._key is None:
            self._key = event.value
            return
        self._put(None if event.style is None and event.value in _NULLS else event.value, where)

    def _put(self, value: Any, where: str) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise UnreadableError(where, f"is beyond {MAX_VALUES} values")
        if not self._open:
            self.root = value
            return
        parent = self._open[-1][0]
        if isinstance(parent, list):
            parent.append(value)
        elif self._key is not None:
            if self._key in parent:
                raise UnreadableError(where, f"names the key {self._key[:80]!r} twice")
            parent[self._key] = value
            self._key = None
