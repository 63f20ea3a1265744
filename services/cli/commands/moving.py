"""Moving versions: promote, release, roll back, demote; and having one judged anew where it stands."""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import typer

from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import PromotionKind
from services.cli.advising import advised
from services.cli.awaiting import FINAL, exit_of
from services.cli.client import Client
from services.cli.commands.arguments import Version, VersionRef, version_ref
from services.cli.exits import Exit
from services.cli.output import out
from services.cli.pages import page_line, with_page
from services.cli.showing import head, path_of, summary
from services.cli.waiting import one_promotion, wait_for
from shared.errors import Rejection

Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended, and say what happens.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait with --wait.")]
Patience = Annotated[int, typer.Option(help="Seconds the promotion itself waits for evidence and approvals.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]
Why = Annotated[str, typer.Option("--reason", "-m", help="Why; required.")]
Key = Annotated[str | None, typer.Option("--idempotency-key", help="The same key twice is one request.")]
To = Annotated[str | None, typer.Option("--to", help="The stage to enter; the next one when absent.")]
At = Annotated[str | None, typer.Option("--stage", "--to", help="The stage; the release stage when absent.")]
Back = Annotated[str | None, typer.Option("--to", help="The stage to go back to; the one before when absent.")]
Here = Annotated[str | None, typer.Option("--stage", "--to", help="The stage; the one where it stands when absent.")]
_CODES = """With --wait it ends with 0 completed, 3 denied, 4 still waiting, expired or cancelled, 5 not judged.

[bold]Examples[/]

    hallmark promote shop/web/1.4.0
    hallmark promote shop/web/1.4.0 --to qa --wait --timeout 600
    hallmark --json promote shop/web/1.4.0 --wait     one JSON object a line
"""


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
    asked = _body(version, PromotionKind.PROMOTE, to, reason, patience)
    request(version_ref(version), asked, key, wait_seconds=timeout if wait else None)


def release(
    version: Version,
    to: To = None,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 86_400,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Ask that a version becomes a Trusted Release."""
    asked = _body(version, PromotionKind.RELEASE, to, reason, patience)
    request(version_ref(version), asked, key, wait_seconds=timeout if wait else None)


def rollback(
    version: Version,
    reason: Why,
    to: At = None,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 3600,
    key: Key = None,
) -> None:
    """Bring an earlier good version back in a stage it has passed."""
    asked = _body(version, PromotionKind.ROLLBACK, to, reason, patience)
    request(version_ref(version), asked, key, wait_seconds=timeout if wait else None)


def demote(
    version: Version,
    reason: Why,
    to: Back = None,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 3600,
    key: Key = None,
) -> None:
    """Take a version back to an earlier stage that it has been in."""
    asked = _body(version, PromotionKind.DEMOTE, to, reason, patience)
    request(version_ref(version), asked, key, wait_seconds=timeout if wait else None)


def recertify(
    version: Version,
    to: Here = None,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 86_400,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Have a version judged anew where it stands, as after an exception has ended or an advisory was settled."""
    asked = _body(version, PromotionKind.RECERTIFY, to, reason, patience)
    request(version_ref(version), asked, key, wait_seconds=timeout if wait else None)


def _body(version: str, kind: PromotionKind, to: str | None, reason: str, patience: int) -> dict[str, Any]:
    ref = version_ref(version)
    body = {
        "application": ref.application,
        "version": ref.version,
        "kind": kind.value,
        "reason": reason,
        "patience_seconds": patience,
    }
    return {**body, **({"to_stage": to} if to else {})}


def request(ref: VersionRef, body: dict[str, Any], key: str | None, *, wait_seconds: float | None) -> None:
    """Ask, wait if that is wanted, and end with the exit code. Raises the refusal, with what would help."""
    client = Client()
    try:
        answer = client.post(f"/projects/{ref.project}/promotions", body, key=key)
    except Rejection as error:
        raise advised(client, ref, error) from error
    promotion = PromotionView.model_validate(answer)
    if wait_seconds is not None:
        finish(promotion, wait_seconds)
    out.answer(with_page(answer, path_of(promotion)), *summary(promotion), *page_line(path_of(promotion)))
    raise typer.Exit(exit_of(promotion) if promotion.state in FINAL else Exit.DONE)


def finish(promotion: PromotionView, wait_seconds: float) -> NoReturn:
    """Wait for the end, show how it stands then, and end with the exit code."""
    [promotion] = wait_for(one_promotion(promotion), wait_seconds) or [promotion]
    if not out.as_json:
        shown = summary(promotion) if promotion.state in FINAL else [head(promotion)]
        out.answer(None, *shown, *page_line(path_of(promotion)))
    raise typer.Exit(exit_of(promotion))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (promote, release, rollback, demote, recertify):
        app.command(epilog=_CODES if command is promote else None)(command)
