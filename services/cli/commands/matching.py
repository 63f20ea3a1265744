"""What matching could not decide, and matching everything again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli.client import Client
from services.cli.commands.advisory_imports import advisory
from services.cli.commands.arguments import Version, version_ref
from services.cli.output import out, table


@advisory.command("rematch")
def rematch(
    *,
    show: Annotated[bool, typer.Option("--show", help="Only say when it was last done, and what it found.")] = False,
) -> None:
    """Match every release under watch again, now, instead of waiting for the night."""
    client = Client()
    state = client.get("/advisories/rematch") if show else client.post("/advisories/rematch", {})
    lines = [_line("last re-match", state["last"])]
    if state["under_way"]:
        lines.append(_line("under way", state["under_way"]))
    if state["requested"]:
        lines.append("another one begins as soon as nothing is matched")
    out.answer(state, *lines)


def undecided(version: Version) -> None:
    """Components of a release about which advisories could not be decided, and why. They may be affected."""
    client = Client()
    path = version_ref(version).path + "/undecided"
    found = list(client.pages(path, "undecided"))
    total = client.get(path, limit=1)["total"]
    rows = [(one["component"], one["advisory"], one["doubt"]) for one in found]
    more = [f"{total - len(found)} more are not listed"] if total > len(found) else []
    out.answer({"undecided": found, "total": total}, table(("component", "advisory", "why"), rows), *more)


def _line(name: str, one: dict[str, Any] | None) -> str:
    if one is None:
        return f"{name}: none yet"
    at = one["finished_at"] or f"since {one['started_at']}"
    return f"{name}: {at}, {one['releases']} releases, {one['differences']} differences repaired"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(undecided)
