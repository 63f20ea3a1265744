"""How an ask is answered: done, refused for good, or try again. A gate's denial is an answer, so it is `Accepted`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from contracts.vocabulary import Frozen


class RejectionKind(StrEnum):
    """Why the same ask will be refused again; the gateway maps each to one HTTP status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"


class Accepted(Frozen):
    """It was done, or it is known."""

    reply: Literal["accepted"] = "accepted"
    answer: dict[str, Any]


class Rejected(Frozen):
    """It was refused, and will be refused again."""

    reply: Literal["rejected"] = "rejected"
    kind: RejectionKind
    code: str
    message: str
    remedy: str = ""


class Unavailable(Frozen):
    """Nothing was decided. Asking again with the same `command_id` is safe."""

    reply: Literal["unavailable"] = "unavailable"
    code: str
    message: str
    remedy: str = "Try again in a moment; the same command id makes that safe."
    retry_after: float | None = None
    """Seconds to wait, when too much was under way; None when something did not answer."""


Reply = Annotated[Accepted | Rejected | Unavailable, Field(discriminator="reply")]
REPLY: TypeAdapter[Accepted | Rejected | Unavailable] = TypeAdapter(Reply)
