"""Alerts: what somebody has to deal with, until when, and who does."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from contracts.alerting import AlertState
from contracts.vocabulary import Severity, utc
from services.cli.client import Client
from services.cli.commands.arguments import Project, later
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from services.cli.spreadsheets import Csv, print_table
from shared.clock import utc_now

alerts = typer.Typer(help="What somebody has to deal with, and until when.", no_args_is_help=True)
AlertId = Annotated[str, typer.Argument(help="Id of the alert.", metavar="ALERT")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]


@alerts.command("list")
def list_alerts(
    project: Project,
    *,
    application: Annotated[str | None, typer.Option(help="Only of this application.")] = None,
    state: Annotated[AlertState | None, typer.Option(help="Absent: all that are not closed.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only of applications of this owner.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only as bad as this.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their deadline.")] = False,
    as_csv: Csv = False,
) -> None:
    """Alerts, those with the nearest deadline first. Ends with 3 when one is past it."""
    chosen = {
        "application": application,
        "state": state.value if state else None,
        "assignee": assignee,
        "owner": owner,
        "severity": severity.value if severity else None,
        "overdue": overdue or None,
    }
    path = f"/projects/{project}/alerts"
    if as_csv:
        listed = print_table(path, chosen).rows
        late = any(one["overdue"] == "true" and one["state"] != AlertState.CLOSED for one in listed)
    else:
        late = _list(list(Client().pages(path, "alerts", **chosen)))
    if late:
        raise typer.Exit(Exit.DENIED)


def _list(found: list[dict[str, Any]]) -> bool:
    """Show them; whether one that is not closed is past its deadline."""
    rows = [
        (
            one["alert_id"],
            f"{one['application']}/{one['version']}",
            one["name"],
            one["component"],
            f"{one['severity']}{', exploited' if one['exploited'] else ''}",
            mark(one["state"]),
            one["assignee"],
            f"{one['due']}{' (overdue)' if one['overdue'] else ''}",
            one["fixed_in"],
        )
        for one in found
    ]
    columns = ("id", "release", "cause", "component", "severity", "state", "assigned to", "due", "fixed in")
    out.answer(found, table(columns, rows))
    return any(one["overdue"] and one["state"] != AlertState.CLOSED for one in found)


@alerts.command("show")
def show(alert_id: AlertId, project: Project) -> None:
    """One alert, and what became of it."""
    _show(Client().get(_path(project, alert_id)))


@alerts.command("ack")
def acknowledge(alert_id: AlertId, project: Project, reason: Reason = "") -> None:
    """Say that somebody is dealing with it. Its deadline stays."""
    _show(Client().post(f"{_path(project, alert_id)}/acknowledge", {"reason": reason}))


@alerts.command("snooze")
def snooze(
    alert_id: AlertId,
    project: Project,
    until: Annotated[str, typer.Option(help="A time from now such as 3d, or a date; the deadline at the latest.")],
    reason: Reason,
) -> None:
    """Put it aside until a moment, at which it is open again."""
    body = {"until": utc(later(until, utc_now())), "reason": reason}
    _show(Client().post(f"{_path(project, alert_id)}/snooze", body))


@alerts.command("assign")
def assign(
    alert_id: AlertId,
    project: Project,
    to: Annotated[str | None, typer.Option(help="Who deals with it; absent: nobody.")] = None,
    reason: Reason = "",
) -> None:
    """Give it to somebody, or take it from everybody."""
    _show(Client().post(f"{_path(project, alert_id)}/assign", {"assignee": to, "reason": reason}))


def _path(project: str, alert_id: str) -> str:
    return f"/projects/{project}/alerts/{alert_id}"


def _show(found: dict[str, Any]) -> None:
    release = f"{found['project']}/{found['application']}/{found['version']}"
    facts = [
        ("cause", " = ".join([found["name"], *found["aliases"]])),
        ("component", found["component"]),
        ("severity", f"{found['severity']}{', known to be exploited' if found['exploited'] else ''}"),
        ("what", found["summary"]),
        ("fixed in", found["fixed_in"]),
        ("release", f"{release} in {found['stage']}, criticality {found['criticality']}"),
        ("owners", ", ".join(found["owners"])),
        ("assigned to", found["assignee"]),
        ("since", found["since"]),
        ("due", f"{found['due']}{' (overdue)' if found['overdue'] else ''}"),
        ("snoozed until", found["snoozed_until"]),
        ("follows", found["follows"]),
        *([("closed", f"{found['closed_at']} {found['closed_by']}: {found['because']}")] if found["closed_at"] else []),
        ("goes on in", found["replaced_by"]),
    ]
    rows = [
        (one["at"], one["change"], one["by"], one["until"] or one["assignee"], one["reason"])
        for one in found["history"]
    ]
    out.answer(
        found,
        f"{escape(found['alert_id'])}  {mark(found['state'])}",
        table(("", ""), [fact for fact in facts if fact[1]]),
        table(("at", "change", "by", "until or to", "why"), rows),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(alerts, name="alerts")
