"""How the moves of a version follow one another.

- On, it goes from where it stands; into a release stage beside others, from where it went into the first of them.
- A rollback brings it back, a demotion takes it back, and a re-certification judges it where it has been and was not
  taken back from. Whatever the kind, a move says where the version stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, assert_never

from contracts.vocabulary import PromotionKind
from services.cli.verifier.reading import WrongError
from shared.way import FORWARD, way_of


class _Step(NamedTuple):
    kind: PromotionKind
    to_stage: str


def check_begins(move: dict[str, Any], before: Sequence[dict[str, Any]]) -> None:
    """Raises `WrongError` for a move that does not begin where those before it, oldest first, have left the version."""
    kind, to_stage, from_stage = PromotionKind(move["kind"]), move["to_stage"], move["from_stage"]
    standing, held = way_of([_Step(PromotionKind(one["kind"]), one["to_stage"]) for one in before])
    releases = {one["to_stage"]: one["from_stage"] for one in before if one["release"] and one["kind"] in FORWARD}
    beside = move["release"] and standing in releases and to_stage not in held and from_stage in releases.values()
    match kind:
        case PromotionKind.PROMOTE | PromotionKind.RELEASE:
            fits = from_stage == standing or beside
        case PromotionKind.ROLLBACK:
            fits = from_stage == standing and to_stage in held
        case PromotionKind.DEMOTE:
            fits = from_stage == standing and to_stage in held and to_stage != from_stage
        case PromotionKind.RECERTIFY:
            fits = from_stage == to_stage and to_stage in held
        case _:
            assert_never(kind)
    if not fits:
        raise WrongError(f"the move into {to_stage} does not begin where the one before ended")
