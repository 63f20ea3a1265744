"""From the fields of a form to what a command holds: stages of a lifecycle, lists, times, roles per project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.vocabulary import Role
from shared.errors import Invalid


def lines(text: str) -> tuple[str, ...]:
    """One entry per line, in order, without empty ones."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def pem_blocks(text: str) -> tuple[str, ...]:
    """Public keys: PEM blocks of several lines each, and keys in other forms of one line each."""
    found: list[str] = []
    block: list[str] = []
    for line in lines(text):
        if block or line.startswith("-----BEGIN"):
            block.append(line)
            if line.startswith("-----END"):
                found.append("\n".join(block) + "\n")
                block = []
        else:
            found.append(line)
    return (*found, "\n".join(block)) if block else tuple(found)


def moment(text: str, title: str) -> datetime | None:
    """A time in UTC as a browser's field says it; None for an empty one. Raises `Invalid`."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise Invalid("time_malformed", f"{title} is not a time.", remedy="Write it as 2026-12-31T18:00.") from error


def stages(fields: Mapping[str, str], several: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """The stages of a lifecycle: rows are numbered, and those without a name are left out."""
    found = []
    for row in sorted({int(name.split("-")[1]) for name in fields if name.startswith("name-") and name[5:].isdigit()}):
        name = fields[f"name-{row}"].strip()
        if not name:
            continue
        found.append(
            {
                "name": name,
                "title": fields.get(f"title-{row}", "").strip(),
                "open": several.get(f"open-{row}", ()),
                "queue": fields.get(f"queue-{row}", "wait"),
                "requesters": several.get(f"requesters-{row}") or None,
                **{mark: f"{mark}-{row}" in fields for mark in ("release", "supersede", "automatic")},
            }
        )
    return found


def grants(projects: str, roles: tuple[str, ...]) -> dict[str, frozenset[Role]]:
    """The same roles in each of the projects, which stand one per line; `*` is every project. Raises `Invalid`."""
    try:
        held = frozenset(Role(role) for role in roles)
    except ValueError as error:
        raise Invalid("role_unknown", str(error), remedy="Choose among the roles that the form shows.") from error
    return dict.fromkeys(lines(projects), held)
