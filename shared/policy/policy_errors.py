"""What is wrong with a policy document: the place, the nearest good word and the next step.

- One problem is told at a time, unknown fields first: a misspelt field is why another one is missing.
- Documents about policies, such as their tests, are refused in the same words; `what` names the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from contracts.vocabulary import Document
from shared.errors import Invalid
from shared.policy.rules import RULE_KINDS

Location = tuple[int | str, ...]


def refusal(error: ValidationError, model: type[Document], *, what: str = "policy") -> Invalid:
    """The refusal that tells the most helpful of the problems of a document that was read into `model`."""
    problems = error.errors(include_url=False, include_input=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    location = problem["loc"]
    if problem["type"] == "extra_forbidden":
        return unknown_field(location, fields_of(_model_at(location[:-1], model)), what=what)
    if problem["type"].startswith("union_tag"):
        return _unknown_kind(location, problem.get("ctx", {}))
    return wrong_value(location, problem["msg"], what=what)


def wrong_value(location: Location, why: str, *, what: str = "policy") -> Invalid:
    """The refusal of what stands at `location`."""
    again = "apply the policy again" if what == "policy" else "try again"
    return Invalid(
        f"{_code(what)}_malformed",
        f"The {what} is wrong at {_path(location)}: {why.removeprefix('Value error, ')}.",
        remedy=f"Correct the value at this path and {again}.",
    )


def first_empty(value: object, location: Location = (), *, what: str = "policy") -> Invalid | None:
    """The refusal of the first field that is written without a value; None when there is none."""
    if value is None:
        return Invalid(
            f"{_code(what)}_field_empty",
            f"The {what} has no value at {_path(location)}.",
            remedy="Give the field a value, or remove its line if it is not meant.",
        )
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list | tuple):
        entries = enumerate(value)
    problems = (first_empty(item, (*location, key), what=what) for key, item in entries)
    return next((problem for problem in problems if problem is not None), None)


def unknown_field(location: Location, known: Iterable[str], *, what: str = "policy") -> Invalid:
    """The refusal of the field at `location`, where only `known` ones can be."""
    return Invalid(
        f"{_code(what)}_field_unknown",
        f"The {what} has an unknown field at {_path(location)}.",
        remedy=nearest(str(location[-1]), sorted(known)),
    )


def fields_of(model: type[BaseModel]) -> list[str]:
    """The fields of a document as people write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _unknown_kind(location: Location, context: Mapping[str, Any]) -> Invalid:
    return Invalid(
        "policy_rule_kind_unknown",
        f"The policy names no known kind of rule at {_path((*location, 'kind'))}.",
        remedy=nearest(str(context.get("tag", "")), sorted(RULE_KINDS)),
    )


def nearest(word: str, known: list[str]) -> str:
    """The advice to write the known word that is meant; all of them when none is near."""
    near = get_close_matches(word, known, n=1)
    if near:
        return f"Write `{near[0]}` instead of `{word}`."
    return f"Known here: {', '.join(known)}."


def _model_at(location: Location, model: type[BaseModel]) -> type[BaseModel]:
    """The model that the value at `location` is read into, beginning from `model`."""
    for before, part in zip((None, *location), location, strict=False):
        if isinstance(part, int):
            continue
        named = {info.alias or name: info for name, info in model.model_fields.items()}
        if part in named:
            model = next(_models_in(named[part].annotation), model)
        elif isinstance(before, int) and part in RULE_KINDS:
            model = RULE_KINDS[part]
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _code(what: str) -> str:
    return what.replace(" ", "_")


def _path(location: Location) -> str:
    # pydantic puts a rule's kind behind its place in the list; people do not see it there in their document.
    parts = [
        part
        for before, part in zip((None, *location), location, strict=False)
        if not (isinstance(before, int) and part in RULE_KINDS)
    ]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "its top level"
