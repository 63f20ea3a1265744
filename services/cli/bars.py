"""Small pictures of numbers for people: a line of bars for a series, one bar for a share."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 12


def sparkline(values: Sequence[float | None]) -> str:
    """One bar for each value, by the largest; a point where there is none."""
    largest = max((one for one in values if one is not None), default=0.0)
    return "".join("·" if one is None else _BARS[_height(one, largest)] for one in values)


def bar(share: float | None) -> str:
    """A share of one as a bar."""
    if share is None:
        return ""
    filled = round(min(max(share, 0.0), 1.0) * _WIDTH)
    return "█" * filled + "░" * (_WIDTH - filled)


def length(seconds: float | None) -> str | None:
    """A length of time with its two largest units; None without one."""
    if seconds is None:
        return None
    days, rest = divmod(round(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2] if count) or "0s"


def _height(value: float, largest: float) -> int:
    return round(value / largest * (len(_BARS) - 1)) if largest > 0 else 0
