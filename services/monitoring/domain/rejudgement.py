"""What the gate last said of one admission of a release: which of the rules that admitted it would not any more.

- Of what is said of a version, the newest release counts, and of that the highest revision, in whatever order it comes.
- It concerns a release only as long as its newest admission is the one that was judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.monitoring.domain.causes import RuleCause


@dataclass(frozen=True, slots=True)
class Rejudgement:
    """One judgement of the gate."""

    release: str
    """The release, as releases are stored."""
    released_at: datetime
    """When the release that was judged was said to be trusted."""
    revision: int
    because: str
    """What happened, in a sentence."""
    failing: tuple[RuleCause, ...] = ()
    waived: tuple[str, ...] = ()
    """Names of the rules that let it pass by waivers only."""

    def is_newer_than(self, other: Rejudgement | None) -> bool:
        """Whether it takes the place of the other one."""
        return other is None or (self.released_at, self.revision) > (other.released_at, other.revision)
