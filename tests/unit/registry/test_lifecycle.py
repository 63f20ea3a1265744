"""Stage order, and what may change of it."""

import pytest

from services.registry.domain.lifecycle import Lifecycle, Stage, check_change
from shared.errors import Conflict, Invalid


def lifecycle(*names: str) -> Lifecycle:
    return Lifecycle("shop", "default", tuple(Stage(name, "", ()) for name in names))


def test_stages_follow_one_another_and_the_last_is_the_release_stage() -> None:
    stages = lifecycle("dev", "qa", "prod")
    assert [stages.next_after(place) for place in (None, "dev", "qa", "prod", "elsewhere")] == [
        "dev",
        "qa",
        "prod",
        None,
        None,
    ]
    assert stages.release_stage == "prod"


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
