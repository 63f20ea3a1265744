"""Whether enough different people answered in each role that is asked for.

- Of one person at most one answer counts, in whichever of their roles helps most: another answer never takes away what
  was enough without it.
- With an age limit it holds until the youngest answers that suffice are no longer enough.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's approval in one role."""

    who: str
    role: Role
    made_at: datetime
    evidence_id: str


def counted(seats: Mapping[Role, int], answers: Iterable[Answer]) -> dict[Role, int]:
    """How many answers count in each role, when as many of the `seats` are filled as can be."""
    roles: dict[str, list[Role]] = {}
    for one in _enough(seats, answers):
        roles.setdefault(one.who, []).append(one.role)
    taken: dict[Role, list[str]] = {role: [] for role in seats}

    def seat(who: str, tried: set[Role]) -> bool:
        for role in roles[who]:
            if role in tried:
                continue
            tried.add(role)
            if len(taken[role]) < seats[role]:
                taken[role].append(who)
                return True
            for place, other in enumerate(taken[role]):
                if seat(other, tried):
                    taken[role][place] = who
                    return True
        return False

    for who in sorted(roles):
        seat(who, set())
    return {role: len(people) for role, people in taken.items()}


def suffices_since(seats: Mapping[Role, int], answers: Iterable[Answer]) -> datetime | None:
    """When the oldest answer was made that is needed, of the youngest that suffice; None when all of them do not."""
    ordered = _enough(seats, answers)
    full = sum(seats.values())
    needed = bisect_left(range(len(ordered) + 1), full, key=lambda first: sum(counted(seats, ordered[:first]).values()))
    return ordered[needed - 1].made_at if 0 < needed <= len(ordered) else None


def _enough(seats: Mapping[Role, int], answers: Iterable[Answer]) -> Sequence[Answer]:
    """The youngest answers first, as many in each role as there are seats at all: more cannot change anything."""
    most = sum(seats.values())
    kept: dict[Role, list[Answer]] = {role: [] for role in seats}
    for one in sorted(answers, key=lambda one: (one.made_at, one.evidence_id), reverse=True):
        if len(kept[one.role]) < most:
            kept[one.role].append(one)
    return sorted((one for some in kept.values() for one in some), key=lambda one: one.made_at, reverse=True)
