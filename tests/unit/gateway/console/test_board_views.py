"""The stage board as a value: what is offered to whom, and where it leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.promotion.v1.surveys import PromotionLine
from contracts.registry.v1.views import QuarantinedVersion, StageView, StandingVersion, VersionSummary
from contracts.vocabulary import ActorKind, PromotionKind, PromotionState, ReleaseStatus
from services.gateway.console.board_views import Column, Scene, board_of
from services.gateway.console.move_views import Rights, next_stages
from shared.digests import sha256_digest
from tests.unit.gateway.application_builders import an_application

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EVERYTHING = Rights(ActorKind.HUMAN, promote=True, manage=True)
STAGES = (
    StageView(name="dev", title="", release=False),
    StageView(name="qa", title="Quality", release=False),
    StageView(name="eu", title="", release=True),
    StageView(name="us", title="", release=True),
)


def summary(version: str, stage: str | None) -> VersionSummary:
    return VersionSummary(
        version=version,
        digest=sha256_digest(version.encode()),
        created_at=NOW,
        stage=stage,
        release_status=ReleaseStatus.PRE_RELEASE,
    )


def arriving(version: str, stage: str) -> PromotionLine:
    return PromotionLine(
        promotion_id="pr-1",
        project="shop",
        application="web",
        version=version,
        kind=PromotionKind.PROMOTE,
        from_stage=None,
        to_stage=stage,
        release=False,
        state=PromotionState.CHECKING,
        because="the gates are asked",
        requested_by="ann",
        requested_at=NOW,
        deadline=NOW,
        stepped_at=NOW,
    )


def scene(*versions: VersionSummary, board: tuple[StandingVersion, ...] = (), **more: Any) -> Scene:
    application = an_application(title="Web", board=board)
    usual = Scene(application, STAGES, versions, (), {}, EVERYTHING)
    return replace(usual, **more)


def standing(stage: str, version: str | None, **more: Any) -> StandingVersion:
    return StandingVersion(stage=stage, version=version, since=NOW, **more)


def column(of: Scene, stage: str) -> Column:
    return next(one for one in board_of(of).columns if one.stage.name == stage)


def titles(of: Column) -> list[str]:
    assert of.current
    return [move.title for move in of.current.moves]


@pytest.mark.parametrize(
    ("stands", "current_in", "follow"),
    [
        (None, (), ["dev"]),
        ("dev", (), ["qa"]),
        ("qa", (), ["eu", "us"]),
        ("eu", ("eu",), ["us"]),
        ("eu", ("eu", "us"), []),
        ("gone", (), []),
    ],
)
def test_a_version_goes_on_one_stage_at_a_time_and_into_parallel_releases(
    stands: str | None, current_in: tuple[str, ...], follow: list[str]
) -> None:
    assert [one.name for one in next_stages(STAGES, stands, current_in)] == follow


def test_what_waits_is_dropped_on_the_next_stage_only() -> None:
    [card] = board_of(scene(summary("1.0", None))).registered
    path = "/projects/shop/applications/web/forecast?version=1.0&kind=promote&to_stage=dev"
    assert card.targets == {"dev": path}
    assert card.moves[0].title == "Move on to dev"


def test_what_is_current_goes_on_back_and_is_certified_again() -> None:
    here = scene(summary("1.0", "qa"), board=(standing("qa", "1.0"),))
    found = column(here, "qa")
    assert titles(found) == ["Release to eu", "Release to us", "Take back to dev", "Certify again for Quality"]
    assert found.current
    assert set(found.current.targets) == {"eu", "us", "dev"}, "certifying again is no place to drop it"


def test_a_promotion_on_its_way_leaves_no_other_move() -> None:
    here = scene(
        summary("1.0", "dev"), summary("2.0", None), board=(standing("dev", "1.0"),), arriving=(arriving("1.0", "qa"),)
    )
    assert titles(column(here, "dev")) == []
    assert [one.version for one in column(here, "qa").arriving] == ["1.0"]
    assert board_of(here).registered[0].moves


def test_everybody_is_offered_what_their_roles_allow() -> None:
    versions = (summary("2.0", "qa"), summary("1.0", "dev"))
    board = (standing("dev", "1.0"), standing("qa", "2.0", previous_good="1.9"))
    contributor = scene(*versions, board=board, rights=replace(EVERYTHING, manage=False))
    assert titles(column(contributor, "dev")) == ["Move on to Quality"]
    assert (titles(column(contributor, "qa")), column(contributor, "qa").back) == ([], None)
    viewer = scene(*versions, board=board, rights=Rights(ActorKind.HUMAN, promote=False, manage=False))
    assert titles(column(viewer, "dev")) == []
    back = column(scene(*versions, board=board), "qa").back
    assert back
    assert (back.title, back.to_stage, back.kind) == ("Roll back to 1.9", "qa", PromotionKind.ROLLBACK)


def test_a_stage_for_pipelines_offers_people_no_way_in() -> None:
    stages = (STAGES[0], STAGES[1].model_copy(update={"requesters": (ActorKind.PIPELINE,)}), *STAGES[2:])
    here = scene(summary("1.0", "dev"), board=(standing("dev", "1.0"),), stages=stages)
    assert "Move on to Quality" not in titles(column(here, "dev"))
    pipeline = replace(here, rights=replace(EVERYTHING, kind=ActorKind.PIPELINE))
    assert "Move on to Quality" in titles(column(pipeline, "dev"))


def test_quarantine_and_earlier_versions_are_shown_beside() -> None:
    bad = QuarantinedVersion(version="2.0", promotion_id="pr-9", reason="broken", since=NOW)
    here = scene(
        summary("3.0", "qa"),
        summary("2.0", "qa"),
        summary("1.0", "qa"),
        board=(standing("qa", "1.0", quarantined=(bad,)),),
    )
    found = column(here, "qa")
    assert [card.version for card in found.earlier] == ["3.0", "2.0"]
    [(one, again)] = found.quarantined
    assert one.version == "2.0"
    assert again
    assert again.path.endswith("version=2.0&kind=recertify&to_stage=qa")


def test_a_current_version_too_old_to_be_known_is_certified_again_at_most() -> None:
    found = column(scene(board=(standing("qa", "0.1"),)), "qa")
    assert found.current
    assert found.current.digest is None
    assert titles(found) == ["Certify again for Quality"]
