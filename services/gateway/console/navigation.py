"""Where the console leads: the same entries on every page, in the same order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation."""

    title: str
    path: str
    current: bool


_GLOBAL = (
    ("Overview", "/"),
    ("Policies", "/policies"),
    ("Risk", "/risk"),
    ("Insights", "/insights"),
    ("Audit log", "/log"),
    ("Operations", "/operations"),
    ("Settings", "/settings"),
)
_OF_PROJECT = ("/policies", "/risk", "/insights", "/settings")
"""Those that are about one project when one is chosen."""


def entries(path: str, project: str) -> tuple[Entry, ...]:
    """The entries, the one of the page at `path` marked."""
    found = []
    for title, plain in _GLOBAL:
        target = f"/projects/{project}{plain}" if project and plain in _OF_PROJECT else plain
        current = path == target or (plain != "/" and path.startswith((f"{target}/", f"{plain}/")))
        found.append(Entry(title, target, current))
    return tuple(found)
