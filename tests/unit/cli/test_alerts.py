"""`alerts` and `sla` at the command line: what is sent, shown, and ended with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.alerting import AlertState
from contracts.monitoring.v1.alerts import AlertView
from contracts.monitoring.v1.sla import ApplySlaTable
from deploy.examples import example_of
from services.cli.main import app
from services.cli.output import console, out
from services.monitoring.domain.sla import DEFAULT
from services.monitoring.wire_sla import stated
from tests.support.small_gateway import SmallGateway, small_gateway

ALERTS, SLA = "/projects/shop/alerts", "/projects/shop/sla"
ID = "al-4f3e2d1c0b9a8f7e6d5c4b3a"
TABLE = """\
apiVersion: hallmark/v1
kind: SlaTable
metadata: {project: shop, name: sla}
spec:
  days:
    critical: {critical: 2, high: 5}
  exploited: {low: 10}
  calendar:
    timeZone: Europe/Berlin
    workingDays: [MO, TU, WE, TH, FR]
    holidays: [2026-12-25, 2027-01-01]
"""


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    console.width = 250
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *words: object) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [str(one) for one in words])


def an_alert(**more: Any) -> dict[str, Any]:
    known = example_of(AlertView).model_dump() | {"state": AlertState.OPEN, "overdue": False, "closed_at": None}
    return AlertView.model_validate(known | more).model_dump(mode="json")


@pytest.mark.parametrize(("more", "code"), [({}, 0), ({"overdue": True}, 3), ({"overdue": True, "state": "closed"}, 0)])
def test_what_is_overdue_ends_with_3(more: dict[str, Any], code: int) -> None:
    one = an_alert(component="pkg:pypi/[red]x[/]@1", **more)
    with small_gateway({f"GET {ALERTS}": {"alerts": [one], "next": None}}) as gateway:
        result = ask(gateway, "alerts", "list", "-p", "shop")
    assert result.exit_code == code, result.output
    assert "pkg:pypi/[red]x[/]@1" in result.output, "markup of others is shown, not obeyed"
    assert ("(overdue)" in result.output) == bool(more)


def test_what_people_do_is_sent_with_the_reason() -> None:
    answers = {f"POST {ALERTS}/{ID}/{verb}": an_alert() for verb in ("acknowledge", "snooze", "assign")}
    with small_gateway({**answers, f"GET {ALERTS}/{ID}": an_alert(summary="[bold]")}) as gateway:
        for words in (
            ("ack", ID, "-m", "Mine."),
            ("snooze", ID, "--until", "2027-01-31", "-m", "Later."),
            ("assign", ID, "--to", "bob"),
        ):
            assert ask(gateway, "alerts", *words, "-p", "shop").exit_code == 0
        assert ask(gateway, "alerts", "snooze", ID, "--until", "3d", "-p", "shop").exit_code == 2, "never without why"
        shown = ask(gateway, "alerts", "show", ID, "-p", "shop")
        value = ask(gateway, "--json", "alerts", "show", ID, "-p", "shop")
    assert gateway.sent[f"POST {ALERTS}/{ID}/acknowledge"] == {"reason": "Mine."}
    assert gateway.sent[f"POST {ALERTS}/{ID}/snooze"] == {"until": "2027-01-31T00:00:00.000000Z", "reason": "Later."}
    assert gateway.sent[f"POST {ALERTS}/{ID}/assign"] == {"assignee": "bob", "reason": ""}
    assert (shown.exit_code, "[bold]" in shown.output) == (0, True)
    assert json.loads(value.output)["alert_id"] == ID


def test_a_table_is_a_document(tmp_path: Path) -> None:
    file = tmp_path / "sla.yaml"
    file.write_text(TABLE, encoding="utf-8")
    applied = {"kind": "SlaTable", "name": "sla", "change": "created", "revision": 1, "digest": "sha256:1"}
    built_in = {**stated(DEFAULT), "origin": "default", "project": None, "revision": 0}
    with small_gateway({f"PUT {SLA}": applied, f"GET {SLA}": built_in}) as gateway:
        changes = ask(gateway, "diff", "-f", file)
        result = ask(gateway, "apply", "-f", file)
        shown = ask(gateway, "sla", "show", "-p", "shop")
    assert (changes.exit_code, result.exit_code) == (3, 0), result.output
    assert "built in" in shown.output
    sent = gateway.sent[f"PUT {SLA}"]
    table = ApplySlaTable.model_validate({"command_id": "c", "project": "shop", **sent})
    assert (table.days["critical"]["high"], table.exploited["low"]) == (5, 10)
    assert table.calendar
    assert [day.isoformat() for day in table.calendar.holidays] == ["2026-12-25", "2027-01-01"]
    there = {**built_in, "origin": "project", "project": "shop", "calendar": sent["calendar"]}
    there["days"] = {**built_in["days"], "critical": {**built_in["days"]["critical"], **sent["days"]["critical"]}}
    there["exploited"] = {**built_in["exploited"], "low": 10}
    with small_gateway({f"GET {SLA}": there, "GET /sla": {"tables": [there], "next": None}}) as gateway:
        same = ask(gateway, "diff", "-f", file)
        listed = ask(gateway, "sla", "list")
        shown = ask(gateway, "sla", "show", "-p", "shop")
    assert (same.exit_code, "nothing would change" in same.output) == (0, True), same.output
    assert "Europe/Berlin" in listed.output
    assert "2026-12-25" in shown.output
