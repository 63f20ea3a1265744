"""A version: what it is made of, where it stands, and every move that it made.

- A version's digest is the SHA-256 of its canonical manifest: project, application, version, the artifacts sorted by
  digest, nested versions sorted, and the source commit, with its author and committer where they are said. Nothing in
  the manifest ever changes.
- Where it stands is the one mutable fact about it, and follows from its moves (`moving`).
"""

from __future__ import annotations

from dataclasses import dataclass
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
from shared.digests import JsonValue, canonical_digest
from shared.errors import Invalid
from shared.way import way_of


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
    left: tuple[StageName, ...] = ()
    """The stages that it was taken back from, in the order of its first entry."""


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

    @property
    def held(self) -> tuple[StageName, ...]:
        """The stages it has entered and was not taken back from, in the order of its first entry."""
        return way_of(self.history).held

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
