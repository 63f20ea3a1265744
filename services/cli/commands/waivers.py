"""Waivers: exceptions from one rule, asked for by one person, granted or refused by another, always for a time."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from contracts.gate.v1.waivers import WaiverState
from contracts.vocabulary import Severity, utc
from services.cli.client import Client
from services.cli.commands.arguments import Project, application_ref, later, rule_ref
from services.cli.output import mark, out, table
from services.cli.pages import page_line, with_page
from shared.clock import utc_now

waiver = typer.Typer(help="Exceptions from single rules, for a time.", no_args_is_help=True)
WaiverId = Annotated[str, typer.Argument(help="Id of the waiver.", metavar="WAIVER")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]


@waiver.command("request")
def request(
    application: Annotated[str, typer.Argument(help="project/application", metavar="APPLICATION")],
    rule: Annotated[str, typer.Argument(help="policy/rule, as `hallmark explain` names it.", metavar="RULE")],
    stage: Annotated[str, typer.Option(help="The stage at whose gates it is to count.")],
    reason: Reason,
    expires: Annotated[str, typer.Option(help="When it ends: a time from now such as 14d, or a date.")],
    artifact: Annotated[str | None, typer.Option(help="Digest of an artifact, or of the version.")] = None,
    component: Annotated[str | None, typer.Option(help="Package URL of a component.")] = None,
    vulnerability: Annotated[str | None, typer.Option(help="Id of a vulnerability, such as CVE-2026-1000.")] = None,
    max_severity: Annotated[Severity | None, typer.Option(help="Worse ones stay uncovered, also later.")] = None,
) -> None:
    """Ask for an exception. It counts for nothing until somebody else grants it."""
    project, name = application_ref(application)
    policy, rule_id = rule_ref(rule)
    subject = {"artifact": artifact, "component": component, "vulnerability": vulnerability}
    body = {
        "application": name,
        "policy": policy,
        "rule": rule_id,
        "stage": stage,
        "waives": {part: value for part, value in subject.items() if value is not None},
        "reason": reason,
        "expires_at": utc(later(expires, utc_now())),
    }
    if max_severity is not None:
        body["max_severity"] = max_severity.value
    found = Client().post(f"/projects/{project}/waivers", body)
    _show(found, f"Somebody else grants it with `hallmark waiver grant {found['waiver_id']} -p {project}`.")


@waiver.command("grant")
def grant(waiver_id: WaiverId, project: Project, reason: Reason = "") -> None:
    """Answer for an exception that somebody else asked for."""
    _show(Client().post(f"/projects/{project}/waivers/{waiver_id}/grant", {"reason": reason}))


@waiver.command("refuse")
def refuse(waiver_id: WaiverId, project: Project, reason: Reason = "") -> None:
    """Refuse an exception."""
    _show(Client().post(f"/projects/{project}/waivers/{waiver_id}/refuse", {"reason": reason}))


@waiver.command("revoke")
def revoke(waiver_id: WaiverId, project: Project, reason: Reason) -> None:
    """End an exception before its time: what it covered is open again."""
    _show(Client().post(f"/projects/{project}/waivers/{waiver_id}/revoke", {"reason": reason}))


@waiver.command("show")
def show(waiver_id: WaiverId, project: Project) -> None:
    """One exception, and what became of it."""
    _show(Client().get(f"/projects/{project}/waivers/{waiver_id}"))


@waiver.command("list")
def list_waivers(
    project: Project,
    application: Annotated[str | None, typer.Option(help="Only of this application.")] = None,
    state: Annotated[WaiverState | None, typer.Option(help="Only those that stand there.")] = None,
) -> None:
    """The exceptions of a project, those that end first leading."""
    path = f"/projects/{project}/waivers"
    found = list(Client().pages(path, "waivers", application=application, state=state.value if state else None))
    rows = [
        (
            one["waiver_id"],
            one["application"],
            f"{one['policy']}/{one['rule']}",
            one["stage"],
            _subject(one),
            mark(one["state"]),
            one["expires_at"],
            one["uses"],
            one["requested_by"],
        )
        for one in found
    ]
    columns = ("id", "application", "rule", "stage", "for", "state", "ends", "uses", "asked by")
    out.answer(found, table(columns, rows))


def _show(found: dict[str, Any], *more: str) -> None:
    decided = [("decided by", f"{found['decided_by']}: {found['decision_reason']}")] if found["decided_by"] else []
    ended = [("ended", f"{found['ended_at']} {found['ended_by'] or ''} {found['end_reason']}")]
    facts = [
        ("rule", f"{found['policy']}/{found['rule']} at {found['stage']} of {found['project']}/{found['application']}"),
        ("for", _subject(found)),
        ("reason", found["reason"]),
        ("asked by", found["requested_by"]),
        *decided,
        ("ends", found["expires_at"]),
        *(ended if found["ended_at"] else []),
        ("needed by", f"{found['uses']} verdict(s)"),
    ]
    path = f"/projects/{found['project']}/waivers/{found['waiver_id']}"
    said = (f"{found['waiver_id']}  {mark(found['state'])}", table(("", ""), facts), *map(escape, more))
    out.answer(with_page(found, path), *said, *page_line(path))


def _subject(found: dict[str, Any]) -> str:
    named = [str(part) for part in found["subject"].values() if part]
    most = [f"up to {found['max_severity']}"] if found["max_severity"] else []
    return " ".join(named + most)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(waiver, name="waiver")
