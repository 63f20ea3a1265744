"""Answers as CSV, page after page, printed as the gateway makes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from services.cli.client import Client

Csv = Annotated[bool, typer.Option("--csv", help="Answer in CSV, for spreadsheets.")]


@dataclass(frozen=True)
class Printed:
    """What has been printed."""

    rows: list[dict[str, str]]
    """Cells by their heading, as they were written."""
    is_all: bool
    """False: there are more pages."""


def print_table(path: str, query: Mapping[str, Any], *, pages: int | None = None) -> Printed:
    """Print the table behind a path, at most so many pages of it. Raises as `Client.get`."""
    client, after, rows, read = Client(), None, list[dict[str, str]](), 0
    while True:
        text, after = client.get_table(path, **query, after=after)
        # The heading is that of the first page.
        print("".join(text.splitlines(keepends=True)[min(read, 1) :]), end="")  # noqa: T201 - the program's output
        rows += csv.DictReader(io.StringIO(text, newline=""))
        read += 1
        if after is None or read == pages:
            return Printed(rows, is_all=after is None)
