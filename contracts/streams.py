"""The JetStream streams: data only. `deploy/provision.py` is the one that declares them.

- EVT keeps facts by limits; anyone may subscribe. TELL and IN are work queues: a message is gone when it is handled,
  so tokens do not linger. DEAD keeps what nobody could handle.
- `discard: new` everywhere a publisher must know that there is no room: losing the oldest fact silently is worse.
- The duplicate window serves the relay only; correctness rests on the inbox.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Stream(NamedTuple):
    """One stream as it must be on the server."""

    name: str
    subjects: tuple[str, ...]
    retention: Literal["limits", "workqueue"]
    max_age_days: int
    max_bytes: int
    duplicate_window_seconds: int = 120
    allow_atomic: bool = True
    """Batches published by the relay are stored all or none."""


GIB = 1024**3
EVT = Stream("HALLMARK_EVT", ("hallmark.evt.>",), "limits", max_age_days=365, max_bytes=8 * GIB)
TELL = Stream("HALLMARK_TELL", ("hallmark.tell.>",), "workqueue", max_age_days=365, max_bytes=GIB)
IN = Stream("HALLMARK_IN", ("hallmark.in.>",), "workqueue", max_age_days=7, max_bytes=GIB, allow_atomic=False)
DEAD = Stream("HALLMARK_DEAD", ("hallmark.dead.>",), "limits", max_age_days=3650, max_bytes=GIB)
STREAMS = (EVT, TELL, IN, DEAD)


def stream_of(subject: str) -> Stream:
    """The stream that keeps messages on `subject`. Raises `LookupError` for subjects that no stream keeps."""
    for stream in STREAMS:
        if any(subject.startswith(pattern.removesuffix(">")) for pattern in stream.subjects):
            return stream
    raise LookupError(f"no stream keeps {subject}")
