"""A lifecycle: the ordered stages of a version's way, the last of which release it. Order is enforced.

- Stage names are unique in a lifecycle.
- Release stages are the marked ones, which are the last ones; when none is marked, the last stage is the one.
- Release stages are parallel: a version goes into any of them from the last stage before them, in any order, and may
  stand in several at once. A lifecycle may consist of nothing else.
- A stage that versions have entered stays, and stays in the same order among those that were entered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contracts.vocabulary import ActorKind, GateKind, LifecycleName, ProjectName, QueuePolicy, StageName
from shared.errors import Conflict, Invalid


@dataclass(frozen=True)
class Stage:
    """One station; `open` gates need no policy. What follows `release` is for whoever promotes into it."""

    name: StageName
    title: str
    open: tuple[GateKind, ...]
    release: bool = False
    requesters: tuple[ActorKind, ...] | None = None
    queue: QueuePolicy = "wait"
    supersede: bool = False
    automatic: bool = False


@dataclass(frozen=True)
class Lifecycle:
    """Named, ordered stages of a project."""

    project: ProjectName
    name: LifecycleName
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        names = self.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Invalid(
                "lifecycle_stage_repeated",
                f"The stage {twice[0]} is in lifecycle {self.name} twice.",
                remedy="Give every stage a name of its own.",
            )
        first = next((place for place, stage in enumerate(self.stages) if stage.release), len(names))
        if after := [stage.name for stage in self.stages[first:] if not stage.release]:
            raise Invalid(
                "lifecycle_release_not_last",
                f"The stage {after[0]} follows a release stage of lifecycle {self.name}, and is none itself.",
                remedy="Put the release stages last: what comes after a release is a release stage, too.",
            )

    @property
    def names(self) -> list[StageName]:
        """The stages' names in order."""
        return [stage.name for stage in self.stages]

    @property
    def release_stages(self) -> tuple[StageName, ...]:
        """The marked ones in order, else the last one."""
        marked = tuple(stage.name for stage in self.stages if stage.release)
        return marked or (self.stages[-1].name,)

    @property
    def before_release(self) -> StageName | None:
        """The stage from which versions go into each release stage; None when there is no other stage."""
        place = len(self.stages) - len(self.release_stages)
        return self.stages[place - 1].name if place else None

    @property
    def open_gates(self) -> frozenset[tuple[StageName, GateKind]]:
        """The gates that stand open on purpose."""
        return frozenset((stage.name, gate) for stage in self.stages for gate in stage.open)

    def before(self, stage: StageName) -> StageName | None:
        """The stage from which versions go into this one; None for those that they begin with, and unknown ones."""
        if stage in self.release_stages:
            return self.before_release
        place = self.names.index(stage) if stage in self.names else 0
        return self.names[place - 1] if place else None


def check_change(before: Lifecycle, after: Lifecycle, entered: Collection[StageName]) -> None:
    """Pass when no entered stage is lost or changes its order. Raises `Conflict`."""
    kept = _among(before.names, entered)
    if kept != _among(after.names, entered):
        raise Conflict(
            "lifecycle_stage_in_use",
            f"Versions have passed {', '.join(kept)} of lifecycle {after.name}; these stages must stay in this order.",
            remedy="Add stages around them, or define another lifecycle.",
        )


def _among(names: Sequence[StageName], wanted: Collection[StageName]) -> list[StageName]:
    return [name for name in names if name in wanted]
