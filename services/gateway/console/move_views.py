"""Moves of versions: which ones a lifecycle allows, and the page that says what would come of one.

A version goes on one stage at a time; release stages are parallel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from contracts.registry.v1.views import ApplicationView, LifecycleView, StageView
from contracts.vocabulary import ActorKind, PromotionKind, StageName, VersionName


@dataclass(frozen=True)
class Rights:
    """What the viewer may ask for in this application."""

    kind: ActorKind
    promote: bool
    """Into stages that are no release stages."""
    manage: bool
    """Everything else: releases, and the ways back."""


@dataclass(frozen=True)
class Move:
    """One move that can be asked for: its forecast is shown first."""

    title: str
    path: str
    to_stage: StageName
    kind: PromotionKind


def stages_of(application: ApplicationView, lifecycles: Iterable[LifecycleView]) -> Sequence[StageView]:
    """The stages of the lifecycle that an application follows."""
    return next((one.stages for one in lifecycles if one.lifecycle == application.lifecycle), ())


def next_stages(stages: Sequence[StageView], standing: StageName | None, current_in: Iterable[str]) -> list[StageView]:
    """Those that a version may enter from where it stands."""
    names = [stage.name for stage in stages]
    if standing is not None and standing not in names:
        return []
    place = names.index(standing) if standing is not None else -1
    rest = stages[place + 1 :]
    if (place >= 0 and stages[place].release) or (rest and rest[0].release):
        return [one for one in stages if one.release and one.name != standing and one.name not in set(current_in)]
    return list(rest[:1])


def forecast_path(path: str, version: VersionName, kind: PromotionKind, to_stage: StageName) -> str:
    """The page that says what would come of a move."""
    return f"{path}/forecast?{urlencode({'version': version, 'kind': kind.value, 'to_stage': to_stage})}"
