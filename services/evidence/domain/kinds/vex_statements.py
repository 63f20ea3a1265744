"""What both readers of VEX share: how statements become facts.

- A statement is about one vulnerability in some products, or in some parts of them.
- Counts are of all statements, by status; at most `MAX_LISTED` are listed, the affected ones first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from contracts.facts import MAX_LISTED, VexFacts, VexStatement, VexStatus
from services.evidence.domain.kinds.packages import canonical_purl
from services.evidence.domain.kinds.reading import Reading

_MAX_TEXT = 4000
_LISTED_FIRST: Sequence[VexStatus] = ("affected", "under_investigation", "fixed", "not_affected")


def text(value: str | None) -> str:
    """`value` at the length that facts carry."""
    return (value or "")[:_MAX_TEXT]


def identifier(name: str) -> str:
    """A product's name: the canonical package URL if it is one, else as it is written."""
    return (canonical_purl(name) or name)[:1024]


def reading(
    dialect: Literal["openvex", "cyclonedx"],
    spec_version: str,
    author: str,
    statements: Iterable[VexStatement],
) -> Reading:
    """The facts of a document with these statements; it was made when the newest of them was."""
    kept = sorted(statements, key=lambda one: (_LISTED_FIRST.index(one.status), one.vulnerability))
    counts: dict[VexStatus, int] = dict.fromkeys(_LISTED_FIRST, 0)
    for statement in kept:
        counts[statement.status] += 1
    listed = (one.model_copy(update={"products": one.products[:MAX_LISTED]}) for one in kept[:MAX_LISTED])
    facts = VexFacts(
        dialect=dialect, spec_version=spec_version, author=author[:500], counts=counts, statements=tuple(listed)
    )
    times = [statement.made_at for statement in kept if statement.made_at]
    return Reading(facts, claimed_at=max(times, default=None))
