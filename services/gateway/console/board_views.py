"""The stage board of an application: one column per stage, what stands there, what arrives, and where each may go next.

- A version goes on one stage at a time; release stages are parallel. What is offered here is what the lifecycle allows:
  the gates decide whether it happens, and the services whether whoever asks may.
- While a promotion has a version, no other move of it is offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.monitoring.v1.surveys import TrustLine
from contracts.promotion.v1.surveys import PromotionLine
from contracts.registry.v1.views import (
    ApplicationView,
    QuarantinedVersion,
    StageView,
    StandingVersion,
    VersionSummary,
)
from contracts.vocabulary import Digest, PromotionKind, ReleaseStatus, StageName, VersionName
from services.gateway.console.move_views import Move, Rights, forecast_path, next_stages

SHOWN = 10
"""Cards of versions that wait in one column; the list of versions has the others."""
_ONWARD = frozenset({PromotionKind.PROMOTE, PromotionKind.RELEASE})
_FORWARD = {False: (PromotionKind.PROMOTE, "Move on to"), True: (PromotionKind.RELEASE, "Release to")}


@dataclass(frozen=True)
class Card:
    """One version on the board."""

    version: VersionName
    digest: Digest | None
    """None when the version is older than the newest ones, of which alone it is known here."""
    at: datetime | None
    trust: TrustLine | None
    release_status: ReleaseStatus | None
    draft: bool
    moving: PromotionLine | None
    moves: tuple[Move, ...]

    @property
    def onward(self) -> Move | None:
        """The move that most people want: the first that leads on."""
        return next((move for move in self.moves if move.kind in _ONWARD), None)

    @property
    def others(self) -> tuple[Move, ...]:
        """All the other moves."""
        return tuple(move for move in self.moves if move != self.onward)

    @property
    def targets(self) -> dict[StageName, str]:
        """Where it can be dropped, and the forecast of that."""
        return {move.to_stage: move.path for move in self.moves if move.kind is not PromotionKind.RECERTIFY}


@dataclass(frozen=True)
class Column:
    """One stage."""

    stage: StageView
    current: Card | None
    since: datetime | None
    previous_good: VersionName | None
    back: Move | None
    """A rollback to the previous good version."""
    quarantined: tuple[tuple[QuarantinedVersion, Move | None], ...]
    arriving: tuple[PromotionLine, ...]
    earlier: tuple[Card, ...]
    """Versions that came this far and are not current here, the newest first."""


@dataclass(frozen=True)
class Board:
    """All of it."""

    registered: tuple[Card, ...]
    """Versions that have entered no stage yet, the newest first."""
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Scene:
    """What is known when the board is drawn."""

    application: ApplicationView
    stages: Sequence[StageView]
    versions: Sequence[VersionSummary]
    """The newest ones."""
    arriving: Sequence[PromotionLine]
    trust: Mapping[VersionName, TrustLine]
    rights: Rights

    @property
    def path(self) -> str:
        """Where the application's pages are."""
        return f"/projects/{self.application.project}/applications/{self.application.application}"

    @property
    def standing(self) -> dict[StageName, StandingVersion]:
        """The pointers of each stage."""
        return {one.stage: one for one in self.application.board}


def board_of(scene: Scene) -> Board:
    """The board of an application."""
    return Board(
        registered=tuple(_card(scene, one) for one in scene.versions if one.stage is None)[:SHOWN],
        columns=tuple(_column(scene, stage) for stage in scene.stages),
    )


def _column(scene: Scene, stage: StageView) -> Column:
    standing = scene.standing.get(stage.name)
    known = {one.version: one for one in scene.versions}
    current = None
    if standing and standing.version:
        current = _current(scene, stage, standing.version, known.get(standing.version))
    good = standing.previous_good if standing else None
    earlier = (
        _card(scene, one)
        for one in scene.versions
        if one.stage == stage.name and (standing is None or one.version != standing.version)
    )
    return Column(
        stage=stage,
        current=current,
        since=standing.since if standing else None,
        previous_good=good,
        back=_move(scene, "Roll back to", good, PromotionKind.ROLLBACK, stage) if good else None,
        quarantined=tuple(
            (one, _move(scene, "Certify again", one.version, PromotionKind.RECERTIFY, stage))
            for one in (standing.quarantined if standing else ())
        ),
        arriving=tuple(one for one in scene.arriving if one.to_stage == stage.name),
        earlier=tuple(earlier)[:SHOWN],
    )


def _card(scene: Scene, one: VersionSummary) -> Card:
    moving = _moving(scene, one.version)
    return Card(
        version=one.version,
        digest=one.digest,
        at=one.created_at,
        trust=scene.trust.get(one.version),
        release_status=one.release_status,
        draft=one.draft,
        moving=moving,
        moves=() if moving else _forward(scene, one),
    )


def _current(scene: Scene, stage: StageView, version: VersionName, known: VersionSummary | None) -> Card:
    moving = _moving(scene, version)
    moves: list[Move | None] = []
    if known is not None and known.stage == stage.name:
        moves += _forward(scene, known)
        moves += [
            _move(scene, "Take back to", version, PromotionKind.DEMOTE, earlier)
            for earlier in reversed(_before(scene.stages, stage))
        ]
    moves.append(_move(scene, "Certify again for", version, PromotionKind.RECERTIFY, stage))
    return Card(
        version=version,
        digest=known.digest if known else None,
        at=known.created_at if known else None,
        trust=scene.trust.get(version),
        release_status=known.release_status if known else None,
        draft=False,
        moving=moving,
        moves=() if moving else tuple(move for move in moves if move),
    )


def _before(stages: Sequence[StageView], stage: StageView) -> list[StageView]:
    names = [one.name for one in stages]
    return [one for one in stages[: names.index(stage.name)] if not one.release]


def _forward(scene: Scene, one: VersionSummary) -> tuple[Move, ...]:
    current_in = [stage for stage, standing in scene.standing.items() if standing.version == one.version]
    moves = []
    for stage in next_stages(scene.stages, one.stage, current_in):
        kind, words = _FORWARD[stage.release]
        moves.append(_move(scene, words, one.version, kind, stage))
    return tuple(move for move in moves if move)


def _move(scene: Scene, words: str, version: VersionName, kind: PromotionKind, stage: StageView) -> Move | None:
    """The move, if the viewer may ask for it."""
    may = scene.rights.promote if kind is PromotionKind.PROMOTE and not stage.release else scene.rights.manage
    if kind in _ONWARD and stage.requesters is not None and scene.rights.kind not in stage.requesters:
        may = False
    if not may:
        return None
    named = version if kind is PromotionKind.ROLLBACK else stage.title or stage.name
    return Move(f"{words} {named}", forecast_path(scene.path, version, kind, stage.name), stage.name, kind)


def _moving(scene: Scene, version: VersionName) -> PromotionLine | None:
    return next((one for one in scene.arriving if one.version == version), None)
