"""Metrics: delivery, flow, coverage, for people, programs and spreadsheets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from contracts.vocabulary import utc
from services.cli.bars import bar, length, sparkline
from services.cli.client import Client
from services.cli.commands.arguments import earlier
from services.cli.output import out, table
from shared.clock import utc_now
from shared.errors import Invalid

metrics = typer.Typer(help="How delivery goes.", invoke_without_command=True)


class By(StrEnum):
    """What a series is divided into."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Bands(StrEnum):
    """Whose performance bands."""

    Y2021 = "2021"
    Y2023 = "2023"


Project = Annotated[str | None, typer.Option("--project", "-p", help="The project; all of them when absent.")]
Application = Annotated[str | None, typer.Option(help="One application of the project.")]
Since = Annotated[str | None, typer.Option(help="`90d`, a date, or a moment with its offset; 90 days ago when absent.")]
Until = Annotated[str | None, typer.Option(help="As --since; now when absent.")]
Zone = Annotated[str, typer.Option(help="Whose days, weeks and months: UTC, or a name such as Europe/Berlin.")]
Csv = Annotated[bool, typer.Option("--csv", help="Answer in CSV, for spreadsheets.")]
Series = Annotated[By | None, typer.Option(help="A series as well: by day, ISO week or month.")]


@metrics.callback()
def five(
    context: typer.Context,
    project: Project = None,
    application: Application = None,
    since: Annotated[str | None, typer.Option(help="RFC 3339; 90 days ago when absent.")] = None,
) -> None:
    """The five delivery metrics of a project, each with what it was computed from; more by its commands."""
    if context.invoked_subcommand:
        return
    if project is None:
        raise Invalid("project_missing", "No project was named.", remedy="Add --project, or say `metrics delivery`.")
    answer = Client().get(f"/projects/{project}/metrics", application=application, since=_moment(since))
    out.answer(answer, _five(answer["metrics"]))


@metrics.command()
def delivery(
    *,
    project: Project = None,
    application: Application = None,
    by: Series = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    bands: Annotated[Bands, typer.Option(help="The report whose performance bands are shown.")] = Bands.Y2023,
    as_csv: Csv = False,
) -> None:
    """How fast and how safely is delivered: five metrics with their bands, over time with --by."""
    query = _query(application, by, since, until, zone) | {"bands": bands.value}
    path = _path(project, "delivery")
    if as_csv:
        _print_csv(path, query)
        return
    answer = Client().get(path, **query)
    lines: list[Any] = [_head(answer, answer["bands"]), _five(answer["metrics"])]
    out.answer(answer, *lines, *(_delivery_series(answer) if by else ()))


@metrics.command()
def flow(
    *,
    project: Project = None,
    application: Application = None,
    by: Series = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    as_csv: Csv = False,
) -> None:
    """Where time goes between stages, what promotions wait for, and what stops them."""
    query, path = _query(application, by, since, until, zone), _path(project, "flow")
    if as_csv:
        _print_csv(path, query)
        return
    answer = Client().get(path, **query)
    whole, lines = answer["whole"], [_head(answer, "")]
    took = whole["took"]
    lines.append(
        f"{whole['completed']} completed, {whole['denied']} denied, {whole['ended_otherwise']} ended otherwise; "
        f"they took {length(took['median']) or '-'} in the median, {length(took['p90']) or '-'} at the 90th percentile"
    )
    out.answer(answer, *lines, *_flow_tables(answer))


@metrics.command()
def coverage(
    *,
    project: Annotated[str, typer.Option("--project", "-p", help="The project.")],
    application: Application = None,
    since: Annotated[str | None, typer.Option(help="Of alerts that were closed; 90 days ago when absent.")] = None,
    as_csv: Csv = False,
) -> None:
    """Which evidence there is for what stands in stages, which waivers are open, how soon alerts are closed."""
    path, query = _path(project, "coverage"), {"application": application, "since": _moment(since)}
    if as_csv:
        _print_csv(path, query)
        return
    client = Client()
    answer = client.get(path, **query)
    while answer["next"] is not None:
        page = client.get(path, **query, after=answer["next"])
        answer |= {"stages": [*answer["stages"], *page["stages"]], "next": page["next"]}
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
    out.answer(
        answer,
        table(columns, rows),
        table(("open waivers", "granted so long ago", "expire in"), waivers),
        *([table(("severity", "alerts closed", "mean time", "in time"), closed)] if closed else ()),
    )


def _print_csv(path: str, query: dict[str, Any]) -> None:
    client, after, begins = Client(), None, 0
    while True:
        text, after = client.get_table(path, **query, after=after)
        # The heading is that of the first page.
        print("".join(text.splitlines(keepends=True)[begins:]), end="")  # noqa: T201 - this is the program's output
        if after is None:
            return
        begins = 1


def _query(application: str | None, by: By | None, since: str | None, until: str | None, zone: str) -> dict[str, Any]:
    return {
        "application": application,
        "by": by.value if by else None,
        "since": _moment(since),
        "until": _moment(until),
        "zone": zone,
    }


def _path(project: str | None, noun: str) -> str:
    return f"/projects/{project}/metrics/{noun}" if project else f"/metrics/{noun}"


def _moment(text: str | None) -> str | None:
    return utc(earlier(text, utc_now())) if text else None


def _head(answer: dict[str, Any], bands: str) -> str:
    what = "/".join(one for one in (answer["project"], answer["application"]) if one) or "all projects"
    since, until = (datetime.fromisoformat(answer[name]) for name in ("since", "until"))
    return f"{what}, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC" + (f"; bands of {bands}" if bands else "")


def _five(found: list[dict[str, Any]]) -> Any:
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


def _delivery_series(answer: dict[str, Any]) -> list[Any]:
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


def _flow_tables(answer: dict[str, Any]) -> list[Any]:
    whole = answer["whole"]
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
    tables = [
        (("stage", "versions that left it", "median stay", "p90"), dwell),
        (("waited for", "in all", "", "median", "p90"), waited),
        (("gate", "judged", "passed at once"), gates),
        (("denied by", "promotions"), denied),
        (("waits now for", "promotions", "oldest since"), waiting),
        (("from", "completed", "denied", "took", "p90"), series),
    ]
    return [table(columns, rows) for columns, rows in tables if rows]


def _period(one: dict[str, Any]) -> str:
    return f"{one['since'][:16]}{' …' if one['partial'] else ''}"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(metrics, name="metrics")
