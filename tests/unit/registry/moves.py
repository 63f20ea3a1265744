"""Versions, lifecycles and moves for the registry's tests, and a small board on which versions move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.vocabulary import Artifact, PromotionKind, SourceCommit
from services.registry.domain.lifecycle import Lifecycle, Stage
from services.registry.domain.moving import WantedMove, moved, touched
from services.registry.domain.standing import Standing
from services.registry.domain.version import Move, Version, manifest_digest
from shared.digests import sha256_digest

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHEEL = Artifact(purl="pkg:pypi/cart@1.0", digest=sha256_digest(b"wheel"))
IMAGE = Artifact(purl="pkg:oci/cart@1.0", digest=sha256_digest(b"image"))
NESTED = (sha256_digest(b"one"), sha256_digest(b"two"))
SOURCE = SourceCommit(repository="https://git.example/cart", commit="0123abc", committed_at=NOW)
MADE_OF: dict[str, Any] = {"artifacts": (WHEEL, IMAGE), "nested": NESTED, "source": SOURCE}
VERSION = Version(
    project="shop",
    application="cart",
    version="1.0",
    digest=manifest_digest("shop", "cart", "1.0", **MADE_OF),
    **MADE_OF,
    created_at=NOW,
    created_by="ann",
    tag="",
    properties={},
)
PROMOTE, ROLLBACK = PromotionKind.PROMOTE, PromotionKind.ROLLBACK
DEMOTE, RECERTIFY = PromotionKind.DEMOTE, PromotionKind.RECERTIFY


def lifecycle(*names: str, release: tuple[str, ...] = ()) -> Lifecycle:
    return Lifecycle("shop", "default", tuple(Stage(name, "", (), release=name in release) for name in names))


LINE = lifecycle("dev", "qa", "prod")
RINGS = lifecycle("dev", "qa", "eu", "us", "asia", release=("eu", "us", "asia"))


def a_move(from_stage: str | None, to_stage: str, kind: PromotionKind = PROMOTE, **more: Any) -> WantedMove:
    said: dict[str, Any] = {
        "promotion_id": f"{kind}-{to_stage}",
        "attempt": 1,
        "at": NOW,
        "by": "ann",
        "verdict_id": "v",
        "reason": "",
    }
    said |= {"passage_digest": sha256_digest(b"passage"), "replaced": None}
    move = Move(kind=kind, from_stage=from_stage, to_stage=to_stage, **said | more)
    return WantedMove(move, VERSION.digest, move.at)


@dataclass
class Board:
    """An application whose versions move."""

    lifecycle: Lifecycle = LINE
    versions: dict[str, Version] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    moves: int = 0

    def version(self, name: str = "1.0") -> Version:
        return self.versions.get(name, replace(VERSION, version=name))

    def standing(self, stage: str) -> Standing:
        return self.standings.get(stage, Standing("shop", "cart", stage))

    def ask(self, name: str, wanted: WantedMove) -> Move:
        """Make a move. Raises what forbids it, and then has changed nothing."""
        version = self.version(name)
        stages = touched(version, wanted.move.kind, wanted.move.to_stage)
        after = moved(version, wanted, self.lifecycle, {stage: self.standing(stage) for stage in stages})
        self.versions[name] = after.version
        self.standings |= {one.stage: one for one in after.standings}
        return after.move

    def go(self, name: str, to_stage: str, kind: PromotionKind = PROMOTE, **more: Any) -> Move:
        """As `ask`, from where a promotion service would see the version; each move a second after the other."""
        self.moves += 1
        at, standing = NOW + timedelta(seconds=self.moves), self.version(name).stage
        onward = kind in (PROMOTE, PromotionKind.RELEASE)
        begin = self.lifecycle.before(to_stage) if onward else to_stage if kind is RECERTIFY else standing
        return self.ask(name, a_move(begin, to_stage, kind, **{"promotion_id": f"pr-{self.moves}", "at": at} | more))

    def walk(self, name: str, *stages: str) -> Version:
        for stage in stages:
            self.go(name, stage)
        return self.version(name)

    def pointers(self, stage: str) -> tuple[str | None, str | None, list[str]]:
        """The current version, the previous good one, and the quarantined."""
        one = self.standing(stage)
        return one.current, one.previous_good, [stay.version for stay in one.quarantined]
