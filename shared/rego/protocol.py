"""What travels between a pool and its workers: JSON in UTF-8, each message after its length in four bytes.

    {"check": source}                        {"checked": {"package", "messages"}} or {"invalid": {"code", …}}
    {"evaluate": source, "input": text}      {"value", "messages"} or {"failed": {"code", "detail"}}

A reply without `value` and without `failed` says that `allow` is undefined.
"""

from __future__ import annotations

import json
from typing import Any

from shared.errors import HallmarkError, Invalid
from shared.rego.module import Checked
from shared.rego.question import MAX_INPUT, MAX_SOURCE, UNDEFINED, Answer, Question, Result, Undecided, interpret

LENGTH_BYTES = 4
MAX_REQUEST = 64 * 1024 * 1024
"""Bytes of a request: input and source within their limits, escaped."""
MAX_REPLY = 1024 * 1024
"""Bytes of a reply; what is longer was not written by a worker that is whole."""
READY = {"ready": True}
Message = dict[str, Any]


def framed(message: Message) -> bytes:
    """`message` as it travels."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def parsed(body: bytes) -> Message:
    """The message in `body`. Raises `ValueError` for anything else."""
    message = json.loads(body.decode("utf-8", "surrogatepass"))
    if not isinstance(message, dict):
        raise ValueError("a message is an object")  # noqa: TRY004 - one error for all
    return message


def evaluation(question: Question) -> Message:
    """The request to answer `question`."""
    return {"evaluate": question.source, "input": question.input}


def too_large(question: Question) -> Undecided | None:
    """Why `question` is not even asked."""
    if len(question.source.encode("utf-8", "surrogatepass")) > MAX_SOURCE:
        return Undecided("rego_too_large", f"The policy has more than {MAX_SOURCE} bytes.")
    if len(question.input.encode("utf-8", "surrogatepass")) > MAX_INPUT:
        return Undecided("rego_input_too_large", f"The input has more than {MAX_INPUT} bytes.")
    return None


def result_reply(result: Result) -> Message:
    """The reply to an evaluation that came to its end."""
    reply: Message = {"messages": list(result.messages)}
    return reply if result.value is UNDEFINED else {**reply, "value": result.value}


def failed_reply(code: str, detail: str) -> Message:
    """The reply to an evaluation that did not."""
    return {"failed": {"code": code, "detail": detail}}


def answer_of(reply: Message) -> Answer:
    """What the reply to an evaluation means."""
    if "failed" in reply:
        return Undecided(str(reply["failed"]["code"]), str(reply["failed"]["detail"]))
    return interpret(reply.get("value", UNDEFINED), reply.get("messages", ()))


def checked_reply(checked: Checked) -> Message:
    """The reply to a check that the module passed."""
    return {"checked": {"package": checked.package, "messages": list(checked.messages)}}


def invalid_reply(error: HallmarkError) -> Message:
    """The reply to a check that the module did not pass."""
    return {"invalid": {"code": error.code, "message": error.message, "remedy": error.remedy}}


def checked_of(reply: Message) -> Checked:
    """What is known of the module. Raises `Invalid` when it may not be published."""
    if "checked" in reply:
        return Checked(str(reply["checked"]["package"]), tuple(reply["checked"]["messages"]))
    if "invalid" in reply:
        raise Invalid(reply["invalid"]["code"], reply["invalid"]["message"], remedy=reply["invalid"]["remedy"])
    raise Invalid(
        "rego_too_costly",
        f"The module could not be read: {reply['failed']['detail']}",
        remedy="Nest less and write shorter rules.",
    )
