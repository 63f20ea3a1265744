"""`Meta` and headers, one into the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from contracts import headers as names
from contracts.headers import Meta, decode, encode
from contracts.vocabulary import utc
from shared.digests import sha256_digest
from shared.errors import Invalid

_TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$")


def write_headers(meta: Meta, *, subject: str, about: str = "") -> dict[str, str]:
    """The headers of a message that says `subject`; `about` becomes the CloudEvents subject."""
    written = {
        names.NATS_MESSAGE_ID: meta.message_id,
        names.CE_SPECVERSION: "1.0",
        names.CE_ID: encode(meta.message_id),
        names.CE_SOURCE: encode(meta.source),
        names.CE_TYPE: encode(subject),
        names.CE_TIME: utc(meta.time),
        names.CE_CONTENT_TYPE: "application/json",
        names.CORRELATION_ID: meta.correlation_id,
    }
    if about:
        written[names.CE_SUBJECT] = encode(about)
    if meta.causation_id:
        written[names.CAUSATION_ID] = meta.causation_id
    if meta.traceparent:
        written[names.TRACEPARENT] = meta.traceparent
    return written


def bound(attributes: Mapping[str, str]) -> dict[str, str]:
    """CloudEvents attributes as headers."""
    return {f"{names.CE_PREFIX}{name}": encode(value) for name, value in attributes.items()}


def read_meta(headers: Mapping[str, str], *, fallback_id: str, now: datetime) -> Meta:
    """What the headers say, tolerant of publishers that leave out all but the id.

    `fallback_id` identifies a message without one: its place in the stream. Raises `Invalid` for ids that could not
    be stored or logged safely.
    """
    message_id = headers.get(names.NATS_MESSAGE_ID) or _decoded(headers.get(names.CE_ID, "")) or fallback_id
    correlation_id = headers.get(names.CORRELATION_ID) or message_id
    for value in (message_id, correlation_id):
        if not _ID.match(value):
            raise Invalid(
                "message_id_malformed",
                f"The message id {value[:80]!r} has characters that ids may not have.",
                remedy="Use letters, digits and . _ : / - for ids, at most 200 of them.",
            )
    trace = headers.get(names.TRACEPARENT)
    return Meta(
        message_id=message_id,
        correlation_id=correlation_id,
        causation_id=headers.get(names.CAUSATION_ID),
        source=_decoded(headers.get(names.CE_SOURCE, "")) or "unknown",
        time=now,
        traceparent=trace if trace and _TRACEPARENT.match(trace) else None,
    )


def own_cause(service: str, key: str, at: datetime) -> Meta:
    """What a service does unasked, as the cause of what it then says; `key` names it, in any characters.

    The same key gives the same ids. Where ids may not be like it, its digest stands for it: whoever hears of an id that
    breaks the rules buries the message.
    """
    name = key if _ID.match(key) else f"{service}:{sha256_digest(key.encode())}"
    return Meta(message_id=name, correlation_id=name, source=f"/hallmark/{service}", time=at)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The token that proves who asks, when there is one."""
    value = headers.get(names.AUTHORIZATION, "")
    scheme, _, token = value.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _decoded(value: str) -> str:
    try:
        return decode(value)
    except UnicodeDecodeError as error:
        raise Invalid(
            "header_malformed",
            "A CloudEvents header is not percent-encoded UTF-8.",
            remedy="Encode attribute values as the CloudEvents NATS binding says.",
        ) from error
