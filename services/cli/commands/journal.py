"""A look into the transparency log."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.client import Client
from services.cli.output import out, table

log = typer.Typer(help="The transparency log.", no_args_is_help=True)


@log.command("checkpoint")
def checkpoint() -> None:
    """The newest signed state of the log."""
    answer = Client().get("/log/checkpoint")
    out.answer(answer, answer["note"].rstrip(), *answer["verifier_keys"])


@log.command("entries")
def entries(
    about: Annotated[str | None, typer.Option(help="An evidence, verdict or promotion id, or a digest.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
) -> None:
    """What was logged."""
    page = Client().get("/log/entries", about=about, limit=limit)
    out.answer(page, table(("index", "entry"), [(one["index"], one["entry"]) for one in page["entries"]]))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(log, name="log")
