"""Where the console shows what a command speaks of: at the gateway's own address, under the path that the API has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from services.cli import connection
from shared.errors import Invalid


def page_of(path: str) -> str:
    """The address of a page; empty where nothing says where the gateway is."""
    try:
        return connection.gateway_url().value + path
    except Invalid:
        return ""


def with_page(answer: dict[str, Any], path: str) -> dict[str, Any]:
    """An answer for programs that names its page, too."""
    page = page_of(path)
    return {**answer, "page": page} if page else answer


def page_line(path: str) -> Iterator[str]:
    """The same for people: one line, or none."""
    if page := page_of(path):
        yield f"[dim]page[/]  {escape(page)}"
