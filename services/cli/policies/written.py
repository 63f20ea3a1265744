"""From what a test case says in short to the models that gates read.

- Unknown fields are refused at every depth, though the models themselves ignore them: nobody newer wrote a test case.
- A moment may be told from the case's own: `3d ago`, `in 12h`.
- A digest may be told by name: `version`, an artifact, a contained version.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError

from contracts.vocabulary import Digest, Utc, utc
from services.cli.policies.cases import WHAT
from shared.errors import Invalid
from shared.policy.duration import parse_duration, parse_moment
from shared.policy.policy_errors import Location, nearest, unknown_field, wrong_value

_AGO, _AHEAD = re.compile(r"(\S+) ago"), re.compile(r"in (\S+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reading:
    """What short forms mean in one case."""

    at: datetime
    names: Mapping[str, Digest]

    def model(self, kind: type[M], written: Mapping[str, Any], location: Location, *, known: Collection[str] = ()) -> M:
        """The `kind` that is `written` at `location`, where `known` fields could be too. Raises `Invalid`."""
        full = self._full(written, kind, location, known)
        try:
            return kind.model_validate(full)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            raise wrong_value((*location, *problem["loc"]), problem["msg"], what=WHAT) from error

    def digest(self, text: object, location: Location) -> Digest:
        """The digest that `text` names or is. Raises `Invalid`."""
        if text in self.names:
            return self.names[str(text)]
        if isinstance(text, str) and _DIGEST.fullmatch(text):
            return text
        advice = nearest(str(text), sorted(self.names))
        raise wrong_value(location, f"{text!r} names nothing in this case. {advice}".rstrip("."), what=WHAT)

    def _full(self, value: Any, hint: Any, location: Location, known: Collection[str] = ()) -> Any:
        options = list(_options(hint))
        if isinstance(value, Mapping):
            return self._full_mapping(value, options, location, known)
        if isinstance(value, list | tuple):
            inner = next((get_args(one)[0] for one in options if get_origin(one) is tuple), Any)
            return [self._full(one, inner, (*location, number)) for number, one in enumerate(value)]
        if isinstance(value, str) and Utc in options:
            return self._moment(value, location)
        if isinstance(value, str) and Digest in options:
            return self.digest(value, location)
        return value

    def _full_mapping(
        self, value: Mapping[str, Any], options: list[Any], location: Location, known: Collection[str]
    ) -> dict[str, Any]:
        model = next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)
        if model is None:
            inner = next((get_args(one)[1] for one in options if get_origin(one) is dict), Any)
            return {key: self._full(one, inner, (*location, key)) for key, one in value.items()}
        hints = get_type_hints(model, include_extras=True)
        for name in value:
            if name not in model.model_fields:
                raise unknown_field((*location, name), {*model.model_fields, *known}, what=WHAT)
        return {name: self._full(one, hints[name], (*location, name)) for name, one in value.items()}

    def _moment(self, text: str, location: Location) -> str:
        try:
            if ago := _AGO.fullmatch(text):
                return utc(self.at - parse_duration(ago[1]))
            if ahead := _AHEAD.fullmatch(text):
                return utc(self.at + parse_duration(ahead[1]))
            return utc(parse_moment(text))
        except (ValueError, OverflowError) as error:
            why = "a moment is `3d ago`, `in 12h`, a date, or a time with its offset"
            raise wrong_value(location, why, what=WHAT) from error


def in_case(error: Invalid, origin: str) -> Invalid:
    """The same refusal, with the file it comes from."""
    return Invalid(error.code, f"{origin}: {error.message}", remedy=error.remedy)


def _options(hint: Any) -> Iterator[Any]:
    """What a type hint lets a value be."""
    if hint in (Utc, Digest):
        yield hint
    elif get_origin(hint) is Annotated:
        yield from _options(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from _options(one)
    else:
        yield hint
