"""A draft: a version whose content may still grow.

- Content is a set: in which order it was said, and how often, makes no difference. One digest is one artifact; of two
  purls for it, the one that sorts first counts.
- Whatever was published under a version's name is in it and will be judged, two builds under one purl included; only
  a person takes something out again.
- A draft has the digest of its present content. Sealing fixes both for ever, and is the moment it becomes a version.
- Everybody who had a hand in its content is remembered: nobody may later approve what they helped to make.
- All who say what it was built from must agree, or it cannot be sealed. Saying less is no disagreement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.vocabulary import ApplicationName, Artifact, Digest, ProjectName, SourceCommit, VersionName, utc
from services.registry.domain.version import Version, manifest_digest
from shared.errors import Conflict, TooLarge

MOST = 1000
"""Artifacts, and nested versions, that one version may be made of."""


@dataclass(frozen=True)
class Amendment:
    """What is said about the content of a version."""

    artifacts: tuple[Artifact, ...] = ()
    nested: tuple[Digest, ...] = ()
    source: SourceCommit | None = None
    removed: tuple[Digest, ...] = ()
    """Taken out before the others are added."""
    settles_source: bool = False
    """Whether `source` takes the place of all that was said before, instead of standing beside it."""


def begun(version: Version) -> Version:
    """The version as a draft that its creator has just begun. Raises `Invalid` when it is made of nothing."""
    draft = replace(version, draft=True, drafted_at=version.created_at, artifacts=(), nested=(), source=None)
    return amended(draft, Amendment(version.artifacts, version.nested, version.source), by=version.created_by)


def begun_with(
    project: ProjectName, application: ApplicationName, name: VersionName, said: Amendment, *, by: str, at: datetime
) -> Version:
    """A draft of which this much is said so far. Raises `Invalid` when it is made of nothing."""
    return begun(
        Version(
            project=project,
            application=application,
            version=name,
            digest="",  # `begun` fills it in
            artifacts=said.artifacts,
            nested=said.nested,
            source=said.source,
            created_at=at,
            created_by=by,
            tag="",
            properties={},
        )
    )


def amended(version: Version, amendment: Amendment, *, by: str) -> Version:
    """The draft as `by` says it is made; the very same when it was so already.

    Raises `Conflict` for a sealed version to which this would be new, `Invalid` when nothing would be left.
    """
    if not version.draft:
        _refuse_news(version, amendment)
        return version
    removed = set(amendment.removed)
    artifacts = _union(*(one for one in version.artifacts if one.digest not in removed), *amendment.artifacts)
    nested = tuple(sorted({*version.nested} - removed | {*amendment.nested}))
    sources = _sources(version, amendment)
    if (artifacts, nested, sources) == (version.artifacts, version.nested, version.sources):
        return version
    if len(artifacts) > MOST or len(nested) > MOST:
        raise TooLarge(
            "version_too_large",
            f"{version.version} would be made of more than {MOST} artifacts or nested versions.",
            remedy="Put some of it into a version of its own, and nest that.",
        )
    source = agreed_source(sources)
    digest = manifest_digest(
        version.project, version.application, version.version, artifacts=artifacts, nested=nested, source=source
    )
    return replace(
        version,
        artifacts=artifacts,
        nested=nested,
        sources=sources,
        source=source,
        digest=digest,
        contributors=tuple(sorted({*version.contributors, by})),
    )


def sealed(draft: Version, at: datetime) -> Version:
    """The immutable version that a draft becomes. Raises `Conflict` when it is not agreed what it was built from."""
    if draft.sources and draft.source is None:
        commits = sorted({f"{one.repository}@{one.commit}" for one in draft.sources})
        raise Conflict(
            "draft_sources_differ",
            f"It is not agreed what {draft.version} was built from: {', '.join(commits)}.",
            remedy="Settle it by amending the draft with the right source, or publish builds of one commit only.",
        )
    return replace(draft, draft=False, created_at=at)


def agreed_source(sources: Iterable[SourceCommit]) -> SourceCommit | None:
    """The commit that all of them name, with what each knows about it; None when there is none or they contradict."""
    agreed: dict[str, object] = {}
    for one in sources:
        said = one.model_dump(exclude_none=True)
        if any(agreed.get(name, value) != value for name, value in said.items()):
            return None
        agreed |= said
    return SourceCommit.model_validate(agreed) if agreed else None


def _refuse_news(version: Version, amendment: Amendment) -> None:
    held = {one.digest for one in version.artifacts} | set(version.nested)
    said = {**{one.digest: one.purl for one in amendment.artifacts}, **{one: one for one in amendment.nested}}
    strangers = sorted(name for digest, name in said.items() if digest not in held)
    if strangers:
        news = f"{strangers[0]} is not in it"
    elif lost := sorted(held & set(amendment.removed)):
        news = f"{lost[0]} stays in it"
    elif amendment.source and (version.source is None or not agreed_source((version.source, amendment.source))):
        news = f"it was not built from {amendment.source.repository}@{amendment.source.commit}"
    else:
        return
    name = f"{version.project}/{version.application} {version.version}"
    raise Conflict(
        "version_sealed",
        f"{name} ({version.digest}) is sealed since {utc(version.created_at)}: {news}.",
        remedy="Give the new content a version of its own.",
    )


def _sources(version: Version, amendment: Amendment) -> tuple[SourceCommit, ...]:
    if amendment.source is None:
        return version.sources
    before = () if amendment.settles_source else version.sources
    return tuple(sorted({*before, amendment.source}, key=lambda one: one.model_dump_json()))


def _union(*artifacts: Artifact) -> tuple[Artifact, ...]:
    purls: dict[Digest, str] = {}
    for one in artifacts:
        purls[one.digest] = min(one.purl, purls.get(one.digest, one.purl))
    return tuple(Artifact(purl=purls[digest], digest=digest) for digest in sorted(purls))
