"""How metrics become cards: values, bands, trends and facts."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from contracts.monitoring.v1.metrics import CoverageReport, DeliveryReport, FlowReport, MetricPeriod
from services.gateway.console import insight_views as views
from services.gateway.console.chart_axes import TOP
from services.monitoring.domain.bands import Year, failure_band, lead_time_band, restore_band

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def percentiles(median: float | None) -> dict[str, Any]:
    return {"measured": 0 if median is None else 1, "median": median, "p90": median, "relative_error": 0}


def report(
    *metrics: dict[str, Any], project: str | None = "shop", leads: tuple[float | None, ...] = (None, 60.0)
) -> DeliveryReport:
    said = {"unit": "ratio", "formula": "a / b", "value": None}
    series = [
        {
            "since": NOW + place * DAY,
            "until": NOW + (place + 1) * DAY,
            "partial": False,
            "deployments": 2,
            "rollbacks": 1,
            "lead_time": percentiles(lead),
            "failed": 0,
            "change_failure_rate": None,
            "time_to_restore": percentiles(None),
            "still_open": 0,
            "reworked": 0,
            "rework_rate": 0.5,
        }
        for place, lead in enumerate(leads)
    ]
    return DeliveryReport.model_validate(
        {
            "project": project,
            "application": None,
            "since": NOW,
            "until": NOW + 2 * DAY,
            "zone": "UTC",
            "bands": "dora-2023",
            "metrics": [said | one for one in metrics],
            "by": "day",
            "series": series,
        }
    )


def card(metric: dict[str, Any], **more: Any) -> views.Card:
    return views.cards(report(metric, **more), MetricPeriod.DAY)[0]


def test_a_metric_without_facts_has_no_value() -> None:
    found = card({"name": "change_failure_rate"})
    assert (found.value, found.band, found.facts) == ("-", "", ())
    assert found.chart.is_empty


def test_values_come_in_their_unit() -> None:
    rate = {"name": "rework_rate", "value": 0.125, "numerator": 1, "denominator": 8, "band": None}
    assert (card(rate).value, card(rate).parts) == ("12.5%", "1 / 8")
    lead = {"name": "lead_time", "unit": "seconds", "value": 5400, "p90": 86_400 * 3, "band": "elite"}
    assert (card(lead).value, card(lead).parts, card(lead).band) == ("1.5 h", "90th percentile 3 d", "elite")
    often = {"name": "deployment_frequency", "unit": "per day", "value": 0.5, "numerator": 1, "denominator": 2}
    assert card(often).value == "0.5 a day"
    assert [name for name, _ in card(often).chart.keys] == ["releases", "rollbacks"]


def test_facts_lead_to_their_pages_where_there_are_any() -> None:
    facts = ["pr-1", "incident-7", "bank/web/1.0+b@2026-11-27T05:58:46.815000Z", "a/../b@1"]
    metric = {"name": "rework_rate", "facts": facts, "fact_count": 200}
    at_risk = "/projects/bank/applications/web/versions/1.0%2Bb/trust"
    assert [one.path for one in card(metric).facts] == ["/projects/shop/promotions/pr-1", "", at_risk, ""]
    assert [one.path for one in card(metric, project=None).facts] == ["", "", at_risk, ""]


def test_bands_are_those_that_monitoring_judges_by() -> None:
    judged = {
        "lead_time": lambda value: lead_time_band(value, Year.Y2023),
        "change_failure_rate": lambda value: failure_band(value, Year.Y2023),
        "time_to_restore": restore_band,
    }
    for name, limits in views.RANGES.items():
        for high, band in limits:
            assert judged[name](high * 0.99 if high else 1e9) == band, (name, band)


def test_the_ranges_of_bands_lie_behind_the_line() -> None:
    found = card({"name": "lead_time", "unit": "seconds"}, leads=(3 * 86_400.0, 86_400.0))
    assert [one.text for one in found.chart.ranges] == ["elite", "high"]
    assert found.chart.ranges[-1].y == TOP


@pytest.mark.parametrize(
    ("part", "tone"), [(None, "grey"), (1.0, "good"), (0.95, "good"), (0.8, "warn"), (0.79, "bad"), (0.0, "bad")]
)
def test_shares_have_a_tone(part: float | None, tone: Literal["grey", "good", "warn", "bad"]) -> None:
    assert views.tone(part) == tone


def test_coverage_has_one_cell_for_each_kind() -> None:
    stage = {"application": "web", "stage": "qa", "version": "1", "version_digest": "sha256:" + "0" * 64, "since": NOW}
    share = {"signed_share": None, "sbom_age_seconds": None}
    kind = {"count": 2, "verified": 1, "newest": None}
    stages = [
        {**stage, **share, "evidence": [{"kind": "tests", **kind}]},
        {**stage, **share, "evidence": [{"kind": "sbom", **kind}]},
        {**stage, **share, "evidence": []},
    ]
    found = CoverageReport.model_validate(
        {
            "project": "shop",
            "application": None,
            "at": NOW,
            "stages": stages,
            "waivers": [],
            "remediation": [],
            "since": NOW,
        }
    )
    kinds = views.kinds_of(found)
    assert kinds == ("sbom", "tests")
    cells = [[cell.kind if cell else None for cell in row.cells] for row in views.coverage_rows(found, kinds)]
    assert cells == [[None, "tests"], ["sbom", None], [None, None]]
    assert views.debt_chart(found).is_empty


def test_flow_without_anything_is_empty() -> None:
    period = {"since": NOW, "until": NOW + DAY, "partial": False, "completed": 0, "denied": 0, "ended_otherwise": 0}
    whole = {**period, "took": percentiles(None), "dwell": [], "waited": [], "gates": []}
    found = FlowReport.model_validate(
        {
            "project": None,
            "application": None,
            "since": NOW,
            "until": NOW + DAY,
            "zone": "UTC",
            "whole": whole,
            "denials": [],
            "denial_reasons": 0,
            "waiting": [],
            "by": "day",
            "series": [whole],
        }
    )
    assert views.dwell_chart(found).is_empty
    assert views.waited_chart(found).is_empty
    assert views.took_chart(found, MetricPeriod.DAY).is_empty
    assert views.ended_chart(found, MetricPeriod.DAY).table == (("11-27", ("0", "0", "0")),)
