"""Server-sent events (HTML Living Standard, section 9.2.6), as far as the gateway's live stream uses them: pure.

- A blank line ends an event; one without data is none. Comments are passed over.
- An id counts from its event on, and for all that follow until another one comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class LiveEvent(NamedTuple):
    """One event of a stream."""

    id: str
    """Pass it as `Last-Event-ID` to go on after this event."""
    name: str
    data: str


def read_events(lines: Iterable[str]) -> Iterator[LiveEvent]:
    """The events in the lines of a stream, as they come in. What the stream breaks off in the middle of is no event."""
    last_id, name, data = "", "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield LiveEvent(last_id, name, "\n".join(data))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "id" if "\0" not in value:
                last_id = value
            case "event":
                name = value
            case "data":
                data.append(value)
            case _:  # A comment, or a field that does not concern us.
                continue
