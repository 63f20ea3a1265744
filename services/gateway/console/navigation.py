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
    ("Approvals", "/approvals"),
    ("Policies", "/policies"),
    ("Risk", "/risk"),
    ("Insights", "/insights"),
    ("Audit log", "/log"),
    ("Operations", "/operations"),
    ("Settings", "/settings"),
)
_OF_PROJECT = ("/policies", "/risk", "/insights", "/settings")
"""Those that are about one project when one is chosen."""
_BELONGING = {
    "/policies": ("/policy-draft", "/rule-templates", "/waivers"),
    "/risk": ("/alerts", "/sla", "/remediation"),
    "/settings": ("/webhooks",),
}
"""Pages of a project that belong to an entry without lying below its path."""


def entries(path: str, project: str) -> tuple[Entry, ...]:
    """The entries, the one of the page at `path` marked."""
    found = []
    for title, plain in _GLOBAL:
        target = f"/projects/{project}{plain}" if project and plain in _OF_PROJECT else plain
        below = (f"{target}/", f"{plain}/")
        belonging = tuple(f"/projects/{project}{one}" for one in _BELONGING.get(plain, ()) if project)
        current = path == target or (plain != "/" and path.startswith((*below, *belonging)))
        found.append(Entry(title, target, current))
    return tuple(found)
