"""What a version's digest covers, and when a version may move."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Artifact, PromotionKind, ReleaseStatus, SourceCommit
from services.registry.domain.lifecycle import Lifecycle, Stage
from services.registry.domain.version import Move, Version, WantedMove, manifest_digest, moved
from shared.digests import sha256_digest
from shared.errors import Conflict, Invalid

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHEEL = Artifact(purl="pkg:pypi/cart@1.0", digest=sha256_digest(b"wheel"))
IMAGE = Artifact(purl="pkg:oci/cart@1.0", digest=sha256_digest(b"image"))
NESTED = (sha256_digest(b"one"), sha256_digest(b"two"))
SOURCE = SourceCommit(repository="https://git.example/cart", commit="0123abc", committed_at=NOW)
PRE_RELEASE = ReleaseStatus.PRE_RELEASE
LIFECYCLE = Lifecycle("shop", "default", tuple(Stage(name, "", ()) for name in ("dev", "qa", "prod")))
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


def a_move(
    from_stage: str | None, to_stage: str, kind: PromotionKind = PromotionKind.PROMOTE, **more: Any
) -> WantedMove:
    move = Move(
        promotion_id=f"{kind}-{to_stage}",
        attempt=1,
        kind=kind,
        from_stage=from_stage,
        to_stage=to_stage,
        at=NOW,
        by="ann",
        verdict_id="v",
        passage_digest=sha256_digest(b"passage"),
        reason="",
        replaced=None,
        **more,
    )
    return WantedMove(move, VERSION.digest, NOW)


def in_stage(stage: str) -> Version:
    version, place = VERSION, None
    for name in LIFECYCLE.names[: LIFECYCLE.names.index(stage) + 1]:
        version, place = moved(version, a_move(place, name), LIFECYCLE, None), name
    return version


def test_the_digest_is_of_the_documented_manifest_and_not_of_an_order() -> None:
    # Written out, so that a change of the manifest's form is noticed: it would rename every version.
    artifacts = sorted((one.digest, one.purl) for one in (WHEEL, IMAGE))
    listed = ",".join(f'{{"digest":"{digest}","purl":"{purl}"}}' for digest, purl in artifacts)
    manifest = (
        f'{{"application":"cart","artifacts":[{listed}],'
        f'"nested":["{min(NESTED)}","{max(NESTED)}"],"project":"shop",'
        '"source":{"branch":null,"commit":"0123abc","committed_at":"2026-01-02T03:04:05.000000Z",'
        '"repository":"https://git.example/cart"},"v":1,"version":"1.0"}'
    )
    assert VERSION.digest == sha256_digest(manifest.encode())
    assert VERSION.digest == "sha256:a2767deb4c8df46d809dc404407ea0db76e019929ae77830bd3fcfd806381e61"
    turned = MADE_OF | {"artifacts": (IMAGE, WHEEL), "nested": NESTED[::-1]}
    assert manifest_digest("shop", "cart", "1.0", **turned) == VERSION.digest


def test_author_and_committer_are_in_the_manifest_where_they_are_said() -> None:
    def digest(**people: str) -> str:
        return manifest_digest("shop", "cart", "1.0", **MADE_OF | {"source": SOURCE.model_copy(update=people)})

    assert digest(author="ann") != digest(committer="ann")
    artifacts = sorted((one.digest, one.purl) for one in (WHEEL, IMAGE))
    listed = ",".join(f'{{"digest":"{digest}","purl":"{purl}"}}' for digest, purl in artifacts)
    manifest = (
        f'{{"application":"cart","artifacts":[{listed}],'
        f'"nested":["{min(NESTED)}","{max(NESTED)}"],"project":"shop",'
        '"source":{"author":"ann","branch":null,"commit":"0123abc","committed_at":"2026-01-02T03:04:05.000000Z",'
        '"committer":"bob","repository":"https://git.example/cart"},"v":1,"version":"1.0"}'
    )
    assert digest(author="ann", committer="bob") == sha256_digest(manifest.encode())


@pytest.mark.parametrize(
    ("names", "change"),
    [
        (("bank", "cart", "1.0"), {}),
        (("shop", "till", "1.0"), {}),
        (("shop", "cart", "1.1"), {}),
        (("shop", "cart", "1.0"), {"artifacts": (WHEEL,)}),
        (("shop", "cart", "1.0"), {"artifacts": (WHEEL, IMAGE.model_copy(update={"purl": "pkg:oci/other@1.0"}))}),
        (("shop", "cart", "1.0"), {"nested": NESTED[:1]}),
        (("shop", "cart", "1.0"), {"source": None}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"commit": "0123abd"})}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"committed_at": None})}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"author": "ann"})}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"committer": "ann"})}),
    ],
)
def test_whatever_else_changes_changes_the_digest(names: tuple[str, str, str], change: dict[str, Any]) -> None:
    assert manifest_digest(*names, **(MADE_OF | change)) != VERSION.digest


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"artifacts": (), "nested": ()}, "version_empty"),
        ({"artifacts": (WHEEL, WHEEL.model_copy(update={"purl": "pkg:pypi/other"}))}, "version_artifact_repeated"),
        ({"nested": NESTED[:1] * 2}, "version_artifact_repeated"),
    ],
)
def test_a_version_of_nothing_or_of_one_thing_twice_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        manifest_digest("shop", "cart", "1.0", **(MADE_OF | change))
    assert refused.value.code == code


def test_a_version_goes_stage_by_stage_and_is_trusted_in_the_last() -> None:
    assert [in_stage(name).release_status for name in LIFECYCLE.names] == [
        ReleaseStatus.PRE_RELEASE,
        ReleaseStatus.PRE_RELEASE,
        ReleaseStatus.TRUSTED_RELEASE,
    ]
    released = in_stage("prod")
    assert released.stage == "prod"
    assert [(move.from_stage, move.to_stage) for move in released.history] == [
        (None, "dev"),
        ("dev", "qa"),
        ("qa", "prod"),
    ]


@pytest.mark.parametrize(
    ("version", "wanted", "code"),
    [
        (VERSION, a_move(None, "qa"), "stage_skipped"),
        (VERSION, a_move("dev", "qa"), "version_elsewhere"),
        (in_stage("qa"), a_move("dev", "qa"), "version_elsewhere"),
        (in_stage("dev"), a_move("dev", "prod"), "stage_skipped"),
        (in_stage("qa"), a_move("qa", "dev"), "stage_skipped"),
        (in_stage("prod"), a_move("prod", "prod"), "stage_skipped"),
        (VERSION, replace(a_move(None, "dev"), version_digest=sha256_digest(b"other")), "move_digest_differs"),
        (VERSION, replace(a_move(None, "dev"), verdict_expires_at=NOW - timedelta(seconds=1)), "verdict_expired"),
        (in_stage("qa"), a_move("qa", "prod", PromotionKind.ROLLBACK), "rollback_to_stranger"),
    ],
)
def test_every_other_move_is_refused(version: Version, wanted: WantedMove, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        moved(version, wanted, LIFECYCLE, None)
    assert refused.value.code == code


def test_a_rollback_brings_a_replaced_version_back_and_erases_nothing() -> None:
    released = in_stage("prod")
    wanted = a_move("prod", "prod", PromotionKind.ROLLBACK)
    back = moved(released, wanted, LIFECYCLE, "2.0")
    assert back.history == (*released.history, wanted.move)
    assert back.release_status is ReleaseStatus.TRUSTED_RELEASE
    with pytest.raises(Conflict) as refused:
        moved(released, wanted, LIFECYCLE, "1.0")
    assert refused.value.code == "rollback_to_current"


def test_a_release_that_may_not_be_trusted_is_released_and_keeps_its_waivers() -> None:
    wanted = a_move("qa", "prod", trusted=False, waivers=("wv-1",))
    released = moved(in_stage("qa"), wanted, LIFECYCLE, None)
    assert (released.stage, released.release_status) == ("prod", ReleaseStatus.RELEASED)
    assert released.history[-1].waivers == ("wv-1",)
    # Before the release stage nothing is released, whatever its verdict says of trust.
    assert moved(VERSION, a_move(None, "dev", trusted=False), LIFECYCLE, None).release_status is PRE_RELEASE


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("then", [True, False])
def test_the_newest_passage_through_the_release_gate_decides_whether_it_is_trusted(first: bool, then: bool) -> None:
    released = moved(in_stage("qa"), a_move("qa", "prod", trusted=first), LIFECYCLE, None)
    back = moved(released, a_move("prod", "prod", PromotionKind.ROLLBACK, trusted=then), LIFECYCLE, "2.0")
    assert (back.release_status is ReleaseStatus.TRUSTED_RELEASE) is then
    assert (back.release_status is ReleaseStatus.RELEASED) is not then
    # Back into an earlier stage it passes no release gate.
    earlier = moved(back, a_move("prod", "qa", PromotionKind.ROLLBACK, trusted=not then), LIFECYCLE, "2.0")
    assert earlier.release_status is back.release_status


def test_a_made_move_is_found_by_promotion_and_attempt() -> None:
    version = in_stage("dev")
    assert version.move_of("promote-dev", 1) is version.history[0]
    assert version.move_of("promote-dev", 2) is None
    assert version.move_of("promote-qa", 1) is None
