"""A lifecycle: the ordered stages of a version's way. Order is enforced, and the last stage is the release stage.

- Stage names are unique in a lifecycle.
- A stage that versions have entered stays, and stays in the same order among those that were entered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contracts.vocabulary import GateKind, LifecycleName, ProjectName, StageName
from shared.errors import Conflict, Invalid


@dataclass(frozen=True)
class Stage:
    """One station; `open` gates need no policy."""

    name: StageName
    title: str
    open: tuple[GateKind, ...]


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

    @property
    def names(self) -> list[StageName]:
        """The stages' names in order."""
        return [stage.name for stage in self.stages]

    @property
    def release_stage(self) -> StageName:
        """The last one."""
        return self.stages[-1].name

    @property
    def open_gates(self) -> frozenset[tuple[StageName, GateKind]]:
        """The gates that stand open on purpose."""
        return frozenset((stage.name, gate) for stage in self.stages for gate in stage.open)

    def next_after(self, stage: StageName | None) -> StageName | None:
        """The stage that follows; the first one after None, None after the last and after unknown ones."""
        if stage is None:
            return self.stages[0].name
        names = self.names
        place = names.index(stage) + 1 if stage in names else len(names)
        return names[place] if place < len(names) else None


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
