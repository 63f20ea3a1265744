"""A small picture that says whether a release may be relied on: pure SVG, no script, no style, nothing remote."""

from __future__ import annotations

from html import escape
from typing import assert_never

from contracts.vocabulary import ReleaseStatus, Trust

_LABEL = "hallmark"
_CHARACTER = 7
_PADDING = 12
_NEUTRAL = "#6b7280"


def badge(
    trust: Trust | None,
    version: str,
    *,
    status: ReleaseStatus = ReleaseStatus.PRE_RELEASE,
    waivers: int = 0,
    named: bool = False,
) -> str:
    """The badge of one version; no trust for versions that are no release, and `waivers` that its release needed.

    `named` writes the version into it: for badges of applications, whose version changes.
    """
    text, colour = _look(trust, status, waivers)
    if named and version:
        text = f"{version} {text}"
    left, right = _width(_LABEL), _width(text)
    title = escape(f"{_LABEL}: {version} is {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left}" height="20" fill="#3a3f47"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2}" y="14">{_LABEL}</text>'
        f'<text x="{left + right / 2}" y="14">{escape(text)}</text>'
        "</g></svg>"
    )


def _look(trust: Trust | None, status: ReleaseStatus, waivers: int) -> tuple[str, str]:
    hint = f" ({waivers} waiver{'' if waivers == 1 else 's'})" if waivers else ""
    match trust:
        case Trust.REVOKED:
            return "revoked", "#b42318"
        case Trust.AT_RISK:
            return "at risk", "#b35900"
        # What moved it says that it is no trusted release; monitoring may not have heard of that yet.
        case _ if status is ReleaseStatus.RELEASED:
            return f"released{hint}", _NEUTRAL
        case Trust.TRUSTED:
            return f"trusted{hint}" if hint else "trusted release", "#1a7f37"
        case None | Trust.NONE:
            return "not released", _NEUTRAL
        case _:
            assert_never(trust)


def _width(text: str) -> int:
    return len(text) * _CHARACTER + _PADDING
