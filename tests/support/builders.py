"""Well-formed messages for tests that do not care about most of their fields."""

from typing import Any, TypeVar

from contracts.message import Message
from deploy.examples import example_of

M = TypeVar("M", bound=Message)


def a_message(kind: type[M], **fields: Any) -> M:
    """An instance of `kind` with these fields, the others as in the contract's example."""
    return kind.model_validate({**example_of(kind).model_dump(by_alias=True), **fields})
