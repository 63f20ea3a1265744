"""What is asked of a Rego policy, and what its answer means.

- The entry point is fixed: `allow` in the module's own package.
- Only the literal `true`, or an object whose `should_allow` is the literal `true`, grants.
- Only the literal `false`, or an object whose `should_allow` is the literal `false`, refuses.
- Everything else, undefined included, is no answer: it is undecided, and what is undecided opens no gate.
- Messages (`deny`, `violation`, `violations`) explain an answer; they never make one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from shared.digests import JsonValue, canonical_json

MAX_SOURCE = 64 * 1024
"""Bytes of a policy."""
MAX_INPUT = 4 * 1024 * 1024
"""Bytes of an input document."""
MAX_EXPLANATION = 1_000
MAX_DETAILS = 4_000


class Undefined(Enum):
    """What a rule has that holds for no value; not the same as null."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED


@dataclass(frozen=True, slots=True)
class Question:
    """One policy and the document it is to judge, as compact JSON text with sorted keys."""

    source: str
    input: str

    @classmethod
    def about(cls, source: str, document: JsonValue) -> Question:
        """The question whether `source` lets `document` pass. Raises `ValueError` for what has no canonical form."""
        return cls(source, canonical_json(document).decode())

    @property
    def key(self) -> str:
        """The digest that names this question: equal questions have equal answers."""
        parts = (self.source.encode("utf-8", "surrogatepass"), self.input.encode("utf-8", "surrogatepass"))
        digest = hashlib.sha256(b"hallmark rego question v1\n")
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return "sha256:" + digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine computed: the value of `allow`, and the messages beside it."""

    value: object
    messages: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Granted:
    """The policy says yes."""

    explanation: str
    details: str
    """The value of `allow` as compact JSON, cut off at `MAX_DETAILS` characters."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The policy says no."""

    explanation: str
    details: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """The policy gave no answer that counts; `code` says why, `detail` in one sentence."""

    code: str
    detail: str


Answer = Granted | Refused | Undecided


def interpret(value: object, messages: Sequence[object] = ()) -> Answer:
    """What `value`, computed for the entry point, means."""
    if value is UNDEFINED:
        return Undecided("rego_undefined", "`allow` has no value for this input; give it a `default`.")
    verdict = value.get("should_allow") if isinstance(value, dict) else value
    if verdict is not True and verdict is not False:
        return Undecided(
            "rego_result_malformed",
            f"`allow` is neither true nor false, nor an object with such a `should_allow`, but {_kind(value)}.",
        )
    said = value.get("explanation", "") if isinstance(value, dict) else ""
    explanation = explain(said) or explain(messages)
    details = bounded(_json(value), MAX_DETAILS)
    return Granted(explanation, details) if verdict else Refused(explanation, details)


def explain(said: object) -> str:
    """What a policy says in words, as one line of at most `MAX_EXPLANATION` characters."""
    many = said if isinstance(said, Sequence) and not isinstance(said, str) else (said,)
    return bounded("; ".join(text for one in many if (text := _words(one))), MAX_EXPLANATION)


def bounded(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, cut off with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _words(one: object) -> str:
    if isinstance(one, dict):
        one = next((one[name] for name in ("msg", "message", "reason") if isinstance(one.get(name), str)), one)
    text = one if isinstance(one, str) else _json(one)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return f"an object with {_kind(value['should_allow'])}" if "should_allow" in value else "an object without it"
    names = {type(None): "null", str: "a string", int: "a number", float: "a number", list: "a list or a set"}
    return names.get(type(value), "no JSON value")
