"""Percentages as people write them in a policy: decimal text, so that no limit is rounded on its way."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator

_FORM = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,4}))?", re.ASCII)
_PLACES = 10_000


def parse_percent(text: object) -> str:
    """The normal form of a percentage; raises `ValueError` unless it is decimal text above 0 and up to 100."""
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None or not 0 < Fraction(match[0]) <= 100:  # noqa: PLR2004 - the whole
        raise ValueError('a percentage is text above 0 and up to 100, with at most 4 places, such as "98.5"')
    places = (match[2] or "").rstrip("0")
    return f"{match[1]}.{places}" if places else match[1]


Percent = Annotated[str, BeforeValidator(parse_percent)]


def format_percent(part: Fraction) -> str:
    """A percentage for people, cut and never rounded up: what misses a limit must not read as if it reached it."""
    whole, places = divmod(part * _PLACES // 1, _PLACES)
    return parse_percent(f"{whole}.{places:04d}") if part * _PLACES >= 1 else "0"
