"""Lengths of time as people write them in a policy.

- A duration is a whole number and one unit: `90m`, `12h`, `30d`. A bare number has no unit and is refused.
- Its normal form uses the largest unit that divides it (`24h` is `1d`), so that equal policies have equal digests.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_FORM = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def parse_duration(text: object) -> timedelta:
    """The length of time that `text` says; raises `ValueError` unless it reads like `90m`, `12h` or `30d`."""
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a duration is a whole number up to 9999 and a unit, such as `90m`, `12h` or `30d`")
    return int(match[1]) * _UNITS[match[2]]


def format_duration(length: timedelta) -> str:
    """The normal form of a duration that `parse_duration` made."""
    unit = next(name for name, size in _UNITS.items() if not length % size)
    return f"{length // _UNITS[unit]}{unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
]
