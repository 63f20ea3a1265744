"""How much of the code tests ran: whether a report shows as much as is asked for.

- Counts are exact and win over a stated percentage when they are lower: the worse of the two is believed.
- What a report does not say, as branches where none were counted, is too little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from contracts.facts import CoverageFacts, EvidenceItem
from shared.policy.rules.percent import format_percent

_DIGITS = 9
"""Decimal places to which a stated percentage is believed: beyond them floats differ from what was meant."""


def too_little(item: EvidenceItem, lines: str | None, branches: str | None) -> Iterator[str]:
    """What `item` shows too little of, in one sentence each, where `lines` and `branches` percent are asked for."""
    facts = item.facts
    if not isinstance(facts, CoverageFacts):
        raise TypeError(f"{item.evidence_id} carries {facts.kind}, not coverage")
    for asked, what, shown in ((lines, "lines", _lines(facts)), (branches, "branches", _stated(facts.branches))):
        if asked is None:
            continue
        if shown is None:
            yield f"{item.evidence_id} does not say how many of the {what} were run"
        elif shown < Fraction(asked):
            yield f"{item.evidence_id} covers {format_percent(shown)}% of the {what} where {asked}% are asked for"


def _lines(facts: CoverageFacts) -> Fraction | None:
    stated = _stated(facts.lines)
    if stated is None or facts.lines_covered is None or not facts.lines_total:
        return stated
    return min(stated, Fraction(100 * facts.lines_covered, facts.lines_total))


def _stated(percent: float | None) -> Fraction | None:
    if percent is None or not math.isfinite(percent) or not 0 <= percent <= 100:  # noqa: PLR2004 - the whole
        return None
    return Fraction(str(round(percent, _DIGITS)))
