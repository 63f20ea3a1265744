"""Answers about metrics as tables: one row for each thing that a spreadsheet would chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Table = tuple[list[str], list[list[Any]]]
_PERCENTILES = ("median", "p90")
_PERIOD = ["since", "until", "partial"]


def delivery_table(answer: dict[str, Any]) -> Table:
    """One row for each period of the series; without a series one for each metric."""
    if answer["by"] is None:
        columns = [
            "metric",
            "value",
            "unit",
            "p90",
            "relative_error",
            "numerator",
            "denominator",
            "band",
            "facts",
            "formula",
        ]
        fields = ["name", *columns[1:8], "fact_count", "formula"]
        return columns, [[one[field] for field in fields] for one in answer["metrics"]]
    plain = ["deployments", "rollbacks", "failed", "change_failure_rate", "still_open", "reworked", "rework_rate"]
    times = ["lead_time", "time_to_restore"]
    columns = [*_PERIOD, *plain, *(f"{name}_{part}_seconds" for name in times for part in _PERCENTILES)]
    rows = [
        [*(one[name] for name in (*_PERIOD, *plain)), *(one[name][part] for name in times for part in _PERCENTILES)]
        for one in answer["series"]
    ]
    return columns, rows


def flow_table(answer: dict[str, Any]) -> Table:
    """One row for each number of each period; denials and what waits now belong to the whole window."""
    columns = ["since", "until", "measure", "of", "count", "median_seconds", "p90_seconds", "total_seconds", "ratio"]
    rows = [row for one in (answer["series"] or [answer["whole"]]) for row in _flow_rows(one)]
    window = [answer["since"], answer["until"]]
    rows += [
        [*window, "denied_by", f"{one['policy']}/{one['rule']}", one["promotions"], *[None] * 4]
        for one in answer["denials"]
    ]
    rows += [
        [one["oldest_since"], answer["until"], "waiting_now", one["on"], one["count"], *[None] * 4]
        for one in answer["waiting"]
    ]
    return columns, rows


def coverage_table(answer: dict[str, Any]) -> Table:
    """One row for each kind of evidence on what stands in a stage; one without a kind where there is none."""
    columns = [
        "application",
        "stage",
        "version",
        "kind",
        "count",
        "verified",
        "newest",
        "signed_share",
        "sbom_age_seconds",
    ]
    nothing: dict[str, Any] = {"kind": None, "count": 0, "verified": 0, "newest": None}
    rows = [
        [
            *(one[name] for name in columns[:3]),
            *(kind[name] for name in columns[3:7]),
            one["signed_share"],
            one["sbom_age_seconds"],
        ]
        for one in answer["stages"]
        for kind in (one["evidence"] or [nothing])
    ]
    return columns, rows


def _flow_rows(one: dict[str, Any]) -> Iterator[list[Any]]:
    period = [one["since"], one["until"]]
    for name in ("completed", "denied", "ended_otherwise"):
        yield [*period, "ended", name, one[name], *[None] * 4]
    yield [*period, "took", "promotion", *_times(one["took"]), None, None]
    for dwell in one["dwell"]:
        yield [*period, "dwell", dwell["stage"], *_times(dwell["seconds"]), None, None]
    for waited in one["waited"]:
        yield [*period, "waited", waited["on"], *_times(waited["seconds"]), waited["total_seconds"], None]
    for gate in one["gates"]:
        name = f"{gate['stage']} {gate['gate']}"
        yield [*period, "first_pass", name, gate["judged"], None, None, None, gate["first_pass_yield"]]


def _times(seconds: dict[str, Any]) -> list[Any]:
    return [seconds["measured"], seconds["median"], seconds["p90"]]
