"""How risk is put into sentences, weeks and layers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.importing import ImportState
from contracts.monitoring.v1.exposure import ExposedVersion, Exposure
from contracts.monitoring.v1.feeds import AdvisoryStanding, SourceStanding
from contracts.monitoring.v1.metrics import MetricPeriod
from contracts.monitoring.v1.outlook import AlertPeriod, DeadlineDay, DueDay
from contracts.vocabulary import Severity
from services.gateway.console import risk_views as views
from services.gateway.console.exposure_views import MOST, graph

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)


def due(*days: tuple[int, Severity, int]) -> list[DueDay]:
    return [DueDay(day=TODAY + timedelta(days=ahead), alerts={kind: count}) for ahead, kind, count in days]


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((0, 0, 0, 0), "Nothing is open: no release is at risk."),
        ((1, 0, 1, 0), "1 finding is past the deadline."),
        ((2, 1, 9, 3), "2 findings are past the deadline, 1 finding is due within seven days, 3 releases are revoked."),
        ((0, 0, 1200, 0), "1,200 findings are open, and none is due within seven days."),
        ((0, 0, 0, 1), "1 release is revoked."),
    ],
)
def test_the_headline_says_what_to_do_first(numbers: tuple[int, int, int, int], sentence: str) -> None:
    assert views.headline(*numbers) == sentence


def test_deadlines_stand_in_their_week() -> None:
    found = due((-400, Severity.LOW, 3), (0, Severity.HIGH, 1), (6, Severity.HIGH, 1), (7, Severity.CRITICAL, 2))
    found += due((55, Severity.LOW, 1), (56, Severity.LOW, 1), (4000, Severity.LOW, 1))
    chart = views.deadline_chart(found, NOW)
    assert [name for name, _ in chart.keys] == ["critical", "high", "low"]
    counts = dict(chart.table)
    assert counts["past"] == ("0", "0", "3")
    assert counts["11-27"] == ("0", "2", "0")
    assert counts["12-04"] == ("2", "0", "0")
    assert counts["01-15"] == ("0", "0", "1")
    assert counts["later"] == ("0", "0", "2")
    assert views.deadline_chart([], NOW).is_empty


def test_what_is_due_soon_is_neither_past_nor_later() -> None:
    found = due((-1, Severity.LOW, 100), (0, Severity.LOW, 1), (7, Severity.HIGH, 2), (8, Severity.HIGH, 50))
    assert views.due_within(found, NOW, views.SOON) == 3


def test_the_survey_puts_what_is_overdue_first() -> None:
    days = [DeadlineDay(day=TODAY, releases=2), DeadlineDay(day=date(2027, 12, 1), releases=1)]
    chart = views.survey_chart(days, 4, NOW)
    assert [values for _, values in chart.table][:2] == [("4",), ("2",)]
    assert chart.table[-1] == ("later", ("1",))


def test_periods_are_stacked_by_severity() -> None:
    period = {"since": NOW, "until": NOW + DAY, "partial": True, "met": 1}
    one = AlertPeriod.model_validate(
        {**period, "opened": {"high": 2}, "closed": {"low": 1, "high": 1}, "open": {"critical": 5, "unknown": 1}}
    )
    assert views.open_chart([one], MetricPeriod.DAY).table == (("11-27", ("5", "1")),)
    assert views.flow_chart([one], MetricPeriod.MONTH).table == (("2026-11", ("2", "2")),)
    assert views.worst(one.open) == (("critical", 5), ("unknown", 1))


def test_an_empty_list_is_good_news_only_with_fresh_and_complete_advisories() -> None:
    complete = AdvisoryStanding(complete_as_of=NOW - DAY)
    partial = AdvisoryStanding(
        complete_as_of=NOW,
        partial=True,
        sources=(SourceStanding(source="osv-pypi", newest=ImportState.PARTIAL),),
        source_count=1,
    )
    assert views.freshness(complete, 10, NOW).kind == "good"
    assert views.freshness(complete, 0, NOW).kind == "bad"
    assert views.freshness(AdvisoryStanding(), 10, NOW).kind == "warn"
    assert "3 days old" in views.freshness(complete, 10, NOW + 2 * DAY).sentence
    assert "osv-pypi is partial" in views.freshness(partial, 10, NOW).sentence


def version(number: int, **more: Any) -> ExposedVersion:
    said = {
        "project": "shop",
        "application": f"app-{number}",
        "version": "1.0",
        "version_digest": "sha256:" + "0" * 64,
        "stage": "prod",
        "current_in": ["prod"],
        "release": True,
        "trust": "at_risk",
        "criticality": "high",
        "owners": [f"team-{number % 3}"],
        "findings": [{"component": "pkg:npm/lodash@4.17.20", "advisory": "GHSA-1", "fixed_in": "4.17.21"}],
    }
    return ExposedVersion.model_validate(said | more)


def test_the_layers_lead_from_the_flaw_to_the_owners() -> None:
    one = version(1, deployments=[_running("eu"), _running("eu"), _running("us")], current_in=[])
    found = graph(Exposure(advisories=1, versions=(one,)), "CVE-1")
    assert [node.title for node in found.nodes] == [
        "GHSA-1",
        "npm/lodash@4.17.20",
        "app-1 1.0",
        "runs in eu",
        "runs in us",
        "team-1",
    ]
    assert len(found.edges) == 1 + 1 + 2 + 2
    assert found.nodes[2].path == "/projects/shop/applications/app-1/versions/1.0"


def _running(environment: str) -> dict[str, Any]:
    said = {"environment": environment, "service": "web", "version": "1.0", "digest": None}
    return {**said, "source": "cdevents", "by": "argo", "at": NOW}


def test_nobody_seems_to_answer_for_versions_of_others() -> None:
    found = graph(Exposure(advisories=1, versions=(version(1), version(2))), "CVE-1")
    assert len([node for node in found.nodes if node.kind == "stage"]) == 2
    assert len(found.edges) == 1 + 2 + 2 + 2, "one owner each"


def test_layers_are_bounded_and_say_what_they_leave_out() -> None:
    few = graph(Exposure(advisories=1, versions=tuple(version(number) for number in range(MOST + 1))), "CVE-1")
    assert not [node for node in few.nodes if node.kind == "more"], "one more box takes no more room than saying so"
    many = graph(Exposure(advisories=1, versions=tuple(version(number) for number in range(25))), "CVE-1")
    assert [node.title for node in many.nodes if node.kind == "more"] == [f"{25 - MOST} more"] * 2
    assert len(many.nodes) == 1 + 1 + (MOST + 1) + (MOST + 1) + 3
    assert len(many.edges) < 40, "what is left out shares its lines"
    assert graph(Exposure(advisories=0), "CVE-1").nodes == ()


def test_long_and_absent_names_fit() -> None:
    one = version(1, current_in=[], stage=None, findings=[{"component": "pkg:npm/" + "x" * 200, "advisory": None}])
    found = graph(Exposure(advisories=0, versions=(one,)), "pkg:npm/x")
    assert all(len(node.text) <= 25 for node in found.nodes)
    assert [node.text for node in found.nodes if node.kind in {"flaw", "stage"}] == ["pkg:npm/x", "in no stage"]
