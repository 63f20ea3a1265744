"""Pipeline events: what a delivery tool would publish, sent by hand or from a script."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli.client import Client
from services.cli.output import out
from shared.errors import Invalid

event = typer.Typer(help="CDEvents from pipelines and other delivery tools.", no_args_is_help=True)


@event.command("send")
def send(
    file: Annotated[Path, typer.Argument(help="One CDEvent as JSON, plain or in a CloudEvent; - reads it from stdin.")],
) -> None:
    """Send an event and show what became of it. The same event again changes nothing."""
    answer = Client().post_bytes("/cdevents", _read(file))
    out.answer(answer, f"{answer['outcome']}: {answer['message']}")


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Invalid(
            "file_unreadable", f"{file}: {error.strerror}.", remedy="Name a file that can be read."
        ) from error


def register(app: typer.Typer) -> None:
    """Add the noun."""
    app.add_typer(event, name="event")
