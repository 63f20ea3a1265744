"""A version: what it is made of, where it stands, and when it may move.

- A version's digest is the SHA-256 of its canonical manifest: project, application, version, the artifacts sorted by
  digest, nested versions sorted, and the source commit, with its author and committer where they are said. Nothing in
  the manifest ever changes.
- It moves on one stage at a time, from where the promotion saw it, and only while the verdict is fresh.
- The move into the release stage makes it a trusted release, or only a released one when its verdict says so. The
  newest such move decides, rollbacks included: they pass the release gate again.
- A rollback makes a version current again in a stage it has entered before; it erases nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.vocabulary import (
    ApplicationName,
    Artifact,
    Digest,
    ProjectName,
    PromotionKind,
    ReleaseStatus,
    SourceCommit,
    StageName,
    VersionName,
    utc,
)
from services.registry.domain.lifecycle import Lifecycle
from shared.digests import JsonValue, canonical_digest
from shared.errors import Conflict, Invalid


@dataclass(frozen=True)
class Move:
    """One entry of a version's history."""

    promotion_id: str
    attempt: int
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    at: datetime
    by: str
    verdict_id: str
    passage_digest: Digest
    reason: str
    replaced: VersionName | None
    trusted: bool = True
    """Whether its verdict lets a release be called trusted."""
    waivers: tuple[str, ...] = ()
    """Ids of those that its verdict needed."""


@dataclass(frozen=True)
class Version:
    """One version, immutable once it is sealed, and the one mutable fact about it: where it stands."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    digest: Digest
    artifacts: tuple[Artifact, ...]
    nested: tuple[Digest, ...]
    source: SourceCommit | None
    created_at: datetime
    created_by: str
    tag: str
    properties: dict[str, str]
    stage: StageName | None = None
    release_status: ReleaseStatus = ReleaseStatus.PRE_RELEASE
    history: tuple[Move, ...] = ()
    revision: int = 0
    draft: bool = False
    """Whether its content may still grow (`draft.py`)."""
    drafted_at: datetime | None = None
    contributors: tuple[str, ...] = ()
    """Everybody who had a hand in the content of a draft, sorted; empty for what never was one."""
    sources: tuple[SourceCommit, ...] = ()
    """What a draft was said to be built from, each saying once."""

    @property
    def entered(self) -> frozenset[StageName]:
        """Every stage it has been in."""
        return frozenset(move.to_stage for move in self.history)

    def move_of(self, promotion_id: str, attempt: int) -> Move | None:
        """The move that this attempt of a promotion made, when it made one."""
        made = (promotion_id, attempt)
        return next((move for move in self.history if (move.promotion_id, move.attempt) == made), None)


def manifest_digest(
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    *,
    artifacts: tuple[Artifact, ...],
    nested: tuple[Digest, ...],
    source: SourceCommit | None,
) -> Digest:
    """The digest that names this version everywhere. Raises `Invalid` when it is made of nothing, or of one twice."""
    digests = [artifact.digest for artifact in artifacts]
    if not artifacts and not nested:
        raise Invalid("version_empty", "A version needs at least one artifact or nested version.", remedy="Name one.")
    if len(set(digests)) != len(digests) or len(set(nested)) != len(nested):
        raise Invalid("version_artifact_repeated", "An artifact is named twice.", remedy="Name each artifact once.")
    return canonical_digest(
        {
            "v": 1,
            "project": project,
            "application": application,
            "version": version,
            "artifacts": [
                {"digest": one.digest, "purl": one.purl} for one in sorted(artifacts, key=lambda one: one.digest)
            ],
            "nested": sorted(nested),
            "source": _in_manifest(source) if source else None,
        }
    )


def _in_manifest(source: SourceCommit) -> dict[str, JsonValue]:
    # Who wrote it came later: versions that do not say so keep the digests that they had.
    people = {"author": source.author, "committer": source.committer}
    return {
        "repository": source.repository,
        "commit": source.commit,
        "branch": source.branch,
        "committed_at": utc(source.committed_at) if source.committed_at else None,
        **{name: who for name, who in people.items() if who is not None},
    }


@dataclass(frozen=True)
class WantedMove:
    """What a promotion asks for, and until when its verdict may be acted on."""

    move: Move
    version_digest: Digest
    verdict_expires_at: datetime


def moved(version: Version, wanted: WantedMove, lifecycle: Lifecycle, current: VersionName | None) -> Version:
    """The version after the move; `current` stands in the target stage until now.

    Raises `Conflict` when it may not move; its code and message become the refusal.
    """
    move = wanted.move
    if version.digest != wanted.version_digest:
        raise Conflict("move_digest_differs", f"{version.version} is not the version that was judged.")
    if move.at > wanted.verdict_expires_at:
        raise Conflict("verdict_expired", f"The verdict was good until {utc(wanted.verdict_expires_at)}.")
    if move.kind is PromotionKind.ROLLBACK:
        return _rolled_back(version, move, lifecycle, current)
    if version.stage != move.from_stage:
        raise Conflict(
            "version_elsewhere",
            f"{version.version} stands in {version.stage or 'no stage'}, not in {move.from_stage or 'no stage'}.",
        )
    if lifecycle.next_after(version.stage) != move.to_stage:
        raise Conflict("stage_skipped", f"{move.to_stage} does not follow {version.stage or 'the beginning'}.")
    status = _status(move, lifecycle) or ReleaseStatus.PRE_RELEASE
    return replace(version, stage=move.to_stage, release_status=status, history=(*version.history, move))


def _status(move: Move, lifecycle: Lifecycle) -> ReleaseStatus | None:
    if move.to_stage != lifecycle.release_stage:
        return None
    return ReleaseStatus.TRUSTED_RELEASE if move.trusted else ReleaseStatus.RELEASED


def _rolled_back(version: Version, move: Move, lifecycle: Lifecycle, current: VersionName | None) -> Version:
    if move.to_stage not in version.entered:
        raise Conflict("rollback_to_stranger", f"{version.version} has never been in {move.to_stage}.")
    if current == version.version:
        raise Conflict("rollback_to_current", f"{version.version} is the current version of {move.to_stage} already.")
    status = _status(move, lifecycle) or version.release_status
    return replace(version, release_status=status, history=(*version.history, move))
