from __future__ import annotations

import pytest

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.delivery import Deployment, History, Incident, Window
from shared.errors import Invalid
from tests.unit.monitoring.delivery_builders import day, incident, release, rollback

V1, V2, V3 = release("1", 1), release("2", 2), release("3", 3)


def owners(*facts: Deployment | Incident) -> list[tuple[str, str]]:
    history = History(
        [one for one in facts if isinstance(one, Deployment)], [one for one in facts if isinstance(one, Incident)]
    )
    return [(one.cause_id, one.deployment.version) for one in history.failures()]


def end(incident_fact: Incident, *deployments: Deployment) -> float | None:
    (failure,) = (one for one in History(deployments, [incident_fact]).failures() if one.incident)
    return None if failure.ended_at is None else (failure.ended_at - day(0)).total_seconds() / 86400


def test_moves_between_earlier_stages_are_no_deployments_and_facts_count_once() -> None:
    moved = Deployment("m", "shop", "2", day(1.5), PromotionKind.PROMOTE)
    history = History([V2, moved, V1, V2], [incident("i", 1.5), incident("i", 1.6)])
    assert history.deployments == (V1, V2)
    assert history.incidents == (incident("i", 1.5),)


def test_an_incident_belongs_to_what_it_names_or_to_what_stood() -> None:
    assert owners(V1, V2, V3, incident("i", 2.5)) == [("i", "2")]
    assert owners(V1, V2, V3, incident("i", 2)) == [("i", "2")]
    assert owners(V1, V2, V3, incident("i", 2.5, version="1")) == [("i", "1")]


def test_an_incident_that_belongs_to_nothing_is_nobodys_failure() -> None:
    assert owners(V1, incident("early", 0.5)) == []
    assert owners(V1, incident("unknown", 2, version="9")) == []
    assert owners(V1, incident("elsewhere", 2, application="bank")) == []


def test_a_rollback_says_that_what_stood_before_failed() -> None:
    back = rollback("1", 4)
    assert owners(V1, V2, V3, back) == [(back.id, "3")]
    assert owners(V1, rollback("1", 2)) == []
    assert owners(release("1", 1, application="bank"), V1, V2, back) == [(back.id, "2")]


def test_a_failure_ends_with_its_resolution_or_with_its_version() -> None:
    assert end(incident("i", 2.5, 2.75, version="2"), V2, V3) == 2.75
    assert end(incident("i", 2.5, 9, version="2"), V2, V3) == 3
    assert end(incident("i", 2.5, version="2"), V2, rollback("1", 2.9)) == 2.9
    assert end(incident("i", 2.5, version="2"), V2) is None


def test_a_replacement_ends_only_what_it_replaced() -> None:
    assert end(incident("i", 2.5, version="1"), V1, V2, V3) is None
    assert end(incident("i", 2.5), V2, V3) is None
    assert end(incident("i", 2.5, 9), V2, V3) == 9


def test_impossible_facts_are_refused() -> None:
    with pytest.raises(Invalid) as inverted:
        incident("i", 2, 1)
    assert inverted.value.code == "incident_inverted"
    with pytest.raises(Invalid) as empty:
        Window(day(1), day(1))
    assert empty.value.code == "window_empty"


def test_a_window_ends_before_its_upper_edge() -> None:
    window = Window(day(1), day(2))
    assert History([V1, V2]).during(window) == (V1,)
