"""Drafts: contracts into domain and back."""

from __future__ import annotations

from datetime import datetime

from contracts.registry.v1.drafts import AmendVersion, VersionDrafted, VersionSealed
from services.registry.domain.draft import Amendment
from services.registry.domain.version import Version


def amendment(command: AmendVersion) -> Amendment:
    """What a person says about the content of a draft: their word on its source settles the question."""
    return Amendment(command.artifacts, command.nested, command.source, command.remove, settles_source=True)


def version_drafted(draft: Version, by: str, at: datetime) -> VersionDrafted:
    """The fact that a draft was begun, or changed."""
    return VersionDrafted(
        project=draft.project,
        application=draft.application,
        version=draft.version,
        version_digest=draft.digest,
        artifacts=draft.artifacts,
        nested=draft.nested,
        by=by,
        at=at,
    )


def version_sealed(version: Version, by: str) -> VersionSealed:
    """The fact that a draft has become immutable."""
    return VersionSealed(
        project=version.project,
        application=version.application,
        version=version.version,
        version_digest=version.digest,
        drafted_at=version.drafted_at or version.created_at,
        drafted_by=version.created_by,
        contributors=version.contributors,
        by=by,
        at=version.created_at,
    )
