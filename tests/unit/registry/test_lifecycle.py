"""Stage order, release stages, and what may change of them."""

import pytest

from services.registry.domain.lifecycle import check_change
from shared.errors import Conflict, Invalid
from tests.unit.registry.moves import LINE, RINGS, lifecycle


def test_stages_follow_one_another_and_the_last_is_the_release_stage() -> None:
    assert [LINE.before(stage) for stage in ("dev", "qa", "prod", "elsewhere")] == [None, "dev", "qa", None]
    assert (LINE.release_stages, LINE.before_release) == (("prod",), "qa")


def test_marked_stages_are_parallel_and_all_begin_from_the_one_before_them() -> None:
    assert RINGS.release_stages == ("eu", "us", "asia")
    assert [RINGS.before(stage) for stage in RINGS.names] == [None, "dev", "qa", "qa", "qa"]
    alone = lifecycle("eu", "us", release=("eu", "us"))
    assert [alone.before(stage) for stage in alone.names] == [None, None]
    # One that is marked is what the last one is anyway.
    assert lifecycle("dev", "prod", release=("prod",)).release_stages == lifecycle("dev", "prod").release_stages


@pytest.mark.parametrize("release", [("dev",), ("dev", "prod"), ("qa",)])
def test_release_stages_are_the_last_ones(release: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        lifecycle("dev", "qa", "prod", release=release)
    assert refused.value.code == "lifecycle_release_not_last"
    assert refused.value.remedy


def test_one_name_for_two_stages_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        lifecycle("dev", "qa", "dev")
    assert refused.value.code == "lifecycle_stage_repeated"


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(("dev", "prod"), id="removed"),
        pytest.param(("qa", "dev", "prod"), id="reordered"),
        pytest.param(("dev", "test", "prod"), id="renamed"),
    ],
)
def test_entered_stages_stay_in_their_order(after: tuple[str, ...]) -> None:
    with pytest.raises(Conflict) as refused:
        check_change(lifecycle("dev", "qa", "prod"), lifecycle(*after), {"dev", "qa"})
    assert refused.value.code == "lifecycle_stage_in_use"
    assert refused.value.remedy


@pytest.mark.parametrize("after", [("dev", "qa"), ("first", "dev", "between", "qa", "live"), ("dev", "qa", "prod")])
def test_other_stages_come_and_go(after: tuple[str, ...]) -> None:
    check_change(lifecycle("dev", "qa", "prod"), lifecycle(*after), {"dev", "qa"})
