"""What is wrong with a policy document: the place, the nearest good word and the next step.

- One problem is told at a time, unknown fields first: a misspelt field is why another one is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError

from contracts.vocabulary import Document
from shared.errors import Invalid
from shared.policy.rules import RULE_KINDS

Location = tuple[int | str, ...]


def refusal(error: ValidationError, model: type[Document]) -> Invalid:
    """The refusal that tells the most helpful of the problems of a document that was read into `model`."""
    problems = error.errors(include_url=False, include_input=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    location = problem["loc"]
    if problem["type"] == "extra_forbidden":
        return _unknown_field(location, _model_at(location[:-1], model))
    if problem["type"].startswith("union_tag"):
        return _unknown_kind(location, problem.get("ctx", {}))
    return Invalid(
        "policy_malformed",
        f"The policy is wrong at {_path(location)}: {problem['msg'].removeprefix('Value error, ')}.",
        remedy="Correct the value at this path and apply the policy again.",
    )


def first_empty(value: object, location: Location = ()) -> Invalid | None:
    """The refusal of the first field that is written without a value; None when there is none."""
    if value is None:
        return Invalid(
            "policy_field_empty",
            f"The policy has no value at {_path(location)}.",
            remedy="Give the field a value, or remove its line if it is not meant.",
        )
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list | tuple):
        entries = enumerate(value)
    problems = (first_empty(item, (*location, key)) for key, item in entries)
    return next((problem for problem in problems if problem is not None), None)


def _unknown_field(location: Location, model: type[Document]) -> Invalid:
    fields = sorted(field.alias or name for name, field in model.model_fields.items())
    return Invalid(
        "policy_field_unknown",
        f"The policy has an unknown field at {_path(location)}.",
        remedy=_advice(str(location[-1]), fields),
    )


def _unknown_kind(location: Location, context: Mapping[str, Any]) -> Invalid:
    return Invalid(
        "policy_rule_kind_unknown",
        f"The policy names no known kind of rule at {_path((*location, 'kind'))}.",
        remedy=_advice(str(context.get("tag", "")), sorted(RULE_KINDS)),
    )


def _advice(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    if near:
        return f"Write `{near[0]}` instead of `{word}`."
    return f"Known here: {', '.join(known)}."


def _model_at(location: Location, model: type[Document]) -> type[Document]:
    """The model that the value at `location` is read into, beginning from `model`."""
    for part in location:
        if isinstance(part, int):
            continue
        named = {info.alias or name: info for name, info in model.model_fields.items()}
        if part in named:
            model = next(_models_in(named[part].annotation), model)
        elif part in RULE_KINDS:
            model = RULE_KINDS[part]
    return model


def _models_in(annotation: Any) -> Iterator[type[Document]]:
    if isinstance(annotation, type) and issubclass(annotation, Document):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _path(location: Location) -> str:
    # pydantic puts a rule's kind behind its place in the list; people do not see it there in their document.
    parts = [
        part
        for before, part in zip((None, *location), location, strict=False)
        if not (isinstance(before, int) and part in RULE_KINDS)
    ]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "its top level"
