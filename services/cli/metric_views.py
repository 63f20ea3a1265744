"""Metrics as people read them: tables with small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.cli.bars import bar, length, sparkline
from services.cli.output import table


def head(answer: dict[str, Any]) -> str:
    """What the answer is about."""
    bands = answer.get("bands")
    what = "/".join(one for one in (answer["project"], answer["application"]) if one) or "all projects"
    since, until = (datetime.fromisoformat(answer[name]) for name in ("since", "until"))
    return f"{what}, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC" + (f"; bands of {bands}" if bands else "")


def five_metrics(found: list[dict[str, Any]]) -> Any:
    """The delivery metrics, one a row."""
    rows = [
        (
            one["name"],
            _value(one["value"], one["unit"]),
            _value(one["p90"], one["unit"]) if one["unit"] == "seconds" else "",
            one["unit"] if one["unit"] != "seconds" else "median",
            one["band"],
            one["fact_count"],
            one["formula"],
        )
        for one in found
    ]
    return table(("metric", "value", "p90", "unit", "band", "facts", "formula"), rows)


def _value(value: float | None, unit: str) -> str | None:
    return length(value) if unit == "seconds" else None if value is None else f"{value:.3g}"


def delivery_series(answer: dict[str, Any]) -> list[Any]:
    """The series, as lines of bars and as a table."""
    series = answer["series"]
    rows = [
        (
            _period(one),
            one["deployments"],
            length(one["lead_time"]["median"]),
            length(one["lead_time"]["p90"]),
            _percent(one["change_failure_rate"]),
            length(one["time_to_restore"]["median"]),
            length(one["time_to_restore"]["p90"]),
            _percent(one["rework_rate"]),
        )
        for one in series
    ]
    columns = ("from", "deployments", "lead time", "p90", "failed", "restored in", "p90", "rework")
    lines = [
        ("deployments", sparkline([one["deployments"] for one in series])),
        ("lead time", sparkline([one["lead_time"]["median"] for one in series])),
        ("failed", sparkline([one["change_failure_rate"] for one in series])),
        ("restored in", sparkline([one["time_to_restore"]["median"] for one in series])),
        ("rework", sparkline([one["rework_rate"] for one in series])),
    ]
    return [table(("", f"by {answer['by']}"), lines), table(columns, rows)]


def flow_tables(answer: dict[str, Any]) -> list[Any]:
    """All that is known of the window; what there is nothing of is left out."""
    whole = answer["whole"]
    took = whole["took"]
    ended = (
        f"{whole['completed']} completed, {whole['denied']} denied, {whole['ended_otherwise']} ended otherwise; "
        f"they took {length(took['median']) or '-'} in the median, {length(took['p90']) or '-'} at the 90th percentile"
    )
    total = sum(one["total_seconds"] for one in whole["waited"])
    dwell = [
        (one["stage"], one["seconds"]["measured"], length(one["seconds"]["median"]), length(one["seconds"]["p90"]))
        for one in whole["dwell"]
    ]
    waited = [
        (
            one["on"],
            length(one["total_seconds"]),
            bar(one["total_seconds"] / total if total else None),
            length(one["seconds"]["median"]),
            length(one["seconds"]["p90"]),
        )
        for one in whole["waited"]
    ]
    gates = [
        (
            f"{one['stage']} {one['gate']}",
            one["judged"],
            f"{bar(one['first_pass_yield'])} {_percent(one['first_pass_yield'])}",
        )
        for one in whole["gates"]
    ]
    denied = [(f"{one['policy']}/{one['rule']}", one["promotions"]) for one in answer["denials"]]
    waiting = [(one["on"], one["count"], one["oldest_since"]) for one in answer["waiting"]]
    series = [
        (_period(one), one["completed"], one["denied"], length(one["took"]["median"]), length(one["took"]["p90"]))
        for one in answer["series"]
    ]
    tables: list[tuple[Sequence[str], list[Any]]] = [
        (("stage", "versions that left it", "median stay", "p90"), dwell),
        (("waited for", "in all", "", "median", "p90"), waited),
        (("gate", "judged", "passed at once"), gates),
        (("denied by", "promotions"), denied),
        (("waits now for", "promotions", "oldest since"), waiting),
        (("from", "completed", "denied", "took", "p90"), series),
    ]
    return [ended, *(table(columns, rows) for columns, rows in tables if rows)]


def _period(one: dict[str, Any]) -> str:
    return f"{one['since'][:16]}{' …' if one['partial'] else ''}"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def coverage_tables(answer: dict[str, Any]) -> list[Any]:
    """What stands, the open waivers, and the closed alerts."""
    rows = [
        (
            one["application"],
            one["stage"],
            one["version"],
            ", ".join(f"{kind['kind']} {kind['verified']}/{kind['count']}" for kind in one["evidence"]),
            f"{bar(one['signed_share'])} {_percent(one['signed_share'])}",
            length(one["sbom_age_seconds"]),
        )
        for one in answer["stages"]
    ]
    waivers = [(one["label"], one["since_granted"], one["until_expiry"]) for one in answer["waivers"]]
    closed = [
        (one["severity"], one["closed"], length(one["mean_seconds"]), _percent(one["in_time"] / one["closed"]))
        for one in answer["remediation"]
    ]
    columns = ("application", "stage", "version", "evidence, verified/all", "signed", "age of the SBOM")
    return [
        table(columns, rows),
        table(("open waivers", "granted so long ago", "expire in"), waivers),
        *([table(("severity", "alerts closed", "mean time", "in time"), closed)] if closed else ()),
    ]
