"""Freezes: when nothing enters which stages. They are documents: `hallmark apply -f` defines and changes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from contracts.promotion.v1.freezes import FreezeList, FreezeView
from services.cli.client import Client
from services.cli.commands.arguments import Project
from services.cli.explaining import moment
from services.cli.output import out, table
from shared.errors import NotFound

freeze = typer.Typer(help="When nothing enters which stages.", no_args_is_help=True)


@freeze.command("list")
def list_freezes(project: Project) -> None:
    """The freezes of a project, whether they hold now, and when they do next."""
    answer = Client().get(f"/projects/{project}/freezes")
    rows = [
        (
            one.freeze,
            ", ".join(one.stages) or "all",
            ", ".join(one.applications) or "all",
            _now(one),
            _next(one),
            one.reason,
        )
        for one in FreezeList.model_validate(answer).freezes
    ]
    out.answer(answer["freezes"], table(("freeze", "stages", "applications", "now", "next from", "why"), rows))


@freeze.command("show")
def show(
    freeze: Annotated[str, typer.Argument(help="Name of the freeze.", metavar="FREEZE")], project: Project
) -> None:
    """One freeze with its windows."""
    answer = Client().get(f"/projects/{project}/freezes")
    for given in answer["freezes"]:
        if given["freeze"] == freeze:
            out.answer(given, *_whole(FreezeView.model_validate(given)))
            return
    names = ", ".join(one["freeze"] for one in answer["freezes"]) or "none"
    raise NotFound("freeze_unknown", f"There is no freeze {freeze} in {project}.", remedy=f"There are: {names}.")


def _whole(one: FreezeView) -> Iterator[Any]:
    facts = [
        ("why", one.reason),
        ("stages", ", ".join(one.stages) or "all"),
        ("applications", ", ".join(one.applications) or "all"),
        ("holds back", ", ".join(one.kinds)),
        ("now", _now(one)),
        ("next from", _next(one)),
        ("revision", f"{one.revision}, {one.digest}"),
    ]
    yield table((one.freeze, ""), facts)
    windows = [(moment(each.starts_at), moment(each.ends_at), each.title) for each in one.windows]
    again = [(each.rule, f"{each.lasts}, {each.time_zone}", each.title) for each in one.recurring]
    if windows or again:
        yield table(("from", "until", "title"), [*windows, *again])


def _now(one: FreezeView) -> str:
    return f"frozen until {moment(one.active_until)}" if one.active_until else "open"


def _next(one: FreezeView) -> str:
    return moment(one.next_from) if one.next_from else ""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(freeze, name="freeze")
