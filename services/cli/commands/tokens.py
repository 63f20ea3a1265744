"""Tokens: who may ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from services.cli.client import Client
from services.cli.output import out, table
from shared.errors import Invalid

token = typer.Typer(help="Tokens for people and pipelines.", no_args_is_help=True)
admin = typer.Typer(help="Signing in to the console.", no_args_is_help=True)


@token.command("create")
def create(
    subject: Annotated[str, typer.Argument(help="Who it speaks for.")],
    grant: Annotated[list[str], typer.Option("--grant", "-g", help="PROJECT=role,role; repeat it.")],
    kind: Annotated[str, typer.Option(help="human, pipeline or agent")] = "human",
    days: Annotated[int, typer.Option(help="How long it is good.")] = 90,
) -> None:
    """Make a token. Its secret is shown once and kept nowhere."""
    grants: dict[str, list[str]] = {}
    for text in grant:
        project, _, roles = text.partition("=")
        if not project or not roles:
            raise Invalid("grant_malformed", f"{text!r} is no grant.", remedy="Write PROJECT=role,role.")
        grants[project] = roles.split(",")
    expires_at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    answer = Client().post("/tokens", {"subject": subject, "kind": kind, "grants": grants, "expires_at": expires_at})
    out.answer(answer, f"Token for {subject}, shown this once:", answer["token"])


@token.command("list")
def list_tokens() -> None:
    """Tokens without their secrets."""
    found = Client().get("/tokens")["tokens"]
    rows = [(one["id"], one["subject"], one["kind"], one["expires_at"], one["revoked"]) for one in found]
    out.answer(found, table(("id", "subject", "kind", "until", "revoked"), rows))


@token.command("revoke")
def revoke(token_id: Annotated[str, typer.Argument(help="Its id, as `token list` shows it.")]) -> None:
    """End a token now."""
    answer = Client().delete(f"/tokens/{token_id}")
    out.answer(answer, f"Token {token_id} is revoked.")


@token.command("exchange")
def exchange() -> None:
    """A short-lived token to publish on NATS with, from the one in use."""
    answer = Client().post("/tokens/exchange")
    out.answer(answer, answer["token"])


@admin.command("link")
def link() -> None:
    """A link that opens the console once, within ten minutes, as whom the token in use speaks for.

    Where the local stack keeps its secrets, or with HALLMARK_TOKEN, this is the administrator.
    """
    answer = Client().post("/sign-in-links")
    out.answer(answer, f"Open this in a browser, once, until {answer['expires_at']}:", answer["url"])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(token, name="token")
    app.add_typer(admin, name="admin")
