"""The overview: how far applications can be relied on, by how much the business depends on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from contracts.monitoring.v1.surveys import ReleaseName, TrustCount, TrustLine
from contracts.registry.v1.surveys import SurveyedApplication
from contracts.vocabulary import Criticality, Trust

CRITICALITIES = (
    Criticality.CRITICAL,
    Criticality.HIGH,
    Criticality.MEDIUM,
    Criticality.LOW,
    Criticality.UNSPECIFIED,
)
"""The most urgent first."""
_STATES = (
    (Trust.REVOKED, "revoked", "bad"),
    (Trust.AT_RISK, "at risk", "warn"),
    (Trust.TRUSTED, "trusted", "good"),
    (Trust.NONE, "released, not trusted", "info"),
)
_WORST_FIRST = (Trust.REVOKED, Trust.AT_RISK, Trust.NONE, Trust.TRUSTED)
_LOOKED_UP = 500
"""Releases that one question may name."""
Part = tuple[str, int, str]
"""Name, count and colour of a part of a bar."""


@dataclass(frozen=True)
class Filters:
    """What the overview is confined to; empty texts confine nothing."""

    project: str = ""
    criticality: str = ""
    owner: str = ""
    name: str = ""

    @property
    def given(self) -> dict[str, str]:
        """Those that confine something, as fields of questions."""
        return {name: value for name, value in vars(self).items() if value}

    def path(self, **other: str) -> str:
        """The overview with these filters, some of them otherwise."""
        query = urlencode({name: value for name, value in {**self.given, **other}.items() if value})
        return f"/?{query}" if query else "/"


@dataclass(frozen=True)
class Bar:
    """The applications of one criticality, as one bar."""

    criticality: Criticality
    total: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Row:
    """One application of the list."""

    application: SurveyedApplication
    trust: TrustLine | None
    """Of its least trusted current release."""


def bars(applications: Mapping[Criticality, int], trusts: Iterable[TrustCount]) -> tuple[Bar, ...]:
    """One bar for each criticality of which there are applications."""
    counted = {(one.criticality, one.trust): one.applications for one in trusts}
    found = []
    for criticality in CRITICALITIES:
        released = {trust: counted.get((criticality, trust), 0) for trust, _, _ in _STATES}
        # The two services count at different moments: an application just released must not count below zero.
        total = max(applications.get(criticality, 0), sum(released.values()))
        if total:
            parts = tuple((name, released[trust], kind) for trust, name, kind in _STATES if released[trust])
            rest = total - sum(released.values())
            found.append(Bar(criticality, total, (*parts, *((("not released", rest, "grey"),) if rest else ()))))
    return tuple(found)


def releases_of(applications: Iterable[SurveyedApplication]) -> tuple[ReleaseName, ...]:
    """What is current in their release stages."""
    named = {
        (one.project, one.application, stage.version)
        for one in applications
        for stage in one.stages
        if stage.release and stage.version
    }
    return tuple(ReleaseName(project=p, application=a, version=v) for p, a, v in sorted(named)[:_LOOKED_UP])


def rows(applications: Iterable[SurveyedApplication], trusts: Iterable[TrustLine]) -> tuple[Row, ...]:
    """Applications with the worst that is known of their current releases."""
    worst: dict[tuple[str, str], TrustLine] = {}
    for one in sorted(trusts, key=lambda line: _WORST_FIRST.index(line.trust), reverse=True):
        worst[one.project, one.application] = one
    return tuple(Row(one, worst.get((one.project, one.application))) for one in applications)
