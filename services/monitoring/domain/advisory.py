"""One advisory, read from an OSV record (ossf/osv-schema 1.x).

- A record that breaks the schema where matching depends on it is refused whole: half an advisory would answer "not
  affected" for the half that was dropped.
- One key per event; a range has at least one `introduced`, and not both `fixed` and `last_affected`.
- Severity is the word that a database gives (`database_specific.severity`, else the worst word on an affected entry or
  in `severity`, where Ubuntu writes one), else the worst rating of its newest CVSS vectors. A word is the database's
  own judgement and wins: GitHub and Red Hat show theirs, whatever the vector beside it would be rated. Without either
  the severity is `unknown`, which counts wherever `low` counts.
- Affected entries without a package name sources by commit only; no package URL can meet them, so they are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from contracts.vocabulary import Frozen, Severity, Utc
from services.monitoring.domain.scoring import rated_by_newest
from shared.errors import Invalid

AdvisoryId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
_Word = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_SUMMARY_LENGTH = 300
_WORDS = {
    "none": Severity.NONE,
    "negligible": Severity.LOW,
    "low": Severity.LOW,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
_RANK = {
    # A rating, even a mild one, says more than none at all; only "no impact" says less.
    Severity.NONE: 0,
    Severity.UNKNOWN: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}


class RangeType(StrEnum):
    """What order the versions of a range follow."""

    SEMVER = "SEMVER"
    ECOSYSTEM = "ECOSYSTEM"
    GIT = "GIT"
    """Commits: cannot be answered from version strings."""


class Bound(StrEnum):
    """What happens at one version of a range."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    LAST_AFFECTED = "last_affected"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class RangeEvent:
    """At this version the flaw comes, goes, or the range ends."""

    bound: Bound
    version: str


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """Versions between events, in the order they were written."""

    type: RangeType
    events: tuple[RangeEvent, ...]


@dataclass(frozen=True, slots=True)
class AffectedPackage:
    """One package that the flaw is in."""

    ecosystem: str
    name: str
    ranges: tuple[AffectedRange, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def fixed_versions(self) -> tuple[str, ...]:
        """Every `fixed` version of its non-commit ranges, as written, without repeats."""
        found = (
            event.version
            for affected in self.ranges
            if affected.type is not RangeType.GIT
            for event in affected.events
            if event.bound is Bound.FIXED
        )
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Advisory:
    """What one database says of one flaw."""

    id: str
    aliases: tuple[str, ...]
    """Ids of the same flaw in other databases, sorted."""
    modified: datetime
    withdrawn: datetime | None
    """When it was taken back; a withdrawn advisory never matches."""
    summary: str
    severity: Severity
    affected: tuple[AffectedPackage, ...]


class _Package(Frozen):
    ecosystem: _Word
    name: _Word


class _Range(Frozen):
    type: RangeType
    events: Annotated[list[dict[Bound, _Word]], Field(min_length=1)]

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        if any(len(event) != 1 for event in self.events):
            raise ValueError("each event must have exactly one key")
        bounds = {bound for event in self.events for bound in event}
        if Bound.INTRODUCED not in bounds:
            raise ValueError("a range needs an introduced event")
        if {Bound.FIXED, Bound.LAST_AFFECTED} <= bounds:
            raise ValueError("a range may not have both fixed and last_affected")
        return self


class _Affected(Frozen):
    package: _Package | None = None
    ranges: list[_Range] | None = None
    versions: list[_Word] | None = None
    severity: Any = None
    database_specific: Any = None
    ecosystem_specific: Any = None


class _Record(Frozen):
    id: AdvisoryId
    modified: Utc
    aliases: list[AdvisoryId] | None = None
    withdrawn: Utc | None = None
    summary: str | None = None
    details: str | None = None
    affected: list[_Affected] | None = None
    severity: Any = None
    database_specific: Any = None


def read_advisory(record: Mapping[str, Any]) -> Advisory:
    """The advisory that one OSV record (parsed JSON) states.

    Raises `Invalid` (`advisory_malformed`) with the record's id and the path of the first problem.
    """
    try:
        raw = _Record.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "the record"
        name = str(record.get("id"))[:200] if isinstance(record, Mapping) else "without id"
        raise Invalid(
            "advisory_malformed",
            f"Advisory {name!r} is malformed at {path}: {first['msg']}.",
            remedy="Fix the record at that path, or leave it out, and import again.",
        ) from error
    return Advisory(
        id=raw.id,
        aliases=tuple(sorted(set(raw.aliases or ()) - {raw.id})),
        modified=raw.modified,
        withdrawn=raw.withdrawn,
        summary=_summary(raw),
        severity=_severity(raw),
        affected=tuple(_affected(entry, entry.package) for entry in raw.affected or () if entry.package),
    )


def is_newer(candidate: Advisory, known: Advisory | None) -> bool:
    """Whether `candidate` should replace what is known of the same id: it differs and was not modified earlier.

    Equal times still replace: some databases write the same `modified` into every revision (Go: year 1).
    """
    return known is None or (candidate != known and candidate.modified >= known.modified)


def worst(severities: Iterable[Severity]) -> Severity:
    """The highest severity; `unknown` lies between `none` and `low`, and is the answer for no severities."""
    return max(severities, key=_RANK.__getitem__, default=Severity.UNKNOWN)


def reaches(severity: Severity, threshold: Severity) -> bool:
    """Whether `severity` is at or above `threshold`; `unknown` always is, since it may be."""
    return severity is Severity.UNKNOWN or _RANK[severity] >= _RANK[threshold]


def _summary(raw: _Record) -> str:
    text = (raw.summary or raw.details or "").strip()
    return text.splitlines()[0][:_SUMMARY_LENGTH] if text else ""


def _severity(raw: _Record) -> Severity:
    whole = _word(raw.database_specific)
    if whole is not None:
        return whole
    affected = raw.affected or ()
    texts = [text for given in (raw.severity, *(one.severity for one in affected)) for text in _scores(given)]
    specific = (spec for one in affected for spec in (one.database_specific, one.ecosystem_specific))
    words = [*map(_word, specific), *(_WORDS.get(text.lower()) for text in texts)]
    return worst(_known(words) or rated_by_newest(texts))


def _known(severities: Iterable[Severity | None]) -> list[Severity]:
    return [one for one in severities if one is not None]


def _scores(given: Any) -> Iterator[str]:
    # A severity that cannot be read makes the record worth less, not worthless: it is `unknown` then.
    for one in given if isinstance(given, list) else ():
        score = one.get("score") if isinstance(one, Mapping) else None
        if isinstance(score, str):
            yield score


def _word(specific: Any) -> Severity | None:
    # These objects are each database's own: anything may stand there, and most of it is no severity.
    word = specific.get("severity") if isinstance(specific, Mapping) else None
    return _WORDS.get(word.lower()) if isinstance(word, str) else None


def _affected(entry: _Affected, package: _Package) -> AffectedPackage:
    return AffectedPackage(
        ecosystem=package.ecosystem,
        name=package.name,
        ranges=tuple(AffectedRange(type=one.type, events=_events(one)) for one in entry.ranges or ()),
        versions=tuple(entry.versions or ()),
    )


def _events(raw: _Range) -> tuple[RangeEvent, ...]:
    return tuple(RangeEvent(bound=bound, version=version) for event in raw.events for bound, version in event.items())
