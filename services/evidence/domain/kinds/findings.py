"""What all readers of scan reports share: severities, counting, and which findings are listed.

- A finding is as bad as the worst of its ratings: words are taken as they are, numbers as CVSS base scores (CVSS 3.1,
  table 14). A vector alone rates nothing.
- Sorted by severity: critical, high, medium, low, unknown, none; then by score, rank, id and package.
- Aliases are other CVE and GHSA ids of a finding, sorted; a scanner's own ids, or a vendor's, are none.
- Counts are always complete; at most `MAX_LISTED` findings are listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.facts import MAX_LISTED, FoundVulnerability, VulnerabilityFacts
from contracts.vocabulary import Severity
from services.evidence.domain.kinds.packages import canonical_purl
from services.evidence.domain.kinds.reading import Reading

WORST_FIRST = (
    Severity.CRITICAL,
    Severity.HIGH,
    Severity.MEDIUM,
    Severity.LOW,
    Severity.UNKNOWN,
    Severity.NONE,
)
_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.LOW,
    "none": Severity.NONE,
}
_BEST_FIRST_KNOWN = (Severity.NONE, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_RATINGS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
_MAX_SCORE = 10.0
_MAX_ID = 200
_MAX_PLACE = 500
_MAX_FIX = 200
_MAX_ALIASES = 10
_ADVISORY = re.compile(r"CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a scanner, before it is counted."""

    id: str
    severity: Severity
    score: float | None = None
    purl: str | None = None
    """As the report writes it; one that is no package URL is left out."""
    fixed_in: str | None = None
    location: str | None = None
    aliases: tuple[str, ...] = ()
    """As the report writes them; what is no CVE or GHSA id is left out."""
    published_at: datetime | None = None
    rank: float = -1.0
    """The scanner's own priority among findings of one severity, 0.0 to 100.0; negative when it gives none."""

    def order(self) -> tuple[int, float, float, str, str]:
        """The key that sorts the worst findings first."""
        return (WORST_FIRST.index(self.severity), -(self.score or 0.0), -self.rank, self.id, self.purl or "")


def severity_of_word(word: str | None) -> Severity | None:
    """The severity that a scanner's word means; None for words that mean none."""
    return _WORDS.get(word.strip().lower()) if word else None


def severity_of_score(score: float) -> Severity:
    """The severity of a CVSS base score."""
    return next((severity for least, severity in _RATINGS if score >= least), Severity.NONE)


def base_score(value: Any) -> float | None:
    """A CVSS base score out of a number or its text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return None
    return score if math.isfinite(score) and 0.0 <= score <= _MAX_SCORE else None


def advisory_ids(texts: Iterable[Any], *, besides: str = "") -> tuple[str, ...]:
    """The CVE and GHSA ids among `texts` in their usual spelling, sorted, each once, without `besides`."""
    found = {_spelled(text) for text in texts if isinstance(text, str) and _ADVISORY.fullmatch(text)}
    return tuple(sorted(found - {besides, _spelled(besides)})[:_MAX_ALIASES])


def _spelled(advisory: str) -> str:
    return f"GHSA{advisory[4:].lower()}" if advisory[:5].upper() == "GHSA-" else advisory.upper()


def worst(severities: Iterable[Severity | None]) -> Severity:
    """The worst of the known severities; unknown when there is none."""
    known = [severity for severity in severities if severity not in (None, Severity.UNKNOWN)]
    return max(known, key=_BEST_FIRST_KNOWN.index, default=Severity.UNKNOWN)


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Each vulnerability of each package once, as its worst report says it."""
    known: dict[tuple[str, str | None], Finding] = {}
    for finding in findings:
        key = (finding.id, finding.purl or finding.location)
        if key not in known or finding.order() < known[key].order():
            known[key] = finding
    return list(known.values())


def reading(
    scanner: str, findings: Iterable[Finding], *, suppressed: int = 0, claimed_at: datetime | None = None
) -> Reading:
    """The facts of a scan: all of `findings` counted, the worst listed."""
    ordered = sorted(findings, key=Finding.order)
    counts = dict.fromkeys(WORST_FIRST, 0)
    for finding in ordered:
        counts[finding.severity] += 1
    facts = VulnerabilityFacts(
        scanner=scanner[:_MAX_PLACE],
        counts=counts,
        vulnerabilities=tuple(_listed(finding) for finding in ordered[:MAX_LISTED]),
        suppressed=suppressed,
    )
    return Reading(facts, claimed_at=claimed_at)


def _listed(finding: Finding) -> FoundVulnerability:
    return FoundVulnerability(
        id=finding.id[:_MAX_ID],
        severity=finding.severity,
        score=finding.score,
        purl=canonical_purl(finding.purl) if finding.purl else None,
        fixed_in=finding.fixed_in[:_MAX_FIX] if finding.fixed_in else None,
        location=finding.location[:_MAX_PLACE] if finding.location else None,
        aliases=advisory_ids(finding.aliases, besides=finding.id),
        published_at=finding.published_at,
    )
