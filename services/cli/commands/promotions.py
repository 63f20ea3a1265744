"""Promotions that run or ran: list, show, approve, cancel; and why the gates said what they said."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from contracts.gate.v1.views import VerdictView
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import PromotionKind, PromotionState, utc
from services.cli.awaiting import FINAL, exit_of
from services.cli.client import Client
from services.cli.commands.arguments import Project, VersionRef, earlier, version_ref
from services.cli.commands.moving import Reason, Timeout, Wait, finish
from services.cli.exits import Exit
from services.cli.explaining import verdict_lines
from services.cli.output import mark, out, table
from services.cli.pages import page_line, with_page
from services.cli.showing import path_of, summary, whole
from shared.clock import utc_now
from shared.errors import Invalid

PromotionId = Annotated[str, typer.Argument(help="Id of the promotion.")]


promotion = typer.Typer(help="Promotions that run or ran.", no_args_is_help=True)


@promotion.command("list")
def list_promotions(
    project: Project,
    application: Annotated[str | None, typer.Option(help="Only of this application.")] = None,
    version: Annotated[str | None, typer.Option(help="Only of this version of it.")] = None,
    state: Annotated[PromotionState | None, typer.Option(help="Only those that stand there.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only those into this stage.")] = None,
    kind: Annotated[PromotionKind | None, typer.Option(help="Only of this kind.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those asked for since: 12h, 7d, or a date.")] = None,
) -> None:
    """Promotions of a project, newest first; those that failed are never left out."""
    filters = {
        "application": application,
        "version": version,
        "state": state.value if state else None,
        "stage": stage,
        "kind": kind.value if kind else None,
        "since": utc(earlier(since, utc_now())) if since else None,
    }
    found = list(Client().pages(f"/projects/{project}/promotions", "promotions", **filters))
    out.answer(found, table(_COLUMNS, [_row(one) for one in found]))


_COLUMNS = ("id", "version", "what", "to", "state", "attempts", "verdict", "asked by", "asked at")


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        one["promotion_id"],
        f"{one['application']}/{one['version']}",
        one["kind"],
        one["to_stage"],
        mark(one["state"]),
        one["attempt"],
        one["verdict_id"],
        one["requested_by"],
        f"{one['requested_at'][:19]}Z",
    )


@promotion.command("show")
def show(promotion_id: PromotionId, project: Project, *, wait: Wait = False, timeout: Timeout = 300.0) -> None:
    """One promotion with every step, attempt and answer; with --wait until it has ended."""
    answer = Client().get(f"/projects/{project}/promotions/{promotion_id}")
    found = PromotionView.model_validate(answer)
    if wait:
        finish(found, timeout)
    out.answer(with_page(answer, path_of(found)), *whole(found), *page_line(path_of(found)))
    raise typer.Exit(exit_of(found) if found.state in FINAL else Exit.DONE)


@promotion.command("break-glass")
def break_glass(
    promotion_id: PromotionId,
    project: Project,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why it cannot wait; ten letters at least.")],
) -> None:
    """Ask that a promotion passes a freeze, or, as a second person, let it. Opens no gate."""
    _answer(Client().post(f"/projects/{project}/promotions/{promotion_id}/break-glass", {"reason": reason}))


def approve(promotion_id: PromotionId, project: Project, reason: Reason = "") -> None:
    """Answer for a version, on exactly the evidence that the gates saw last."""
    _answer(Client().post(f"/projects/{project}/promotions/{promotion_id}/approve", {"reason": reason}))


def reject(promotion_id: PromotionId, project: Project, reason: Reason = "") -> None:
    """Refuse to answer for a version."""
    _answer(Client().post(f"/projects/{project}/promotions/{promotion_id}/reject", {"reason": reason}))


def cancel(promotion_id: PromotionId, project: Project, reason: Reason = "") -> None:
    """Stop a promotion that is not decided yet."""
    _answer(Client().post(f"/projects/{project}/promotions/{promotion_id}/cancel", {"reason": reason}))


def _answer(found: dict[str, Any]) -> None:
    promotion = PromotionView.model_validate(found)
    out.answer(with_page(found, path_of(promotion)), *summary(promotion), *page_line(path_of(promotion)))


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
    path = f"/projects/{project}/verdicts/{verdict_id}"
    found = client.get(path)
    lines = verdict_lines(VerdictView.model_validate(found))
    out.answer(with_page(found, path), *lines, *page_line(path))


def _newest(client: Client, ref: VersionRef) -> str | None:
    verdicts = client.get(f"{ref.path}/verdicts", limit=1)["verdicts"]
    return str(verdicts[0]["verdict_id"]) if verdicts else None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (approve, reject, cancel, explain):
        app.command()(command)
    app.add_typer(promotion, name="promotion")
