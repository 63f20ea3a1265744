"""A timeline as people read it: when, what, who, and the sentence with what was open below it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from services.cli.output import Marked, mark, table

_OPEN = 5
"""How many open rules of a verdict are named."""


def timeline_table(entries: Iterable[dict[str, Any]]) -> Table:
    """One row for each entry, in the order given."""
    rows = [
        (moment(one["at"]), one["kind"], _result(one), one["by"] or "hallmark", _says(one), _id(one)) for one in entries
    ]
    return table(("when (UTC)", "what", "result", "by", "what happened", "id"), rows)


def moment(at: str) -> str:
    """A time of the API as people read it, in UTC."""
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S}"


def _result(one: dict[str, Any]) -> Marked | str:
    return mark(one["result"]) if one["result"] else ""


def _id(one: dict[str, Any]) -> str:
    found = one["id"] or ""
    return "" if ":" in found else found  # The digest of the version itself says nothing new.


def _says(one: dict[str, Any]) -> Marked:
    named = [f"  {line}" for line in one["open"][:_OPEN]]
    more = len(one["open"]) - len(named)
    lines = [one["says"], *named, *([f"  and {more} more"] if more > 0 else [])]
    return Marked(escape("\n".join(lines)))
