"""The headers of every message: CloudEvents 1.0 in binary mode, deduplication, causality, tracing, identity.

CloudEvents attributes go to `ce-<name>` (NATS binding 1.0.3-wip); values are percent-encoded there. NATS keeps the
case of header names, so all of ours are lower case but the one the server itself reads.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote

from contracts.vocabulary import Frozen, Utc

NATS_MESSAGE_ID = "Nats-Msg-Id"
CE_PREFIX = "ce-"
CE_SPECVERSION = "ce-specversion"
CE_ID = "ce-id"
CE_SOURCE = "ce-source"
CE_TYPE = "ce-type"
CE_TIME = "ce-time"
CE_SUBJECT = "ce-subject"
CE_CONTENT_TYPE = "ce-datacontenttype"
CORRELATION_ID = "hallmark-correlation-id"
CAUSATION_ID = "hallmark-causation-id"
TRACEPARENT = "traceparent"
AUTHORIZATION = "authorization"
"""`Bearer <token>`: who asks, proven. On asks and on everything under `hallmark.in`."""
DEADLINE_MS = "hallmark-deadline-ms"
"""On asks: how many milliseconds the caller waits; work that cannot be answered in time need not be begun."""


class Meta(Frozen):
    """What is known about one message beside its body."""

    message_id: str
    correlation_id: str
    """The same for everything that one outside request set in motion."""
    causation_id: str | None = None
    """The message that led to this one."""
    source: str
    """`/hallmark/<service>`, or whatever an outside publisher calls itself."""
    time: Utc
    traceparent: str | None = None


@lru_cache(maxsize=4096)
def encode(value: str) -> str:
    """A CloudEvents attribute as a header value: everything outside U+0021..U+007E, and `"` and `%`, escaped."""
    return quote(value, safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~")


def decode(value: str) -> str:
    """The attribute behind a header value. Raises `UnicodeDecodeError` for bytes that are not UTF-8."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    return unquote(value, errors="strict")
