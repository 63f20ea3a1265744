"""Metrics: delivery, flow, coverage, for people, programs and spreadsheets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from contracts.vocabulary import utc
from services.cli.client import Client
from services.cli.commands.arguments import earlier
from services.cli.metric_views import coverage_tables, delivery_series, five_metrics, flow_tables, head
from services.cli.output import out
from services.cli.spreadsheets import Csv, print_table
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
    out.answer(answer, five_metrics(answer["metrics"]))


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
        print_table(path, query)
        return
    answer = Client().get(path, **query)
    lines: list[Any] = [head(answer), five_metrics(answer["metrics"])]
    out.answer(answer, *lines, *(delivery_series(answer) if by else ()))


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
        print_table(path, query)
        return
    answer = Client().get(path, **query)
    out.answer(answer, head(answer), *flow_tables(answer))


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
        print_table(path, query)
        return
    client = Client()
    answer = client.get(path, **query)
    while answer["next"] is not None:
        page = client.get(path, **query, after=answer["next"])
        answer |= {"stages": [*answer["stages"], *page["stages"]], "next": page["next"]}
    out.answer(answer, *coverage_tables(answer))


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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(metrics, name="metrics")
