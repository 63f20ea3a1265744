"""Findings as short as a message can carry: lists are cut, and what they count is said.

- Single violations and ids of evidence are examples; the counts beside them are complete.
- The same findings are cut in the same way, whoever gives the verdict again.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.findings import Finding

MAX_BYTES = 120_000
"""Of all findings of one verdict as JSON: with everything else it stays a message (256 KiB)."""
MAX_USED = 600
"""How many pieces of evidence a verdict names as used; when there are more it names none, and says how many."""
_LIMITS = (50, 20, 5, 1, 0)


def fitted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with lists of violations and evidence that are short enough all together."""
    given = tuple(findings)
    for limit in _LIMITS:
        cut = tuple(_cut(one, limit) for one in given)
        if limit == _LIMITS[-1] or sum(len(one.model_dump_json()) for one in cut) <= MAX_BYTES:
            return cut
    raise AssertionError("the last limit always returns")


def _cut(finding: Finding, limit: int) -> Finding:
    if len(finding.violations) <= limit and len(finding.evidence) <= limit and not finding.parts:
        return finding
    return finding.model_copy(
        update={
            "violations": finding.violations[:limit],
            "evidence": finding.evidence[:limit],
            "parts": tuple(_cut(one, limit) for one in finding.parts),
        }
    )
