"""What the supervisor orders from the launcher, and what the launcher reports back: one JSON object per line.

Rules
- Orders are carried out one after the other; each `Fork` and `Exec` is answered by `Started` or `Failed`.
- Every `Started` is followed by exactly one `Exited` with the same name and process id.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Import:
    """Import these modules once, so that children share them."""

    modules: list[str]


@dataclass(frozen=True, slots=True)
class Fork:
    """Fork a child that runs `entry` (`package.module:function`) with `env` as its environment."""

    name: str
    entry: str
    env: dict[str, str]
    log: str


@dataclass(frozen=True, slots=True)
class Exec:
    """Start the program `argv[0]` with `env` as its environment."""

    name: str
    argv: list[str]
    env: dict[str, str]
    log: str


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a signal to a child; nothing happens when it has ended."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Imported:
    """The modules are there."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Started:
    """A child runs."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """A child ended: its exit code, or minus the signal that ended it."""

    name: str
    pid: int
    code: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An order could not be carried out. `name` is empty for `Import`."""

    name: str
    reason: str


Order = Import | Fork | Exec | Signal
Report = Imported | Started | Exited | Failed

_ORDERS: dict[str, type[Order]] = {kind.__name__: kind for kind in (Import, Fork, Exec, Signal)}
_REPORTS: dict[str, type[Report]] = {kind.__name__: kind for kind in (Imported, Started, Exited, Failed)}


def encode(message: Order | Report) -> bytes:
    """The line for a message."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """The order in a line."""
    fields: dict[str, Any] = json.loads(line)
    return _ORDERS[fields.pop("kind")](**fields)


def decode_report(line: bytes) -> Report:
    """The report in a line."""
    fields: dict[str, Any] = json.loads(line)
    return _REPORTS[fields.pop("kind")](**fields)
