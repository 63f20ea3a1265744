"""In-toto vulnerability scans.

- `scanner.result` must be there: an empty list says that nothing was found, a missing one says nothing.
- A vulnerability is as bad as the worst of its ratings. Words are taken as they are, numbers as CVSS base scores
  when their method is a CVSS one; vectors and other scales (EPSS) rate nothing here, which leaves it unknown.
- The same vulnerability in the same package counts once, with the worse rating.
- The annotations `purl` and `fixed_in` name the package and the version that repairs it, if a scanner adds them.

Source: in-toto/attestation spec/predicates/vulns_02.md (v0.1 and v0.2); CVSS 3.1 table 14 (ratings).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from contracts.facts import MAX_LISTED, FoundVulnerability, VulnerabilityFacts
from contracts.vocabulary import Severity
from services.evidence.domain.kinds.packages import canonical_purl
from services.evidence.domain.kinds.reading import Moment, Part, Reading

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
_WORST_FIRST = (
    Severity.CRITICAL,
    Severity.HIGH,
    Severity.MEDIUM,
    Severity.LOW,
    Severity.UNKNOWN,
    Severity.NONE,
)
_BEST_FIRST_KNOWN = (Severity.NONE, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_RATINGS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
_MAX_SCORE = 10.0


def _listed(value: Any) -> Any:
    # The text of the predicate calls severity an object, its examples show a list: both are written.
    return [value] if isinstance(value, dict) else value


class _Rating(Part):
    method: str
    score: str

    def base_score(self) -> float | None:
        method = self.method.lower()
        if "cvss" not in method and method != "nvd":
            return None
        try:
            score = float(self.score)
        except ValueError:
            return None
        return score if 0.0 <= score <= _MAX_SCORE else None


class _Result(Part):
    id: str = Field(min_length=1, max_length=200)
    severity: Annotated[tuple[_Rating, ...] | None, BeforeValidator(_listed)] = None
    annotations: tuple[dict[str, Any], ...] | None = None

    def annotation(self, name: str) -> str | None:
        for item in self.annotations or ():
            if isinstance(item.get(name), str):
                return str(item[name])
        return None


class _Scanner(Part):
    uri: str
    result: tuple[_Result, ...]


class _Metadata(Part):
    finished: Moment = Field(alias="scanFinishedOn")


class _Scan(Part):
    scanner: _Scanner
    metadata: _Metadata


def read(predicate: Mapping[str, Any]) -> Reading:
    """The scan in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    scan = _Scan.model_validate(predicate)
    worst: dict[tuple[str, str | None], FoundVulnerability] = {}
    for found in map(_found, scan.scanner.result):
        known = worst.get((found.id, found.purl))
        if known is None or _rank(found) < _rank(known):
            worst[found.id, found.purl] = found
    ordered = sorted(worst.values(), key=_rank)
    counts = dict.fromkeys(_WORST_FIRST, 0)
    for found in ordered:
        counts[found.severity] += 1
    return Reading(
        VulnerabilityFacts(scanner=scan.scanner.uri, counts=counts, vulnerabilities=tuple(ordered[:MAX_LISTED])),
        claimed_at=scan.metadata.finished,
    )


def _found(result: _Result) -> FoundVulnerability:
    ratings = result.severity or ()
    scores = [score for score in (rating.base_score() for rating in ratings) if score is not None]
    known = list(_severities(ratings))
    purl = result.annotation("purl")
    return FoundVulnerability(
        id=result.id,
        severity=max(known, key=_BEST_FIRST_KNOWN.index, default=Severity.UNKNOWN),
        score=max(scores, default=None),
        purl=canonical_purl(purl) if purl else None,
        fixed_in=result.annotation("fixed_in"),
    )


def _severities(ratings: tuple[_Rating, ...]) -> Iterator[Severity]:
    for rating in ratings:
        word = _WORDS.get(rating.score.strip().lower())
        if word is not None:
            yield word
        score = rating.base_score()
        if score is not None:
            yield next((severity for least, severity in _RATINGS if score >= least), Severity.NONE)


def _rank(found: FoundVulnerability) -> tuple[int, float, str, str]:
    return _WORST_FIRST.index(found.severity), -(found.score or 0.0), found.id, found.purl or ""
