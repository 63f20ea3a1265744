"""Answers about risk as tables: one row for each thing that somebody has to deal with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Table = tuple[list[str], list[list[Any]]]

_VERSION = ["project", "application", "version", "stage", "release", "trust", "criticality"]
_FINDING = ["component", "advisory", "fixed_in", "doubt", "since", "due"]
_FIX = ["component", "to_version", "removes", "risk", "severity", "exploited", "epss", "deadline", "release_count"]
_ALERT = [
    "alert_id",
    "project",
    "application",
    "version",
    "stage",
    "kind",
    "name",
    "component",
    "severity",
    "exploited",
    "criticality",
    "state",
    "assignee",
    "since",
    "opened_at",
    "due",
    "overdue",
    "fixed_in",
    "closed_at",
    "closed_by",
    "met",
    "summary",
]
_DRIFT = [
    "project",
    "application",
    "kind",
    "environment",
    "service",
    "version",
    "expected",
    "stage",
    "criticality",
    "since",
    "because",
]


def exposure_table(answer: Mapping[str, Any]) -> Table:
    """One row for each finding that is listed, with its version and what is known of its flaw."""
    flaws = {one["advisory"]: one for one in answer["flaws"]}
    columns = [
        *_VERSION,
        "current_in",
        "owners",
        *_FINDING,
        "severity",
        "exploited_since",
        "epss",
        "waivers",
        "runs_in",
    ]
    rows = [
        [
            *_values(version, _VERSION),
            _together(version["current_in"]),
            _together(version["owners"]),
            *_values(finding, _FINDING),
            *_known(flaws.get(finding["advisory"])),
            _together(one["waiver_id"] for one in finding["waivers"]),
            _together(f"{one['environment']}/{one['service']}".rstrip("/") for one in version["deployments"]),
        ]
        for version in answer["versions"]
        for finding in version["findings"]
    ]
    return columns, rows


def remediation_table(answer: Mapping[str, Any]) -> Table:
    """One row for each step."""
    columns = [*_FIX, "releases", "advisory_count", "advisories"]
    rows = [
        [*_values(one, _FIX), _together(one["releases"]), one["advisory_count"], _together(one["advisories"])]
        for one in answer["fixes"]
    ]
    return columns, rows


def alerts_table(answer: Mapping[str, Any]) -> Table:
    """One row for each alert."""
    columns = [*_ALERT, "owners", "aliases"]
    rows = [[*_values(one, _ALERT), _together(one["owners"]), _together(one["aliases"])] for one in answer["alerts"]]
    return columns, rows


def drift_table(answer: Mapping[str, Any]) -> Table:
    """One row for each difference."""
    return [*_DRIFT, "owners"], [[*_values(one, _DRIFT), _together(one["owners"])] for one in answer["drifts"]]


def _values(one: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    return [one[name] for name in names]


def _known(flaw: Mapping[str, Any] | None) -> list[Any]:
    if flaw is None:
        return [None, None, None]
    exploitation = flaw["exploitation"] or {}
    return [flaw["severity"], exploitation.get("exploited_since"), exploitation.get("epss")]


def _together(names: Iterable[str]) -> str:
    return ", ".join(names)
