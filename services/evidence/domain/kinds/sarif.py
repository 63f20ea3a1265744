"""SARIF 2.1.0 logs: the results of static analysis and of scanners.

- Other versions are unreadable: 1.0 and the drafts of 2.0 mean other things by the same words.
- A run without `results` looked at nothing: a log of such runs only is no scan (`OtherFacts`), one among others makes
  the log unreadable. So do `results: null`, by which a tool says that it failed, an invocation that was not
  successful, and results kept in another file: what was not looked at is not clean.
- A result counts as a finding when its `kind` is `fail`, which is the default. `open` and `review` are undecided and
  count as unknown; `pass`, `notApplicable` and `informational` are no findings. A level other than `none` beside one
  of these contradicts itself.
- The level is the result's, else the override's of the invocation, else the rule's default, else `warning`.
- A finding is rated by `security-severity` (a CVSS score) of the result or its rule; without one by the level:
  error is high, warning is medium, note is low.
- Aliases are the CVE and GHSA ids that a rule carries, alone or in a list, in a property of its or among its old ids.
- Results that the baseline calls `absent` are gone and do not count. Suppressed ones (every suppression accepted)
  count as suppressed. Results are never merged: each is a place of its own. `rank` orders findings of one severity.

Source: OASIS SARIF 2.1.0 (errata 01), sections 3.13, 3.14, 3.20, 3.27, 3.35, 3.49 to 3.52; the property
`security-severity` as GitHub code scanning defines it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from contracts.facts import OtherFacts
from contracts.vocabulary import Severity
from services.evidence.domain.kinds import findings
from services.evidence.domain.kinds.documents import json_object
from services.evidence.domain.kinds.findings import Finding
from services.evidence.domain.kinds.reading import Moment, Part, Reading
from services.evidence.domain.kinds.sarif_rules import Level, RuleSet, Tool

_LEVELS: Mapping[Level, Severity] = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.NONE,
}
_UNDECIDED = frozenset({"open", "review"})
_ADVISORY = re.compile(r"(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3})(?=-|$)")
"""Some scanners append the package to the advisory's id, to have one rule for each pair."""


class _Artifact(Part):
    uri: str | None = None


class _Region(Part):
    start_line: int | None = Field(default=None, alias="startLine")


class _Physical(Part):
    artifact: _Artifact | None = Field(default=None, alias="artifactLocation")
    region: _Region | None = None


class _Logical(Part):
    full_name: str | None = Field(default=None, alias="fullyQualifiedName")
    name: str | None = None


class _Location(Part):
    physical: _Physical | None = Field(default=None, alias="physicalLocation")
    logical: tuple[_Logical, ...] | None = Field(default=None, alias="logicalLocations")

    def place(self) -> str | None:
        if self.physical and self.physical.artifact and self.physical.artifact.uri:
            line = self.physical.region.start_line if self.physical.region else None
            return self.physical.artifact.uri + (f":{line}" if line else "")
        return next(self.names(), None)

    def names(self) -> Iterator[str]:
        for one in self.logical or ():
            name = one.full_name or one.name
            if name:
                yield name


class _Suppression(Part):
    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"] | None = None


class _ComponentReference(Part):
    index: int = -1


class _RuleReference(Part):
    id: str | None = Field(default=None, max_length=2000)
    index: int = -1
    component: _ComponentReference | None = Field(default=None, alias="toolComponent")


class _Result(Part):
    message: dict[str, Any]
    rule_id: str | None = Field(default=None, alias="ruleId", max_length=2000)
    rule_index: int = Field(default=-1, alias="ruleIndex")
    rule: _RuleReference | None = None
    kind: Literal["notApplicable", "pass", "fail", "review", "open", "informational"] = "fail"
    level: Level | None = None
    baseline: Literal["new", "unchanged", "updated", "absent"] | None = Field(default=None, alias="baselineState")
    suppressions: tuple[_Suppression, ...] | None = None
    rank: float = Field(default=-1.0, ge=-1.0, le=100.0, allow_inf_nan=False)
    locations: tuple[_Location, ...] | None = None
    properties: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.kind != "fail" and self.level not in (None, "none"):
            raise ValueError(f"level is {self.level} although kind is {self.kind}")
        return self

    @property
    def suppressed(self) -> bool:
        return bool(self.suppressions) and all(one.status in (None, "accepted") for one in self.suppressions or ())


class _Invocation(Part):
    successful: bool | None = Field(default=None, alias="executionSuccessful")
    ended: Moment | None = Field(default=None, alias="endTimeUtc")
    overrides: tuple[dict[str, Any], ...] | None = Field(default=None, alias="ruleConfigurationOverrides")


class _External(Part):
    results: tuple[Any, ...] | None = None


class _Run(Part):
    tool: Tool
    results: tuple[_Result, ...]
    invocations: tuple[_Invocation, ...] | None = None
    external: _External | None = Field(default=None, alias="externalPropertyFileReferences")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(one.successful is False for one in self.invocations or ()):
            raise ValueError("an invocation says that it was not successful")
        if self.external and self.external.results:
            raise ValueError("results lie in other files")
        return self


class _Log(Part):
    version: Literal["2.1.0"]
    runs: tuple[_Run, ...] = Field(min_length=1)


class _Outline(Part):
    version: Literal["2.1.0"]
    runs: tuple[dict[str, Any], ...]


def read(predicate: Mapping[str, Any]) -> Reading:
    """The log in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    return read_document(json_object(predicate))


def read_document(document: Mapping[str, Any]) -> Reading:
    """The log `document`. Raises pydantic's `ValidationError` when it is none."""
    if _scanned_nothing(document):
        return Reading(OtherFacts())
    log = _Log.model_validate(document)
    found: list[Finding] = []
    suppressed = 0
    for run in log.runs:
        rules = RuleSet.of(run.tool, [one for call in run.invocations or () for one in call.overrides or ()])
        for result in run.results:
            if result.baseline == "absent" or result.kind in ("pass", "notApplicable", "informational"):
                continue
            if result.suppressed:
                suppressed += 1
            else:
                found.append(_finding(result, rules))
    ended = [call.ended for run in log.runs for call in run.invocations or () if call.ended]
    names = dict.fromkeys(run.tool.driver.name for run in log.runs)
    return findings.reading(", ".join(names)[:500], found, suppressed=suppressed, claimed_at=max(ended, default=None))


def _scanned_nothing(document: Mapping[str, Any]) -> bool:
    runs = _Outline.model_validate(document).runs
    return bool(runs) and not any("results" in run for run in runs)


def _finding(result: _Result, rules: RuleSet) -> Finding:
    reference = result.rule or _RuleReference()
    index = result.rule_index if result.rule_index >= 0 else reference.index
    name = result.rule_id or reference.id
    rule = rules.rule(name, index, reference.component.index if reference.component else -1)
    stated = {**(rule.properties or {}), **(result.properties or {})} if rule else result.properties or {}
    score = findings.base_score(stated.get("security-severity"))
    places = result.locations or ()
    return Finding(
        id=_id(name or (rule.id if rule else None) or "unnamed"),
        severity=_severity(result, rules.level(rule), score),
        score=score,
        purl=next((name for one in places for name in one.names() if name.startswith("pkg:")), None),
        location=next((place for place in (one.place() for one in places) if place), None),
        aliases=rule.advisories() if rule else (),
        rank=result.rank,
    )


def _severity(result: _Result, rule_level: Level, score: float | None) -> Severity:
    if result.kind in _UNDECIDED:
        return Severity.UNKNOWN
    if score:  # Scanners write 0.0 where they know no score.
        return findings.severity_of_score(score)
    return _LEVELS[result.level or rule_level]


def _id(name: str) -> str:
    advisory = _ADVISORY.match(name)
    return advisory.group() if advisory else name
