"""Waivers by their end: how long each still lasts, and where it stands on one common axis of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.gate.v1.waivers import WaiverState, WaiverView

SOON = timedelta(days=7)
VERY_SOON = timedelta(days=2)
_LOOKS_BACK = timedelta(days=30)
"""Waivers that began earlier begin at the axis's left end."""
_LOOKS_AHEAD = timedelta(days=14)
"""At least so far does the axis reach."""
_PAST = 0.1
"""At least this share of the future."""
ENDED = (WaiverState.EXPIRED, WaiverState.REVOKED, WaiverState.REFUSED)


@dataclass(frozen=True)
class Span:
    """One waiver and its bar, whose places are percents of the axis."""

    waiver: WaiverView
    start: float
    width: float
    kind: str
    """Of its colour: `warn` while it is asked for, `bad` when it ends very soon or is over, else `info` or `good`."""
    left: timedelta
    """Until it ends; below zero when it has."""
    says: str
    """What the bar shows, in words."""
    subject: tuple[tuple[str, str], ...]
    """What it is for: name and value."""

    @property
    def is_urgent(self) -> bool:
        """Whether somebody should look at it now."""
        return self.kind == "bad"


@dataclass(frozen=True)
class Axis:
    """The time that all bars are drawn in."""

    begins: datetime
    ends: datetime
    now: float
    """Percent at which the present is."""
    spans: tuple[Span, ...]


def axis(waivers: Sequence[WaiverView], now: datetime) -> Axis:
    """All waivers on one axis, in the order in which they come."""
    ends = max((*(one.expires_at for one in waivers), now + _LOOKS_AHEAD))
    begun = min((_begun(one) for one in waivers), default=now)
    # Some of the past is always there, so that the present is seen as a line.
    begins = min(max(begun, now - _LOOKS_BACK), now - (ends - now) * _PAST)
    return Axis(begins, ends, _place(now, begins, ends), tuple(_span(one, now, begins, ends) for one in waivers))


def _span(one: WaiverView, now: datetime, begins: datetime, ends: datetime) -> Span:
    left = one.expires_at - now
    start = _place(_begun(one), begins, ends)
    end = _place(one.ended_at or one.expires_at, begins, ends)
    subject = one.subject
    named = (("vulnerability", subject.vulnerability), ("component", subject.component), ("artifact", subject.artifact))
    return Span(
        waiver=one,
        start=start,
        width=max(end - start, 1.0),
        kind=_kind(one, left),
        left=left,
        says=f"{one.state.value}, {ending(left)}",
        subject=tuple((name, value) for name, value in named if value),
    )


def _kind(one: WaiverView, left: timedelta) -> str:
    if one.state in ENDED:
        return "grey"
    if left <= VERY_SOON:
        return "bad"
    if one.state is WaiverState.REQUESTED:
        return "info"
    return "warn" if left <= SOON else "good"


def ending(left: timedelta) -> str:
    """When it ends, in words; whole days are rounded down, so that nobody is promised too much."""
    if left <= timedelta(0):
        return "over"
    if left < timedelta(days=1):
        hours = int(left.total_seconds() // 3600)
        return f"ends in {hours} hours" if hours > 1 else "ends within the hour" if hours < 1 else "ends in an hour"
    return f"ends in {left.days} days" if left.days > 1 else "ends in a day"


def counts(waivers: Iterable[WaiverView], now: datetime) -> tuple[tuple[str, int, str], ...]:
    """How many there are, for one bar: name, count, colour."""
    kinds = [_kind(one, one.expires_at - now) for one in waivers]
    names = (("end within 2 days", "bad"), ("end within a week", "warn"), ("asked for", "info"), ("in force", "good"))
    return tuple((name, kinds.count(kind), kind) for name, kind in names)


def _begun(one: WaiverView) -> datetime:
    return one.decided_at or one.requested_at


def _place(moment: datetime, begins: datetime, ends: datetime) -> float:
    return min(100.0, max(0.0, 100 * ((moment - begins) / (ends - begins))))
