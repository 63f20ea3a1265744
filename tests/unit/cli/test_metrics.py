"""`hallmark metrics`: what is asked, and what people, programs and spreadsheets get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.monitoring.v1.metrics import CoverageReport, DeliveryReport, FlowReport
from contracts.monitoring.v1.views import DeliveryMetrics
from deploy.examples import example_of
from services.cli.bars import bar, length, sparkline
from services.cli.main import app
from services.cli.output import out
from services.gateway.metric_tables import coverage_table, delivery_table, flow_table
from shared.tables import csv_text
from tests.support.small_gateway import SmallGateway, small_gateway


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    yield
    out.as_json = False


def answers() -> dict[str, Any]:
    delivery, flow = (example_of(kind).model_dump(mode="json") for kind in (DeliveryReport, FlowReport))
    coverage = example_of(CoverageReport).model_dump(mode="json") | {"next": None}
    return {
        "GET /projects/shop/metrics": example_of(DeliveryMetrics).model_dump(mode="json"),
        "GET /projects/shop/metrics/delivery": delivery,
        "GET /metrics/delivery": delivery,
        "GET /projects/shop/metrics/flow": flow,
        "GET /projects/shop/metrics/coverage": coverage,
    }


def ask(gateway: SmallGateway, *arguments: str) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, list(arguments))


def test_a_series_is_asked_for_by_period_zone_and_time() -> None:
    with small_gateway(answers()) as gateway:
        words = ("--by", "week", "--since", "2026-06-01", "--zone", "Europe/Berlin", "--bands", "2021")
        shown = ask(gateway, "metrics", "delivery", "-p", "shop", "--application", "web", *words)
        assert shown.exit_code == 0, shown.output
        query = gateway.queries["GET /projects/shop/metrics/delivery"]
        for part in ("by=week", "since=2026-06-01T00%3A00%3A00.000000Z", "zone=Europe%2FBerlin", "bands=2021"):
            assert part in query
        assert "deployments" in shown.output
        everything = ask(gateway, "metrics", "delivery")
        assert everything.exit_code == 0, everything.output
        assert gateway.asked[-1] == "GET /metrics/delivery"


@pytest.mark.parametrize("noun", ["delivery", "flow", "coverage"])
def test_people_get_tables_and_programs_the_answer(noun: str) -> None:
    with small_gateway(answers()) as gateway:
        shown = ask(gateway, "metrics", noun, "-p", "shop")
        assert shown.exit_code == 0, shown.output
        told = ask(gateway, "--json", "metrics", noun, "-p", "shop")
        assert json.loads(told.output) == answers()[f"GET /projects/shop/metrics/{noun}"]


def test_the_five_metrics_alone_are_still_there() -> None:
    with small_gateway(answers()) as gateway:
        shown = ask(gateway, "metrics", "-p", "shop")
        assert shown.exit_code == 0, shown.output
        assert gateway.asked == ["GET /projects/shop/metrics"]
        assert ask(gateway, "metrics").exit_code != 0


@pytest.mark.parametrize("noun", ["delivery", "flow", "coverage"])
def test_csv_is_asked_for_as_such(noun: str) -> None:
    with small_gateway(answers()) as gateway:
        shown = ask(gateway, "metrics", noun, "-p", "shop", "--csv")
        assert shown.exit_code == 0, shown.output
        assert "format=csv" in gateway.queries[f"GET /projects/shop/metrics/{noun}"]


def test_tables_have_a_cell_for_each_heading_and_defuse_what_people_named() -> None:
    known = answers()
    whole = known["GET /metrics/delivery"]
    for made in (
        delivery_table(whole),
        delivery_table(whole | {"by": None}),
        flow_table(known["GET /projects/shop/metrics/flow"]),
        coverage_table(known["GET /projects/shop/metrics/coverage"]),
    ):
        columns, rows = made
        assert rows
        assert {len(row) for row in rows} == {len(columns)}
    denial = {"policy": "p", "rule": '=HYPERLINK("x")', "promotions": 1}
    flow = known["GET /projects/shop/metrics/flow"] | {"denials": [denial | {"policy": "@p"}]}
    assert '"\'@p/=HYPERLINK(""x"")"' in csv_text(*flow_table(flow))


def test_small_pictures() -> None:
    assert sparkline([0, 1, None, 2]) == "▁▅·█"
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "▁▁"
    assert (bar(0), bar(1), bar(None)) == ("░" * 12, "█" * 12, "")
    assert [length(one) for one in (None, 0, 59, 3600, 90061)] == [None, "0s", "59s", "1h", "1d 1h"]
