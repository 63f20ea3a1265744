"""Request bodies and query parameters, derived from messages so that nothing is written twice.

Unknown fields are refused, though the messages themselves ignore them: a misspelt filter would list too much, a
misspelt field of a trust root would weaken what it says.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, create_model

from contracts.message import Command, Query

_STRICT = ConfigDict(frozen=True, extra="forbid")


def rest_of(kind: type[Command | Query], *, name: str, without: Collection[str]) -> type[BaseModel] | None:
    """A model of the fields that `without` does not name, `command_id` never among them; None when none are left.

    `name` is the operation's, and begins the model's.
    """
    left = {key: info for key, info in kind.model_fields.items() if key not in {*without, "command_id"}}
    if not left:
        return None
    fields: dict[str, Any] = {key: (info.annotation, copy(info)) for key, info in left.items()}
    suffix = "Body" if issubclass(kind, Command) else "Filter"
    return create_model(f"{name}{suffix}", __config__=_STRICT, __doc__=kind.__doc__, **fields)


def may_be_absent(model: type[BaseModel]) -> bool:
    """Whether no field of `model` is required."""
    return not any(info.is_required() for info in model.model_fields.values())


def parameter(kind: type[Command | Query], field: str, place: Any) -> Any:
    """The annotation of one path parameter: the field's own type and limits. `place` is FastAPI's `Path()`."""
    info = kind.model_fields[field]
    return Annotated[info.annotation, *info.metadata, place]
