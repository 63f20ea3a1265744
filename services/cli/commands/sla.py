"""Until when flaws must be gone. Tables are documents: `hallmark apply -f` defines and changes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from services.cli.client import Client
from services.cli.commands.arguments import Project
from services.cli.output import out, table

sla = typer.Typer(help="Until when flaws must be gone.", no_args_is_help=True)
_AS_THE_API_SAYS = {"timeZone": "time_zone", "workingDays": "working_days"}
_LEVELS = ("critical", "high", "medium", "low")


def sla_body(spec: dict[str, Any]) -> dict[str, Any]:
    """What the API takes for the `spec` of a `SlaTable`."""
    body = dict(spec)
    if isinstance(calendar := spec.get("calendar"), dict):
        body["calendar"] = {_AS_THE_API_SAYS.get(key, key): value for key, value in calendar.items()}
    return body


@sla.command("show")
def show(project: Project) -> None:
    """The table that counts in a project, in days."""
    found = Client().get(f"/projects/{project}/sla")
    out.answer(found, *_whole(found))


@sla.command("list")
def list_tables() -> None:
    """The tables that were applied, the shared one first."""
    found = list(Client().pages("/sla", "tables"))
    rows = [
        (
            "all without their own" if one["origin"] == "shared" else one["project"],
            one["project"],
            one["revision"],
            one["calendar"]["time_zone"] if one["calendar"] else "every day",
            one["digest"],
        )
        for one in found
    ]
    out.answer(found, table(("counts in", "document in", "revision", "calendar", "digest"), rows))


def _whole(found: dict[str, Any]) -> Iterator[Any]:
    where = {"default": "built in", "shared": f"shared by {found['project']}", "project": "the project's own"}
    yield f"{where[found['origin']]}, revision {found['revision']}"
    rows = [
        (row, *(found["days"][row][severity] for severity in _LEVELS), f"at most {found['exploited'][row]}")
        for row in _LEVELS
    ]
    yield table(("criticality", *_LEVELS, "exploited (KEV)"), rows)
    calendar = found["calendar"]
    if calendar:
        days = f"{', '.join(calendar['working_days'])} in {calendar['time_zone']}"
        yield table(("working days", "without"), [(days, ", ".join(calendar["holidays"]) or "no holidays")])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sla, name="sla")
