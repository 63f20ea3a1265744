"""From an answer to a page: one set of templates, in which everything is escaped and nothing is missing silently.

- Every value is shown as text. Characters that reorder or hide other text are written out as their code points, in
  every value, so that no field can make a page say something else.
- A name that a template uses and nobody gave is an error, not an empty place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.gateway.console import navigation
from services.gateway.console.viewing import Viewer
from shared.clock import utc_now

_DECEPTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Controls, and what changes the direction or hides: Unicode's bidirectional controls, zero width, tags."""
_OPEN, _CLOSE = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}", "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
_DIGEST_SHOWN = 12
_LONG_NAMES = re.compile(r"\b(sha256:|[a-z]{2}-)([0-9a-f]{12})[0-9a-f]{12,52}\b")
"""Digests, and ids that are made of one."""
_TIMES = re.compile(r"\b(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}):\d{2}(?:\.\d+)?Z")
_THEMES = ("light", "dark")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def plain(value: Any) -> Any:
    """A value as it is shown; `None` is nothing."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if isinstance(value, str):
        return _DECEPTIVE.sub(lambda found: f"{_OPEN}U+{ord(found[0]):04X}{_CLOSE}", value)
    return value


def moment(value: datetime | None) -> Markup:
    """A point in time; the page says how long ago it was, beside it."""
    if value is None:
        return Markup('<span class="none">never</span>')
    text = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        text.isoformat(timespec="seconds"), text.strftime("%Y-%m-%d %H:%M UTC")
    )


def lasting(value: timedelta | float | None) -> str:
    """A duration in its two largest units; seconds when it is a number."""
    if value is None:
        return "-"
    rest = int(value.total_seconds() if isinstance(value, timedelta) else value)
    parts = []
    for size, unit in _UNITS:
        if rest >= size:
            parts.append(f"{rest // size} {unit}")
            rest %= size
    return " ".join(parts[:2]) or "0 s"


def digest(value: str) -> Markup:
    """A digest, shortened to what people compare, whole where one points at it."""
    _, _, hexadecimal = value.rpartition(":")
    return Markup('<code class="digest" title="{}">{}</code>').format(value, hexadecimal[:_DIGEST_SHOWN])


def brief(value: str) -> str:
    """A sentence in which digests and ids are shortened to what people compare, and times to minutes."""
    return _TIMES.sub(r"\1 \2 UTC", _LONG_NAMES.sub(r"\1\2", value))


def coded(value: str) -> Markup:
    """A sentence in which what stands between backticks is set as code."""
    if isinstance(value, Markup):
        return value
    parts = plain(value).split("`")
    if len(parts) % 2 == 0:
        return escape(plain(value))
    as_code = Markup("<code>{}</code>")
    return Markup().join(as_code.format(one) if place % 2 else escape(one) for place, one in enumerate(parts))


def words(value: Any) -> str:
    """An enumeration's value as people write it."""
    return str(getattr(value, "value", value)).replace("_", " ")


def badge(value: Any) -> Markup:
    """A state as a coloured mark; its word says the same as its colour."""
    name = str(getattr(value, "value", value))
    return Markup('<span class="mark is-{}">{}</span>').format(
        re.sub(r"[^a-z0-9]+", "-", name.lower()), plain(words(name))
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("services.gateway.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {
            "moment": moment,
            "lasting": lasting,
            "digest": digest,
            "words": words,
            "brief": brief,
            "coded": coded,
            "badge": badge,
            "plain": plain,
        }
    )
    environment.globals.update({"fresh_id": lambda: uuid4().hex, "now": utc_now})
    return environment


ENVIRONMENT = _environment()


def page(
    request: Request,
    template: str,
    viewer: Viewer | None,
    *,
    project: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """One page. `project` is what the navigation leads within; empty on pages about everything."""
    text = ENVIRONMENT.get_template(template).render(
        viewer=viewer,
        project=project,
        path=request.url.path,
        theme=request.cookies.get("theme") if request.cookies.get("theme") in _THEMES else "auto",
        navigation=navigation.entries(request.url.path, project),
        correlation_id=request.state.meta.correlation_id,
        **values,
    )
    return HTMLResponse(text, status, headers)
