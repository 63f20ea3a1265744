"""`replay`: a verdict given again on exactly what it pins."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.client import Client
from services.cli.commands.arguments import Project
from services.cli.exits import Exit
from services.cli.output import findings_table, mark, out


def replay(
    verdict: Annotated[str, typer.Argument(help="Id of the verdict, as `hallmark explain` shows it.")],
    project: Project,
) -> None:
    """Give a verdict again on what it pins. Ends with 0 when it agrees, 3 when not, 5 when something is missing."""
    answer = Client().get(f"/projects/{project}/verdicts/{verdict}/replay")
    if answer["agrees"]:
        out.answer(answer, f"{verdict} is given again, word for word: {mark(answer['outcome'])}")
        return
    different = ", ".join(answer["differences"])
    if answer["outcome"] is None:
        out.answer(answer, f"{verdict} cannot be given again here: {different}")
        raise typer.Exit(Exit.UNAVAILABLE)
    out.answer(
        answer,
        f"{verdict} comes out otherwise: {different}. Given again it says {mark(answer['outcome'])}",
        findings_table(answer["findings"]),
    )
    raise typer.Exit(Exit.DENIED)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)
