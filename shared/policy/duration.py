"""Lengths of time and moments as people write them in a policy.

- A duration is a whole number and one unit: `90m`, `12h`, `30d`. A bare number has no unit and is refused.
- Its normal form uses the largest unit that divides it (`24h` is `1d`), so that equal policies have equal digests.
- A moment is a date, meaning its midnight in UTC, or a time with an offset. A time without one says nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from contracts.vocabulary import utc

_FORM = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def parse_duration(text: object) -> timedelta:
    """The length of time that `text` says; raises `ValueError` unless it reads like `90m`, `12h` or `30d`."""
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a duration is a whole number up to 9999 and a unit, such as `90m`, `12h` or `30d`")
    return int(match[1]) * _UNITS[match[2]]


def before(moment: datetime) -> datetime:
    """The last moment before `moment`, as finely as times are told here."""
    return moment - timedelta.resolution


def format_duration(length: timedelta) -> str:
    """The normal form of a duration that `parse_duration` made."""
    unit = next(name for name, size in _UNITS.items() if not length % size)
    return f"{length // _UNITS[unit]}{unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
]


def parse_moment(text: object) -> datetime:
    """The moment that `text` says; raises `ValueError` unless it is a date, or a time with its offset."""
    if isinstance(text, date):
        text = text.isoformat()  # YAML reads what looks like a date as one.
    if isinstance(text, str):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
        else:
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    raise ValueError("a moment is a date such as `2027-01-31` (from midnight UTC) or a time with its offset")


Moment = Annotated[datetime, BeforeValidator(parse_moment), PlainSerializer(utc, return_type=str)]
"""A point in time as people write it in a policy."""
