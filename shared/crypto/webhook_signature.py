"""Signatures of webhooks, by Standard Webhooks 1.0.0 (symmetric): pure.

- Signed is `<webhook-id>.<webhook-timestamp>.<body>`, byte for byte, with HMAC-SHA-256.
- `webhook-signature` is a list separated by spaces; during a rotation it holds one signature per secret. One that fits
  is enough. Versions other than `v1` are passed over.
- A timestamp that is more than five minutes off in either direction is refused: what was recorded cannot be sent again.
Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.errors import Invalid, Unauthenticated

PREFIX = "whsec_"
MIN_SECRET, MAX_SECRET = 24, 64
"""Bytes that a secret may have."""
TOLERANCE = timedelta(minutes=5)
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_VERSION = "v1"
_MOST_SIGNATURES = 16


def secret_text(randomness: bytes) -> str:
    """The form in which a secret is handed over. Raises `Invalid` for fewer than 24 or more than 64 bytes."""
    return PREFIX + base64.b64encode(_of_good_length(randomness)).decode()


def secret_bytes(text: str) -> bytes:
    """The secret behind `whsec_<base64>`. Raises `Invalid`, which never repeats it."""
    try:
        if not text.startswith(PREFIX):
            raise ValueError
        return _of_good_length(base64.b64decode(text.removeprefix(PREFIX), validate=True))
    except (ValueError, binascii.Error) as error:
        raise _malformed() from error


def sign(secrets: Sequence[bytes], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers, with a signature for each secret."""
    seconds = int(at.timestamp())
    return {
        ID: message_id,
        TIMESTAMP: str(seconds),
        SIGNATURE: " ".join(f"{_VERSION},{_signature(secret, message_id, seconds, body)}" for secret in secrets),
    }


def verify(secret: bytes, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Pass when whoever holds the secret sent exactly this body just now. Raises `Unauthenticated`.

    `headers` has names in lower case. Not done here: remembering ids, which is how a receiver tells repeats.
    """
    message_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "")
    if not (message_id and timestamp and given):
        raise _refused("webhook_signature_missing", f"One of {ID}, {TIMESTAMP} and {SIGNATURE} is missing.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - year 33,658
        raise _refused("webhook_timestamp_malformed", f"{TIMESTAMP} is no number of seconds.")
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise _refused("webhook_timestamp_off", f"{TIMESTAMP} is more than five minutes from now.")
    expected = _signature(secret, message_id, int(timestamp), body)
    candidates = [one.split(",", 1) for one in given.split(" ")[:_MOST_SIGNATURES]]
    good = [
        one for one in candidates if one[0] == _VERSION and hmac.compare_digest(one[-1].encode(), expected.encode())
    ]
    if not good:
        raise _refused("webhook_signature_invalid", "No signature is by this secret over this id, time and body.")


def _signature(secret: bytes, message_id: str, seconds: int, body: bytes) -> str:
    signed = f"{message_id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _of_good_length(secret: bytes) -> bytes:
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise _malformed()
    return secret


def _malformed() -> Invalid:
    return Invalid(
        "webhook_secret_malformed",
        f"The secret is not {PREFIX} and the base64 of {MIN_SECRET} to {MAX_SECRET} bytes.",
        remedy="Leave it out to get a new one, or write it as Standard Webhooks does.",
    )


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(code, message, remedy="Answer 401 and do nothing with the body.")
