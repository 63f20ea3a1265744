"""Moving versions: promote, release, roll back, approve; and why the gates said what they said."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from contracts.findings import Finding
from contracts.gate.v1.views import VerdictView
from services.cli.client import Client
from services.cli.commands.arguments import Project, Version, VersionRef, version_ref
from services.cli.exits import Exit
from services.cli.explaining import verdict_lines
from services.cli.output import findings_table, mark, out, table
from shared.errors import Invalid

FINAL = {"completed", "denied", "cancelled", "expired", "failed"}
_EXITS = {
    "completed": Exit.DONE,
    "denied": Exit.DENIED,
    "cancelled": Exit.DENIED,
    "expired": Exit.PENDING,
    "failed": Exit.UNAVAILABLE,
}
_LOOK_EVERY_SECONDS = 0.1

Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended, and say what happens.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait with --wait.")]
Patience = Annotated[int, typer.Option(help="Seconds the promotion itself waits for evidence and approvals.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]
Key = Annotated[str | None, typer.Option("--idempotency-key", help="The same key twice is one request.")]
To = Annotated[str | None, typer.Option("--to", help="The stage to enter; the next one when absent.")]
PromotionId = Annotated[str, typer.Argument(help="Id of the promotion.")]


def promote(
    version: Version,
    to: To = None,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 86_400,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Ask that a version enters its next stage."""
    _request(version_ref(version), "promote", to, reason, patience, key, wait_seconds=timeout if wait else None)


def release(
    version: Version,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 86_400,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Ask that a version becomes a Trusted Release."""
    _request(version_ref(version), "release", None, reason, patience, key, wait_seconds=timeout if wait else None)


def rollback(
    version: Version,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; required.")],
    to: Annotated[str | None, typer.Option("--stage", help="The stage; the release stage when absent.")] = None,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 3600,
    key: Key = None,
) -> None:
    """Bring an earlier good version back in a stage it has passed."""
    _request(version_ref(version), "rollback", to, reason, patience, key, wait_seconds=timeout if wait else None)


def _request(
    ref: VersionRef,
    kind: str,
    to: str | None,
    reason: str,
    patience: int,
    key: str | None,
    *,
    wait_seconds: float | None,
) -> None:
    client = Client()
    body: dict[str, Any] = {
        "application": ref.application,
        "version": ref.version,
        "kind": kind,
        "reason": reason,
        "patience_seconds": patience,
    }
    if to:
        body["to_stage"] = to
    promotion = client.post(f"/projects/{ref.project}/promotions", body, key=key)
    if wait_seconds is not None:
        promotion = follow(client, ref.project, promotion, wait_seconds)
    _show(promotion)
    raise typer.Exit(_exit(promotion, waited=wait_seconds is not None))


def follow(client: Client, project: str, promotion: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Watch a promotion until it has ended or the time is over, telling each step once."""
    told = 0
    give_up = time.monotonic() + seconds
    while True:
        for step in promotion["history"][told:]:
            out.progress(f"  {step['at'][11:19]}  {mark(step['state'])}  {step['because']}")
        told = len(promotion["history"])
        if promotion["state"] in FINAL or time.monotonic() > give_up:
            return promotion
        time.sleep(_LOOK_EVERY_SECONDS)
        promotion = client.get(f"/projects/{project}/promotions/{promotion['promotion_id']}")


def _show(promotion: dict[str, Any]) -> None:
    where = f"{promotion['from_stage'] or 'nowhere'} → {promotion['to_stage']}"
    head = (
        f"{promotion['promotion_id']}  {promotion['kind']} {promotion['version']}  {where}  {mark(promotion['state'])}"
    )
    open_findings = [finding for finding in promotion["findings"] if not Finding.model_validate(finding).lets_pass]
    out.answer(promotion, head, *_trust(promotion), *([findings_table(open_findings)] if open_findings else []))


def _trust(promotion: dict[str, Any]) -> list[str]:
    lines = [f"on waivers: {escape(', '.join(promotion['waivers']))}"] if promotion["waivers"] else []
    if promotion["state"] == "completed" and promotion["release"] and not promotion["may_be_trusted"]:
        lines.append("[yellow]released, not trusted: its policies call no release on these waivers trusted[/]")
    return lines


def _exit(promotion: dict[str, Any], *, waited: bool) -> Exit:
    if promotion["state"] in FINAL:
        return _EXITS[promotion["state"]]
    return Exit.PENDING if waited else Exit.DONE


promotion = typer.Typer(help="Promotions that run or ran.", no_args_is_help=True)


@promotion.command("list")
def list_promotions(project: Project, application: Annotated[str | None, typer.Option()] = None) -> None:
    """Promotions of a project, newest first."""
    found = list(Client().pages(f"/projects/{project}/promotions", "promotions", application=application))
    rows = [
        (
            one["promotion_id"],
            one["application"],
            one["version"],
            one["to_stage"],
            mark(one["state"]),
            one["requested_by"],
        )
        for one in found
    ]
    out.answer(found, table(("id", "application", "version", "to", "state", "asked by"), rows))


@promotion.command("show")
def show(promotion_id: PromotionId, project: Project, *, wait: Wait = False, timeout: Timeout = 300.0) -> None:
    """One promotion with every step; with --wait until it has ended."""
    client = Client()
    found = client.get(f"/projects/{project}/promotions/{promotion_id}")
    if wait:
        found = follow(client, project, found, timeout)
    _show(found)
    if not wait:
        steps = [(step["at"], mark(step["state"]), step["because"]) for step in found["history"]]
        out.progress("")
        if not out.as_json:
            out.answer(found, table(("when", "state", "because"), steps))
    raise typer.Exit(_exit(found, waited=wait))


def approve(promotion_id: PromotionId, project: Project, reason: Reason = "") -> None:
    """Answer for a version, on exactly the evidence that the gates saw last."""
    _show(Client().post(f"/projects/{project}/promotions/{promotion_id}/approve", {"reason": reason}))


def reject(promotion_id: PromotionId, project: Project, reason: Reason = "") -> None:
    """Refuse to answer for a version."""
    _show(Client().post(f"/projects/{project}/promotions/{promotion_id}/reject", {"reason": reason}))


def cancel(promotion_id: PromotionId, project: Project, reason: Reason = "") -> None:
    """Stop a promotion that is not decided yet."""
    _show(Client().post(f"/projects/{project}/promotions/{promotion_id}/cancel", {"reason": reason}))


def explain(
    target: Annotated[str, typer.Argument(help="project/application/version, or the id of a verdict.")],
    verdict: Annotated[str | None, typer.Option(help="One verdict; the newest when absent.")] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="The project of a verdict.")] = None,
) -> None:
    """Why the gates said what they said about a version."""
    client = Client()
    if "/" in target:
        ref = version_ref(target)
        project, verdict_id = ref.project, verdict or _newest(client, ref)
    elif project and verdict is None:
        verdict_id = target
    else:
        raise Invalid(
            "verdict_reference_malformed",
            f"{target!r} names no version, and no verdict of a project.",
            remedy="Write project/application/version, or the id of a verdict and --project.",
        )
    if verdict_id is None:
        out.answer(None, f"No gate has judged {escape(target)} yet. Try `hallmark readiness {escape(target)}`.")
        raise typer.Exit(Exit.PENDING)
    # Lists leave out what was so around a verdict, such as its waivers: they are read with the single one.
    found = client.get(f"/projects/{project}/verdicts/{verdict_id}")
    out.answer(found, *verdict_lines(VerdictView.model_validate(found)))


def _newest(client: Client, ref: VersionRef) -> str | None:
    verdicts = client.get(f"{ref.path}/verdicts", limit=1)["verdicts"]
    return str(verdicts[0]["verdict_id"]) if verdicts else None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (promote, release, rollback, approve, reject, cancel, explain):
        app.command()(command)
    app.add_typer(promotion, name="promotion")
