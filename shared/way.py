"""The way of a version through its stages, read from its moves.

- A promotion or a release takes it on into a stage.
- A demotion takes it back to one, and out of every stage that it entered after that.
- A rollback makes it current again where it is held, a re-certification judges it there: neither takes it anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from contracts.vocabulary import PromotionKind, StageName

FORWARD = frozenset({PromotionKind.PROMOTE, PromotionKind.RELEASE})
"""The kinds that take a version on, out of the stage where it stands: through the exit gate of that one."""


class Step(Protocol):
    """One move of a version."""

    @property
    def kind(self) -> PromotionKind:
        """What it did."""

    @property
    def to_stage(self) -> StageName:
        """The stage whose entry it passed."""


class Way(NamedTuple):
    """Where its moves have led a version."""

    standing: StageName | None
    """The newest stage that it entered, or was taken back to."""
    held: tuple[StageName, ...]
    """The stages that it has entered and was not taken back from, in the order of its first entry."""


def way_of(steps: Iterable[Step]) -> Way:
    """The way that these moves have made, oldest first."""
    standing: StageName | None = None
    held: tuple[StageName, ...] = ()
    for step in steps:
        if step.kind is PromotionKind.RECERTIFY:
            continue
        if step.kind is not PromotionKind.ROLLBACK:
            standing = step.to_stage
        if step.to_stage not in held:
            held = (*held, step.to_stage)
        elif step.kind is PromotionKind.DEMOTE:
            held = held[: held.index(step.to_stage) + 1]
    return Way(standing, held)
