"""Trivy reports in JSON, schema version 2.

- Trivy leaves `Results` out when it recognised nothing to scan: that is no clean scan, and unreadable. A target
  without `Vulnerabilities` was scanned, and nothing was found in it.
- Counted are vulnerabilities, failed checks of configuration, and secrets; licences are no vulnerabilities.
- A finding is rated by Trivy's own word, which weighs its sources; the score shown is the highest CVSS base score.
- The same vulnerability in the same package counts once. What was set aside by configuration counts as suppressed.

Source: aquasecurity/trivy pkg/types/report.go and pkg/types/finding.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from contracts.vocabulary import Severity
from services.evidence.domain.kinds import findings
from services.evidence.domain.kinds.documents import json_object
from services.evidence.domain.kinds.findings import Finding
from services.evidence.domain.kinds.reading import Moment, MomentIfAny, Part, Reading


class _Scores(Part):
    v2: float | None = Field(default=None, alias="V2Score")
    v3: float | None = Field(default=None, alias="V3Score")
    v4: float | None = Field(default=None, alias="V40Score")

    def values(self) -> Iterator[float]:
        for value in (self.v4, self.v3, self.v2):
            score = findings.base_score(value)
            if score:
                yield score


class _Identifier(Part):
    purl: str | None = Field(default=None, alias="PURL")


class _Vulnerability(Part):
    id: str = Field(alias="VulnerabilityID", min_length=1, max_length=200)
    package: str = Field(default="", alias="PkgName")
    installed: str = Field(default="", alias="InstalledVersion")
    identifier: _Identifier | None = Field(default=None, alias="PkgIdentifier")
    path: str = Field(default="", alias="PkgPath")
    fixed: str = Field(default="", alias="FixedVersion")
    severity: str = Field(default="", alias="Severity")
    cvss: dict[str, _Scores] | None = Field(default=None, alias="CVSS")
    vendor_ids: tuple[str, ...] | None = Field(default=None, alias="VendorIDs")
    published_at: MomentIfAny = Field(default=None, alias="PublishedDate")


class _Check(Part):
    id: str = Field(alias="ID", min_length=1, max_length=200)
    severity: str = Field(default="", alias="Severity")
    status: str = Field(alias="Status")


class _Secret(Part):
    id: str = Field(alias="RuleID", min_length=1, max_length=200)
    severity: str = Field(default="", alias="Severity")
    line: int | None = Field(default=None, alias="StartLine")


class _Target(Part):
    name: str = Field(default="", alias="Target")
    vulnerabilities: tuple[_Vulnerability, ...] | None = Field(default=None, alias="Vulnerabilities")
    checks: tuple[_Check, ...] | None = Field(default=None, alias="Misconfigurations")
    secrets: tuple[_Secret, ...] | None = Field(default=None, alias="Secrets")
    set_aside: tuple[dict[str, Any], ...] | None = Field(default=None, alias="ExperimentalModifiedFindings")


class _Report(Part):
    schema_version: Literal[2] = Field(alias="SchemaVersion")
    created: Moment | None = Field(default=None, alias="CreatedAt")
    targets: tuple[_Target, ...] = Field(alias="Results", min_length=1)


def read(predicate: Mapping[str, Any]) -> Reading:
    """The report in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    return read_document(json_object(predicate))


def read_document(document: Mapping[str, Any]) -> Reading:
    """The report `document`. Raises pydantic's `ValidationError` when it is none."""
    report = _Report.model_validate(document)
    found = [finding for target in report.targets for finding in _findings(target)]
    return findings.reading(
        "trivy",
        found,
        suppressed=sum(len(target.set_aside or ()) for target in report.targets),
        claimed_at=report.created,
    )


def _findings(target: _Target) -> Iterator[Finding]:
    yield from findings.distinct(_vulnerability(one, target) for one in target.vulnerabilities or ())
    for check in target.checks or ():
        if check.status != "PASS":
            yield Finding(id=check.id, severity=_severity(check.severity), location=target.name)
    for secret in target.secrets or ():
        line = f":{secret.line}" if secret.line else ""
        yield Finding(id=secret.id, severity=_severity(secret.severity), location=f"{target.name}{line}")


def _vulnerability(one: _Vulnerability, target: _Target) -> Finding:
    scores = [score for rated in (one.cvss or {}).values() for score in rated.values()]
    package = f"{one.package}@{one.installed}"
    return Finding(
        id=one.id,
        severity=_severity(one.severity),
        score=max(scores, default=None),
        purl=one.identifier.purl if one.identifier else None,
        fixed_in=one.fixed[:200] or None,
        location=f"{one.path or target.name} ({package})",
        aliases=one.vendor_ids or (),
        published_at=one.published_at,
    )


def _severity(word: str) -> Severity:
    return findings.severity_of_word(word) or Severity.UNKNOWN
