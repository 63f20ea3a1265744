"""Messages that could not be handled: what they were, and trying them again."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli.client import Client
from services.cli.output import out, table
from shared.errors import Invalid

dead_letter = typer.Typer(help="Messages that no service could handle.", no_args_is_help=True)
Letter = Annotated[str, typer.Argument(help="service/letter, as `dead-letter list` shows it.", metavar="LETTER")]
_MOST_SHOWN = 2000


@dead_letter.command("list")
def list_letters(
    service: Annotated[str | None, typer.Option(help="Of one service only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are settled, too.")] = False,
) -> None:
    """Dead letters that wait for somebody, newest first."""
    client, after = Client(), None
    letters: list[dict[str, Any]] = []
    silent: set[str] = set()
    while True:
        page = client.get("/dead-letters", service=service, every=every, after=after)
        letters += page["letters"]
        silent |= set(page["silent"])
        after = page["next"]
        if after is None:
            break
    rows = [
        (f"{one['service']}/{one['letter_id']}", one["at"][:19], one["state"], one["code"], one["original_subject"])
        for one in letters
    ]
    columns = ("letter", "since", "state", "code", "message")
    missing = [f"[yellow]No answer from {', '.join(sorted(silent))}: theirs are missing.[/]"] if silent else []
    out.answer(letters, table(columns, rows) if rows else "No dead letters.", *missing)


@dead_letter.command("show")
def show(letter: Letter) -> None:
    """One dead letter: why it is here, and what it says."""
    found = Client().get(_path(letter))
    summary = found["letter"]
    facts = [
        ("message", f"{summary['original_subject']} ({found['message_id']})"),
        ("problem", f"{summary['reason']} ({summary['code']})"),
        ("deliveries", summary["deliveries"]),
        ("state", " ".join(filter(None, (summary["state"], summary["settled_by"], summary["note"])))),
    ]
    out.answer(found, table(("", ""), facts), escape(_readable(found["body"])))


@dead_letter.command("replay")
def replay(letter: Letter) -> None:
    """Handle its message now. What it has done before is not done twice."""
    found = Client().post(f"{_path(letter)}/replay")
    out.answer(found, f"{escape(letter)} is {found['letter']['state']}.")


@dead_letter.command("drop")
def drop(letter: Letter, reason: Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]) -> None:
    """Settle it without handling its message."""
    found = Client().post(f"{_path(letter)}/drop", {"reason": reason})
    out.answer(found, f"{escape(letter)} is {found['letter']['state']}.")


def _path(letter: str) -> str:
    service, _, letter_id = letter.partition("/")
    if not service or not letter_id:
        raise Invalid("letter_malformed", f"{letter!r} is no dead letter.", remedy="Write SERVICE/STREAM.NUMBER.")
    return f"/dead-letters/{service}/{letter_id}"


def _readable(body: str) -> str:
    text = base64.b64decode(body).decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)[:_MOST_SHOWN]
    except ValueError:
        return text[:_MOST_SHOWN]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dead_letter, name="dead-letter")
