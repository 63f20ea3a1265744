"""Where the console shows a thing: from a noun and its ids to a path that stays the same for ever: pure.

- Paths are those of the API without `/api/v1`, so that either is known from the other.
- A fact has one page: that of the narrowest thing it speaks of which has a page of its own.
- Without the console's public address nothing is said: a guessed address would lead somewhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

PAGE = "page"
"""The member under which a fact on the live stream names its page."""
PAGE_HEADER = "hallmark-page"
"""The header under which webhooks name it."""


def project(name: str) -> str:
    """The page of a project."""
    return f"/projects/{_word(name)}"


def application(of: str, name: str) -> str:
    """The page of an application."""
    return f"{project(of)}/applications/{_word(name)}"


def version(of: str, named: str, name: str) -> str:
    """The page of a version of the application that is `named`."""
    return f"{application(of, named)}/versions/{_word(name)}"


def thing(of: str, noun: str, identity: str) -> str:
    """The page of what a project has by an id: `promotions`, `verdicts`, `evidence`, `waivers`, `policies`."""
    return f"{project(of)}/{noun}/{_word(identity)}"


def of_fact(kind: str, said: Mapping[str, Any]) -> str | None:
    """The page of what a fact (`verdict.issued`) speaks of, from its body; None for a fact of no project.

    Of a CDEvent that repeats a fact it is the page of that one.
    """
    behind = _inner(_inner(said, "customData"), "hallmark")
    body = behind or said
    if not (of := _text(body, "project")):
        return None
    noun = kind.partition(".")[0]
    if noun in _BY_ID:
        plural, field = _BY_ID[noun]
        if found := _text(body, field) or _text(_inner(body, "item"), field):
            return thing(of, plural, found)
    if noun in _OF_SETTINGS:
        return f"{project(of)}/settings"
    named, released = _text(body, "application"), _text(body, "version")
    if named:
        return version(of, named, released) if released else application(of, named)
    return project(of)


def address(public_url: str, path: str | None) -> str:
    """The whole address of a page; empty without a page, or while nobody has said where the console is."""
    return f"{public_url.rstrip('/')}{path}" if public_url and path else ""


def address_of(public_url: str, kind: str, body: bytes) -> str:
    """The address of the page of a fact, from its JSON; empty when there is none."""
    if not public_url:
        return ""
    said = _read(body)
    return address(public_url, of_fact(kind, said)) if said else ""


def with_page(public_url: str, kind: str, body: bytes) -> bytes:
    """A fact's JSON with its page as one more member at its end; as it is when there is none, or it says one."""
    found = address_of(public_url, kind, body)
    if not found or PAGE in _read(body):
        return body
    return body.rstrip()[:-1] + f',"{PAGE}":{json.dumps(found)}}}'.encode()


_BY_ID = {
    "promotion": ("promotions", "promotion_id"),
    "approval": ("promotions", "promotion_id"),
    "glass": ("promotions", "promotion_id"),
    "move": ("promotions", "promotion_id"),
    "passage": ("promotions", "promotion_id"),
    "verdict": ("verdicts", "verdict_id"),
    "record": ("evidence", "evidence_id"),
    "waiver": ("waivers", "waiver_id"),
    "policy": ("policies", "policy"),
}
"""By the noun of a fact: where things of that kind are, and which field names the one."""
_OF_SETTINGS = frozenset({"lifecycle", "trust-root", "webhook", "freeze", "pipeline-identity"})
"""Facts about how a project is set up."""


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _inner(said: Any, field: str) -> Any:
    return said.get(field) if isinstance(said, Mapping) else None


def _word(name: str) -> str:
    return quote(name, safe="+:@")


def _text(said: Any, field: str) -> str:
    found = said.get(field) if isinstance(said, Mapping) else None
    return found if isinstance(found, str) else ""
