"""Snyk reports in JSON (`snyk test --json`): one project, or a list of projects.

- A project has `ok` and `vulnerabilities`. One with `error` was not tested, which makes the whole unreadable.
- `ok` beside a vulnerability contradicts itself, and so does more in `uniqueCount` than is listed: both are unreadable.
- Snyk lists a vulnerability once for each path to it; per package it counts once. Licence issues are no
  vulnerabilities. What the project's policy ignores or patches (`filtered`) counts as suppressed.
- `applications` are projects that Snyk found inside a container image.

Source: snyk/cli src/lib/snyk-test/legacy.ts (TestResult), docs.snyk.io CLI `test`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from packageurl import PackageURL
from pydantic import Field, model_validator

from contracts.vocabulary import Severity
from services.evidence.domain.kinds import findings
from services.evidence.domain.kinds.documents import json_value
from services.evidence.domain.kinds.findings import Finding
from services.evidence.domain.kinds.reading import MomentIfAny, Part, Reading, UnreadableError

_PURL_TYPES = {
    "npm": "npm",
    "yarn": "npm",
    "pnpm": "npm",
    "pip": "pypi",
    "pipenv": "pypi",
    "poetry": "pypi",
    "maven": "maven",
    "gradle": "maven",
    "sbt": "maven",
    "nuget": "nuget",
    "rubygems": "gem",
    "composer": "composer",
    "gomodules": "golang",
    "golangdep": "golang",
}


class _Identifiers(Part):
    cve: tuple[str, ...] | None = Field(default=None, alias="CVE")
    ghsa: tuple[str, ...] | None = Field(default=None, alias="GHSA")


class _Vulnerability(Part):
    id: str = Field(min_length=1, max_length=200)
    type: str | None = None
    severity: str = ""
    score: Any = Field(default=None, alias="cvssScore")
    package: str = Field(default="", alias="packageName")
    version: str = ""
    fixed_in: tuple[str, ...] | None = Field(default=None, alias="fixedIn")
    identifiers: _Identifiers | None = None
    published_at: MomentIfAny = Field(default=None, alias="publicationTime")
    disclosed_at: MomentIfAny = Field(default=None, alias="disclosureTime")


class _Filtered(Part):
    ignore: tuple[dict[str, Any], ...] | None = None
    patch: tuple[dict[str, Any], ...] | None = None


class _Project(Part):
    ok: bool
    vulnerabilities: tuple[_Vulnerability, ...]
    package_manager: str = Field(default="", alias="packageManager")
    unique: int | None = Field(default=None, alias="uniqueCount")
    filtered: _Filtered | None = None
    file: str | None = Field(default=None, alias="displayTargetFile")
    applications: tuple[_Project, ...] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.ok and self.vulnerabilities:
            raise ValueError(f"ok is true although vulnerabilities lists {len(self.vulnerabilities)}")
        listed = len({found.id for found in self.vulnerabilities})
        if self.unique is not None and self.unique > listed:
            raise ValueError(f"uniqueCount is {self.unique} although vulnerabilities lists {listed}")
        return self


def read(predicate: Mapping[str, Any]) -> Reading:
    """The report in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    return read_document(json_value(predicate))


def read_document(document: Any) -> Reading:
    """The report `document`, an object or a list. Raises as `read` does."""
    listed = document if isinstance(document, list) else [document]
    if not listed:
        raise UnreadableError("document", "is an empty list: nothing was tested")
    projects = list(_projects(listed))
    found = [finding for project in projects for finding in _findings(project)]
    return findings.reading(
        "snyk", found, suppressed=sum(_suppressed(project.filtered) for project in projects if project.filtered)
    )


def _projects(documents: list[Any]) -> Iterator[_Project]:
    for document in documents:
        if isinstance(document, Mapping) and document.get("error"):
            raise UnreadableError("error", f"says that the test failed: {str(document['error'])[:200]}")
        project = _Project.model_validate(document)
        yield project
        yield from project.applications or ()


def _findings(project: _Project) -> list[Finding]:
    security = (found for found in project.vulnerabilities if found.type != "license")
    return findings.distinct(_found(found, project) for found in security)


def _found(found: _Vulnerability, project: _Project) -> Finding:
    score, named = findings.base_score(found.score), found.identifiers or _Identifiers()
    return Finding(
        id=found.id,
        severity=findings.severity_of_word(found.severity) or Severity.UNKNOWN,
        score=score,
        purl=_purl(project.package_manager, found.package, found.version),
        fixed_in=", ".join(found.fixed_in or ())[:200] or None,
        location=f"{project.file or project.package_manager} ({found.package}@{found.version})",
        aliases=(*(named.cve or ()), *(named.ghsa or ())),
        published_at=found.published_at or found.disclosed_at,
    )


def _purl(manager: str, package: str, version: str) -> str | None:
    kind = _PURL_TYPES.get(manager)
    if kind is None or not package:
        return None
    namespace, _, name = package.replace(":", "/").rpartition("/")
    try:
        return PackageURL(kind, namespace or None, name, version or None).to_string()
    except ValueError:
        return None


def _suppressed(filtered: _Filtered) -> int:
    return len(filtered.ignore or ()) + len(filtered.patch or ())
