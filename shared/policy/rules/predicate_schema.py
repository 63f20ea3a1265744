"""JSON Schemas inside of policies: what free predicates must look like.

- A schema is an object in the words of JSON Schema 2020-12, or its JSON text. It is kept as canonical text, so that
  fractions and nulls survive in the digest of the policy.
- It is compiled when the policy is read: what would not be understood later is refused at once, formats included.
- References stay inside of it, as `#/$defs/...`, and lead into no circle: followed to the end it is a finite tree,
  whose size bounds what judging one predicate can cost. Nothing is ever fetched.
- Patterns run in an engine that never backtracks.

Source: json-schema.org/draft/2020-12/json-schema-core.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import jsonschema_rs
from pydantic import BeforeValidator, StringConstraints

from contracts.facts import MAX_TEXT, EvidenceItem, OtherFacts

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAX_BYTES = 16_384
_MAX_VALUES = 5_000
"""Values of a schema once all its references are followed."""
_MAX_DEPTH = 32
_MAX_MESSAGE = 200
_REFUSED = {"$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"}
_AT_THE_TOP = {"$id", "$schema"}
_BASE = "urn:hallmark:schema"


def read_schema(value: object) -> str:
    """The canonical text of a schema that a policy holds; raises `ValueError` naming the place that is wrong."""
    schema = _parsed(value) if isinstance(value, str) else value
    if not isinstance(schema, dict):
        raise ValueError("a schema is an object, or the JSON text of one")  # noqa: TRY004 - pydantic reports it
    _Walk(schema).whole()
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise ValueError(f"a schema has at most {_MAX_BYTES:,} bytes")
    try:
        compiled(text)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"no JSON Schema 2020-12 at `{_path(error.instance_path)}`: {_short(error)}") from error
    return text


PredicateSchema = Annotated[str, StringConstraints(strip_whitespace=False), BeforeValidator(read_schema)]
"""A JSON Schema as a policy holds it: canonical text, compiled once to see that it is one."""


def unsatisfied(item: EvidenceItem, text: str) -> str | None:
    """What is wrong with the predicate of `item` under the schema `text`, in a few words; None when nothing is."""
    facts = item.facts
    if not isinstance(facts, OtherFacts) or facts.text is None:
        return f"{item.evidence_id} holds a predicate of more than {MAX_TEXT:,} bytes, too large to be judged"
    try:
        compiled(text).validate(json.loads(facts.text))
    except jsonschema_rs.ValidationError as error:
        where = _path(error.instance_path)
        return f"{item.evidence_id} does not satisfy the schema at `{where[:_MAX_MESSAGE]}`: {_short(error)}"
    except (ValueError, RecursionError):
        return f"{item.evidence_id} holds a predicate that cannot be judged: it nests too deeply, or is no JSON"
    return None


@lru_cache(maxsize=256)
def compiled(text: str) -> jsonschema_rs.Validator:
    """The validator of a schema. Raises the library's `ValidationError` when it is none."""
    return jsonschema_rs.Draft202012Validator(
        json.loads(text),
        validate_formats=True,
        ignore_unknown_formats=False,
        mask="the value",
        pattern_options=jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20),
        offline=True,
    )


class _Walk:
    """One look at every value of a schema, references followed."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._left = _MAX_VALUES
        self._targets: dict[str, Any] = {}

    def whole(self) -> None:
        """Raise `ValueError` for what a schema in a policy may not have."""
        if self._schema.get("$schema", _DIALECT) != _DIALECT:
            raise ValueError(f"`$schema` can only be {_DIALECT}")
        self._visit(self._schema, ())

    def _visit(self, value: Any, place: tuple[int | str, ...], depth: int = 0) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError(
                f"a schema has at most {_MAX_VALUES:,} values, counted again wherever they are referred to"
            )
        if depth > _MAX_DEPTH:
            raise ValueError(f"a schema has at most {_MAX_DEPTH} levels, and no circle of references: `{_path(place)}`")
        match value:
            case dict():
                for key, inner in value.items():
                    self._member(key, inner, (*place, key), depth + 1)
            case list():
                for number, inner in enumerate(value):
                    self._visit(inner, (*place, number), depth + 1)
            case float() if not math.isfinite(value):
                raise ValueError(f"JSON has no such number at `{_path(place)}`")
            case None | bool() | int() | float() | str():
                pass
            case _:
                raise ValueError(f"JSON has no {type(value).__name__}, as at `{_path(place)}`; put it into quotes")

    def _member(self, key: object, value: Any, place: tuple[int | str, ...], depth: int) -> None:
        if not isinstance(key, str):
            raise ValueError(f"the name at `{_path(place)}` is no text; put it into quotes")  # noqa: TRY004 - as above
        if isinstance(value, str) and (key in _REFUSED or (key in _AT_THE_TOP and len(place) > 1)):
            raise ValueError(f"`{key}` is not understood at `{_path(place)}`; refer to parts as `#/$defs/...`")
        self._visit(value, place, depth)
        if key == "$ref" and isinstance(value, str):
            self._visit(self._target(value, place), (*place, value), depth)

    def _target(self, reference: str, place: tuple[int | str, ...]) -> Any:
        if not reference.startswith("#/"):
            raise ValueError(
                f"`{_path(place)}` refers to {reference[:100]}; only `#/...` inside of the schema is followed"
            )
        if reference not in self._targets:
            registry = jsonschema_rs.Registry([(_BASE, self._schema)], draft=jsonschema_rs.Draft202012)
            try:
                self._targets[reference] = registry.resolver(_BASE).lookup(reference).contents
            except jsonschema_rs.ReferencingError as error:
                raise ValueError(f"`{_path(place)}` refers to {reference[:100]}, which is not there") from error
        return self._targets[reference]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise ValueError(f"a schema has at most {_MAX_DEPTH} levels") from error


def _distinct(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object of the schema")
    return found


def _path(place: Any) -> str:
    return ".".join(map(str, place)) or "its top level"


def _short(error: jsonschema_rs.ValidationError) -> str:
    message = error.message
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}..."
