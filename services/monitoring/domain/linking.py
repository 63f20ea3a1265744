"""How failures belong to deployments when facts come one by one, in any order: what `History` says, kept up to date.

- A fault is a report that something failed: an incident, a time at risk, or a rollback. It is linked to the deployment
  that failed, to its end, and to the deployment that fixed it, by at most three questions about the application's line
  of deployments. The questions are asked by `yield`; whoever has the line answers them.
- A deployment that comes in late changes only faults near it: `near` asks which.
- What a deployment counts follows from its links, so that a change of links is a change of few counters.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.buckets import Entry
from services.monitoring.domain.delivery import Deployment
from services.monitoring.domain.metrics import REWORK_DAYS
from services.monitoring.domain.sketch import cell

_FIXED_WITHIN = timedelta(days=REWORK_DAYS)


class Which(Enum):
    """Questions about the deployments of one application, which are in order of time, then of id."""

    STANDING = auto()
    """The last one at or before the moment; of `version`, when one is given."""
    EARLIER = auto()
    """The last one before the moment; of another version than `version`, when one is given."""
    LATER = auto()
    """The first one after the moment; of `version`, when one is given."""
    NEXT_OTHER = auto()
    """The first one after the moment of another version than `version`."""
    BEFORE = auto()
    """The one just before the deployment `id`, which is at the moment."""
    AFTER = auto()
    """The one just after the deployment `id`, which is at the moment."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the line."""

    which: Which
    at: datetime
    version: str | None = None
    id: str = ""


Asking = Generator[Question, Deployment | None, "Link"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something says that a deployment failed."""

    id: str
    """Of a rollback: the deployment's."""
    at: datetime
    version: str | None = None
    """The one that failed, where it is known; of a rollback the one that it brought back."""
    resolved_at: datetime | None = None
    rollback: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """What a fault was found to mean."""

    owner: str | None = None
    """The deployment that failed; None when it is nobody's failure."""
    owner_at: datetime | None = None
    ended_at: datetime | None = None
    fix: str | None = None
    """The deployment that repaired it."""


@dataclass(frozen=True, slots=True)
class Near:
    """Which faults a new deployment can change: those of a time, those that name its version, and one rollback."""

    since: datetime | None
    """From then on; None: from the first."""
    until: datetime | None
    """Before that moment; None: without end."""
    named_until: datetime | None
    """Those that name the version: from the deployment on, before that moment; None: without end."""
    rollback: str | None
    """The rollback that follows it."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A deployment with what is linked to it."""

    deployment: Deployment
    incidents: int = 0
    """Incidents and times at risk that say that it failed."""
    rolled_back: tuple[str, datetime] | None = None
    """The rollback to another version that followed it, and when."""
    fixes: int = 0
    """Failures that it repaired."""

    @property
    def seconds(self) -> float | None:
        """Its lead time; None for a rollback, and without a usable commit time."""
        one = self.deployment
        is_new = one.kind is PromotionKind.RELEASE and one.committed_at is not None and one.committed_at <= one.at
        return (one.at - one.committed_at).total_seconds() if is_new and one.committed_at else None

    def entries(self) -> tuple[Entry, ...]:
        """What it counts."""
        is_release = self.deployment.kind is PromotionKind.RELEASE
        counts = {
            "deployments": 1,
            "releases" if is_release else "rollbacks": 1,
            **({"failed": 1} if self.incidents or self.rolled_back else {}),
            **({"fixes": 1} if self.fixes else {}),
            **({"reworked": 1} if self.fixes or not is_release else {}),
        }
        if self.seconds is not None:
            counts[f"lead:{cell(self.seconds)}"] = 1
        elif is_release:
            counts["unmeasured"] = 1
        own = Entry(self.deployment.at, counts, ticks=True)
        if self.rolled_back and not self.incidents:
            return own, Entry(self.rolled_back[1], {"alone": 1})
        return (own,)


def entries(fault: Fault, link: Link) -> tuple[Entry, ...]:
    """What a fault itself counts. Of a rollback it is the deployments that count."""
    if fault.rollback or link.owner is None:
        return ()
    if link.ended_at is None:
        return (Entry(fault.at, {"open": 1}),)
    return (Entry(fault.at, {f"restore:{cell((link.ended_at - fault.at).total_seconds())}": 1}),)


def linked(fault: Fault) -> Asking:
    """What a fault means, as `History.failures` has it."""
    owner, stands = (yield from _rolled_back(fault)) if fault.rollback else (yield from _failed(fault))
    if owner is None:
        return Link()
    following = yield Question(Which.NEXT_OTHER, fault.at, owner.version)
    ended_at = fault.at if fault.rollback else fault.resolved_at
    if following and stands and fault.version is not None and not fault.rollback:
        ended_at = min(one for one in (ended_at, following.at) if one is not None)
    return Link(owner.id, owner.at, ended_at, _fix(fault, following))


def near(deployment: Deployment) -> Generator[Question, Deployment | None, Near]:
    """Which faults can mean something else once a deployment has come into the line."""
    at = deployment.at
    earlier = yield Question(Which.EARLIER, at)
    # Between two deployments of other versions, only those of one version can end with this one.
    other = (yield Question(Which.EARLIER, at, earlier.version)) if earlier else None
    later = yield Question(Which.LATER, at)
    same = yield Question(Which.LATER, at, deployment.version)
    following = yield Question(Which.AFTER, at, id=deployment.id)
    is_rollback = following is not None and following.kind is PromotionKind.ROLLBACK
    since = other.at if other else None
    return Near(
        since=since if earlier else at,
        until=later.at if later else None,
        named_until=same.at if same else None,
        rollback=following.id if following and is_rollback else None,
    )


def relinked(counted: Counted, fault: Fault, before: Link, after: Link) -> Counted:
    """A deployment once a fault means something else than before."""
    own = counted.deployment.id
    fixes = counted.fixes + (after.fix == own) - (before.fix == own)
    if not fault.rollback:
        incidents = counted.incidents + (after.owner == own) - (before.owner == own)
        return replace(counted, incidents=incidents, fixes=fixes)
    rolled_back = counted.rolled_back
    if after.owner == own:
        rolled_back = (fault.id, fault.at)
    elif before.owner == own and rolled_back == (fault.id, fault.at):
        rolled_back = None
    return replace(counted, rolled_back=rolled_back, fixes=fixes)


_Found = Generator[Question, Deployment | None, tuple[Deployment | None, bool]]


def _rolled_back(fault: Fault) -> _Found:
    before = yield Question(Which.BEFORE, fault.at, id=fault.id)
    return (before if before and before.version != fault.version else None), False


def _failed(fault: Fault) -> _Found:
    standing = yield Question(Which.STANDING, fault.at)
    if standing is None or fault.version in {None, standing.version}:
        return standing, True
    return (yield Question(Which.STANDING, fault.at, fault.version)), False


def _fix(fault: Fault, following: Deployment | None) -> str | None:
    if following is None or following.kind is not PromotionKind.RELEASE or following.at - fault.at > _FIXED_WITHIN:
        return None
    is_late = not fault.rollback and fault.resolved_at is not None and following.at > fault.resolved_at
    return None if is_late else following.id
