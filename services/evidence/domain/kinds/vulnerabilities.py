"""In-toto vulnerability scans, and cosign's, which carry a scanner's own report.

- `scanner.result` must be there: an empty list says that nothing was found, a missing one says nothing.
- A vulnerability is as bad as the worst of its ratings. Words are taken as they are, numbers as CVSS base scores
  when their method is a CVSS one; vectors and other scales (EPSS) rate nothing here, which leaves it unknown.
- The same vulnerability in the same package counts once, with the worse rating.
- The annotations `purl` and `fixed_in` name the package and the version that repairs it, `aliases` other ids of the
  same flaw (a list, or a text with commas), and `published_at` when it became known, if a scanner adds them.
- In cosign's form the report in `scanner.result` is told apart by what is in it (`scans`), and read as that.

Source: in-toto/attestation spec/predicates/vulns_02.md (v0.1 and v0.2); sigstore/cosign
specs/COSIGN_VULN_ATTESTATION_SPEC.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter

from contracts.vocabulary import Severity
from services.evidence.domain.kinds import findings, scans
from services.evidence.domain.kinds.findings import Finding
from services.evidence.domain.kinds.packages import canonical_purl
from services.evidence.domain.kinds.reading import Moment, MomentIfAny, Part, Reading

_PUBLISHED: TypeAdapter[datetime | None] = TypeAdapter(MomentIfAny)


def _listed(value: Any) -> Any:
    # The text of the predicate calls severity an object, its examples show a list: both are written.
    return [value] if isinstance(value, dict) else value


class _Rating(Part):
    method: str
    score: str

    def base_score(self) -> float | None:
        method = self.method.lower()
        return findings.base_score(self.score) if "cvss" in method or method == "nvd" else None


class _Result(Part):
    id: str = Field(min_length=1, max_length=200)
    severity: Annotated[tuple[_Rating, ...] | None, BeforeValidator(_listed)] = None
    annotations: tuple[dict[str, Any], ...] | None = None

    def annotation(self, name: str) -> str | None:
        for item in self.annotations or ():
            if isinstance(item.get(name), str):
                return str(item[name])
        return None

    def aliases(self) -> Iterator[Any]:
        for item in self.annotations or ():
            value = item.get("aliases")
            yield from value if isinstance(value, list) else map(str.strip, str(value).split(","))

    def published_at(self) -> datetime | None:
        return _PUBLISHED.validate_python(self.annotation("published_at"))


class _Scanner(Part):
    uri: str
    result: tuple[_Result, ...]


class _Metadata(Part):
    finished: Moment = Field(alias="scanFinishedOn")


class _Scan(Part):
    scanner: _Scanner
    metadata: _Metadata


class _CosignScanner(Part):
    result: Any


class _CosignScan(Part):
    scanner: _CosignScanner
    metadata: _Metadata


def read(predicate: Mapping[str, Any]) -> Reading:
    """The scan in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    scan = _Scan.model_validate(predicate)
    found = findings.distinct(map(_found, scan.scanner.result))
    return findings.reading(scan.scanner.uri, found, claimed_at=scan.metadata.finished)


def read_cosign(predicate: Mapping[str, Any]) -> Reading:
    """The report in a cosign predicate. Raises pydantic's `ValidationError` or `UnreadableError` when there is none."""
    scan = _CosignScan.model_validate(predicate)
    return replace(scans.read_any(scan.scanner.result), claimed_at=scan.metadata.finished)


def _found(result: _Result) -> Finding:
    ratings = result.severity or ()
    scores = [score for score in (rating.base_score() for rating in ratings) if score is not None]
    purl = result.annotation("purl")
    return Finding(
        id=result.id,
        severity=findings.worst(_severities(ratings)),
        score=max(scores, default=None),
        purl=canonical_purl(purl) if purl else None,
        fixed_in=result.annotation("fixed_in"),
        aliases=findings.advisory_ids(result.aliases(), besides=result.id),
        published_at=result.published_at(),
    )


def _severities(ratings: tuple[_Rating, ...]) -> Iterator[Severity | None]:
    for rating in ratings:
        yield findings.severity_of_word(rating.score)
        score = rating.base_score()
        if score is not None:
            yield findings.severity_of_score(score)
