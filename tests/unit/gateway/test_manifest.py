"""The manifest in a bundle is the one whose digest the registry gave the version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Artifact, Criticality, ReleaseStatus, SourceCommit
from services.gateway.gathering import manifest_of
from services.registry.domain.version import manifest_digest
from shared.digests import canonical_digest, sha256_digest

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ARTIFACTS = tuple(Artifact(purl=f"pkg:pypi/{name}@1", digest=sha256_digest(name.encode())) for name in ("b", "a"))


def a_source(**fields: str) -> SourceCommit:
    return SourceCommit(repository="https://git.example/cart", commit="0123abc", committed_at=NOW, **fields)


@pytest.mark.parametrize(
    "source",
    [
        None,
        SourceCommit(repository="r", commit="0123abc"),
        a_source(branch="main"),
        a_source(author="ann"),
        a_source(committer="bob"),
        a_source(author="ann", committer=""),
    ],
)
def test_the_bundle_has_the_manifest_that_the_version_is_named_by(source: SourceCommit | None) -> None:
    made_of: dict[str, Any] = {"artifacts": ARTIFACTS, "nested": (sha256_digest(b"n"),), "source": source}
    digest = manifest_digest("shop", "cart", "1.0", **made_of)
    view = VersionView(
        project="shop",
        application="cart",
        version="1.0",
        digest=digest,
        created_at=NOW,
        created_by="ann",
        release_status=ReleaseStatus.PRE_RELEASE,
        lifecycle=(),
        criticality=Criticality.LOW,
        **made_of,
    )
    assert canonical_digest(manifest_of(view)) == digest
