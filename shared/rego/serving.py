"""Answers requests on the standard input until that ends.

It trusts nothing that it reads and is trusted with nothing: whoever started it limits its time and replaces it.
"""

from __future__ import annotations

import os

from shared.errors import Invalid
from shared.rego import engine
from shared.rego.protocol import (
    LENGTH_BYTES,
    MAX_REPLY,
    MAX_REQUEST,
    READY,
    Message,
    checked_reply,
    failed_reply,
    framed,
    invalid_reply,
    parsed,
    result_reply,
)


def serve() -> None:
    """Say that requests may come, and answer them."""
    _send(framed(READY))
    while header := _receive(LENGTH_BYTES):
        length = int.from_bytes(header, "big")
        if length > MAX_REQUEST:
            raise SystemExit("the request is too long")
        reply = framed(_reply_to(parsed(_receive(length))))
        _send(
            reply
            if len(reply) <= MAX_REPLY
            else framed(failed_reply("rego_output_too_large", "The answer is too long."))
        )


def _reply_to(request: Message) -> Message:
    try:
        if "check" in request:
            return checked_reply(engine.check(request["check"]))
        return result_reply(engine.evaluate(request["evaluate"], request["input"]))
    except Invalid as error:
        return invalid_reply(error) if "check" in request else failed_reply(error.code, error.message)
    except engine.EvaluationFailed as error:
        return failed_reply(error.code, error.detail)
    except MemoryError:
        return failed_reply("rego_memory", "The policy needs too much memory.")
    except BaseException as error:  # noqa: BLE001 - the engine's panics are no `Exception`
        return failed_reply("rego_failed", f"The engine failed: {type(error).__name__}.")


def _receive(length: int) -> bytes:
    """The next `length` bytes; fewer, or none, when the input ended."""
    received = bytearray()
    while len(received) < length and (part := os.read(0, min(length - len(received), 1 << 20))):
        received += part
    return bytes(received)


def _send(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]
