"""Grype reports in JSON.

- `matches` must be there: an empty list says that nothing was found, a missing one says nothing.
- A match is rated by Grype's own word, which weighs its sources; the score shown is the highest CVSS base score.
- The same vulnerability in the same package counts once. `ignoredMatches` are counted as suppressed.

Source: anchore/grype grype/presenter/models (Document, Match, Vulnerability).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from contracts.vocabulary import Severity
from services.evidence.domain.kinds import findings
from services.evidence.domain.kinds.documents import json_object
from services.evidence.domain.kinds.findings import Finding
from services.evidence.domain.kinds.reading import Moment, MomentIfAny, Part, Reading


class _Metrics(Part):
    base_score: float | None = Field(default=None, alias="baseScore")


class _Cvss(Part):
    metrics: _Metrics | None = None


class _Fix(Part):
    versions: tuple[str, ...] | None = None


class _Vulnerability(Part):
    id: str = Field(min_length=1, max_length=200)
    severity: str = ""
    cvss: tuple[_Cvss, ...] | None = None
    fix: _Fix | None = None
    published_at: MomentIfAny = Field(default=None, alias="publishedDate")


class _Related(Part):
    id: str = ""


class _Location(Part):
    path: str = ""


class _Artifact(Part):
    name: str = Field(min_length=1)
    version: str = ""
    purl: str = ""
    locations: tuple[_Location, ...] | None = None


class _Match(Part):
    vulnerability: _Vulnerability
    related: tuple[_Related, ...] | None = Field(default=None, alias="relatedVulnerabilities")
    artifact: _Artifact


class _Descriptor(Part):
    name: str = "grype"
    timestamp: Moment | None = None


class _Report(Part):
    matches: tuple[_Match, ...]
    ignored: tuple[_Match, ...] | None = Field(default=None, alias="ignoredMatches")
    descriptor: _Descriptor = _Descriptor()


def read(predicate: Mapping[str, Any]) -> Reading:
    """The report in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    return read_document(json_object(predicate))


def read_document(document: Mapping[str, Any]) -> Reading:
    """The report `document`. Raises pydantic's `ValidationError` when it is none."""
    report = _Report.model_validate(document)
    return findings.reading(
        report.descriptor.name,
        findings.distinct(map(_found, report.matches)),
        suppressed=len(report.ignored or ()),
        claimed_at=report.descriptor.timestamp,
    )


def _found(match: _Match) -> Finding:
    vulnerability, artifact = match.vulnerability, match.artifact
    metrics = (rating.metrics for rating in vulnerability.cvss or ())
    scores = [findings.base_score(one.base_score) for one in metrics if one]
    places = artifact.locations or ()
    fixes = (vulnerability.fix.versions if vulnerability.fix else None) or ()
    return Finding(
        id=vulnerability.id,
        severity=findings.severity_of_word(vulnerability.severity) or Severity.UNKNOWN,
        score=max((score for score in scores if score is not None), default=None),
        purl=artifact.purl or None,
        fixed_in=", ".join(fixes)[:200] or None,
        location=places[0].path if places and places[0].path else f"{artifact.name}@{artifact.version}",
        aliases=tuple(one.id for one in match.related or ()),
        published_at=vulnerability.published_at,
    )
