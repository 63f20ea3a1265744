"""Rego modules for tests, and what they answer, computed here: the engine itself needs a process.

`test_rego_stand_in.py` holds the two to each other.

- The monotone ones look for what is wrong in all evidence, distrusted and superseded pieces included, and read no time:
  a piece that is not wrong opens nothing by its absence.
- The wilful ones do as their authors like: they deny because a piece is there, or by the clock. No promise about
  evidence or time can hold for them; those about order, form, waivers and what is unverified do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shared.rego.question import UNDEFINED, Answer, Question, interpret

_FAILED = """
failed contains piece.id if {
    some piece in input.evidence
    piece.kind == "tests"
    piece.facts.failed > input.parameters.tolerated
}
"""


def _failed(document: Any) -> bool:
    tolerated = document["parameters"]["tolerated"]
    return any(one["kind"] == "tests" and one["facts"]["failed"] > tolerated for one in document["evidence"])


def _explained(document: Any) -> object:
    return {"should_allow": not _failed(document), "explanation": "no failed tests"}


_Module = Callable[[Any], object]
MONOTONE: Mapping[str, _Module] = {
    f"package plain\n{_FAILED}\ndefault allow := false\nallow if count(failed) == 0\n": lambda one: not _failed(one),
    f"package undefined\n{_FAILED}\nallow if count(failed) == 0\n": lambda one: UNDEFINED if _failed(one) else True,
    f"""package explained
{_FAILED}
allow := {{"should_allow": count(failed) == 0, "explanation": "no failed tests"}}
""": _explained,
    f'package malformed\n{_FAILED}\nallow := true if count(failed) == 0\nelse := "no"\n': (
        lambda one: "no" if _failed(one) else True
    ),
}
WILFUL: Mapping[str, _Module] = {
    "package few\ndefault allow := false\nallow if count(input.evidence) < 3\n": lambda one: len(one["evidence"]) < 3,
    "package hourly\ndefault allow := false\nallow if input.time.epoch % 2 == 0\n": (
        lambda one: one["time"]["epoch"] % 2 == 0
    ),
}
UNJUDGED = 'package odd\nallow := "true"\n'
"""Its answer is no truth value: nobody can say what it means."""
_MODULES: Mapping[str, _Module] = {**MONOTONE, **WILFUL, UNJUDGED: lambda _: "true"}


def stand_in(questions: Iterable[Question]) -> dict[str, Answer]:
    """What the engine answers to these questions, by their keys."""
    return {one.key: interpret(_MODULES[one.source](json.loads(one.input))) for one in questions}
