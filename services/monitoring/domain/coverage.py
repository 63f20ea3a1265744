"""How well what stands is covered: by evidence that counts, and by rules without exceptions.

- A version is covered by evidence on itself, its artifacts, and the versions that it contains.
- Signed is what verified and is not distrusted. The signed share is that of all evidence on the version.
- A bill of materials is as fresh as the newest one that counts.
- Waiver debt is what is granted, has not ended and has not expired, by age since it was granted and by time left.
- Time to remediate is the mean from an alert's opening to its closing, over those closed in the window; in time is what
  was closed no later than it was due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

_WEEK, _MONTH, _QUARTER, _EVER = (timedelta(days=days) for days in (7, 30, 90, 36500))
AGES = ((timedelta(0), _WEEK), (_WEEK, _MONTH), (_MONTH, _QUARTER), (_QUARTER, _EVER))
"""Ages of open waivers: from (included) and up to (excluded)."""
ENDS = AGES
"""Times that open waivers have left: more than, and up to."""
LABELS = ("up to 7 days", "7 to 30 days", "30 to 90 days", "more than 90 days")
SBOM = "sbom"


@dataclass(frozen=True, slots=True)
class Stood:
    """What stands in a stage."""

    stage: str
    version: str | None
    """None once the stage was left without a successor."""
    digest: str | None
    since: datetime
    application: str = ""


@dataclass(frozen=True, slots=True)
class KindSeen:
    """The evidence of one kind on a version."""

    kind: str
    count: int
    verified: int
    newest: datetime | None
    """When the newest that counts was made."""


@dataclass(frozen=True, slots=True)
class Remediation:
    """How soon alerts of one severity were closed."""

    severity: str
    closed: int
    mean_seconds: float
    in_time: int


def signed_share(kinds: Iterable[KindSeen]) -> float | None:
    """Verified evidence as a share of all; None without any."""
    known = list(kinds)
    total = sum(one.count for one in known)
    return sum(one.verified for one in known) / total if total else None


def sbom_age(kinds: Iterable[KindSeen], now: datetime) -> float | None:
    """Seconds since the newest bill of materials that counts was made; None without one."""
    newest = next((one.newest for one in kinds if one.kind == SBOM), None)
    return max(0.0, (now - newest).total_seconds()) if newest else None
