"""Risk at the command line: what is shown, what is asked, and how it ends."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.monitoring.v1.exposure import ExposedFlaw, ExposureFinding
from contracts.monitoring.v1.running import DriftPage, RunningPage, RunningService
from contracts.monitoring.v1.views import RiskCause
from deploy.examples import example_of
from services.cli.exits import Exit
from services.cli.main import app
from services.cli.output import console, out
from tests.support.small_gateway import SmallGateway, small_gateway

RISK, DRIFT = "GET /projects/shop/risk", "GET /projects/shop/drift"
NOBODY: dict[str, Any] = {"drifts": [], "next": None}


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    console.width = 200
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *words: object) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [str(one) for one in words])


def release(version: str, due_in_days: float | None, **more: Any) -> dict[str, Any]:
    deadline = datetime.now(UTC) + timedelta(days=due_in_days) if due_in_days is not None else None
    cause = example_of(RiskCause).model_dump(mode="json") | {"advisory": "GHSA-1", "aliases": ["CVE-2026-1"]}
    return {
        "application": "web",
        "version": version,
        "trust": "at_risk",
        "current": True,
        "criticality": "high",
        "owners": ["team-web"],
        "deadline": deadline and deadline.isoformat(),
        "causes": [cause] if deadline else [],
        "distrusted": [],
        "rules": [],
    } | more


def risk(*releases: dict[str, Any], imported: datetime | None = None, advisories: int = 7) -> dict[str, Any]:
    at = imported.isoformat() if imported else None
    exploited = {"vulnerability": "CVE-2026-1", "exploited_since": "2026-05-01T00:00:00Z"}
    return {
        RISK: {"releases": list(releases), "advisories": advisories, "last_import": at, "next": None},
        DRIFT: NOBODY,
        "GET /exploitation": {"entries": [exploited], "next": None},
    }


def test_the_overview_says_what_is_due_when_and_how_fresh_it_is() -> None:
    late, soon, later = release("1", -2.5), release("2", 3.5), release("3", 30)
    answers = risk(late, soon, later, imported=datetime.now(UTC) - timedelta(days=5))
    drifts = {"drifts": [{}], "next": "more"}
    with small_gateway(answers | {DRIFT: drifts}) as gateway:
        result = ask(gateway, "risk", "-p", "shop")
    assert result.exit_code == Exit.DENIED, result.output
    for words in (
        "(2 d overdue)",
        "(in 3 d)",
        "KEV",
        "3 at risk or revoked; 1 overdue; 1 due within seven days; 3 with flaws",
        "7 advisories are known",
        "that is old",
        "1 or more services or releases run what they should not",
    ):
        assert words in result.output
    assert "vulnerabilities=CVE-2026-1" in gateway.queries["GET /exploitation"]


def test_one_advisory_is_told_of_as_one() -> None:
    with small_gateway(risk(release("1", 3), imported=datetime.now(UTC), advisories=1)) as gateway:
        result = ask(gateway, "risk", "-p", "shop")
    assert "1 advisory is known, the last import was at" in result.output


def test_a_rule_that_would_not_admit_a_release_any_more_is_a_cause_with_its_waiver() -> None:
    rule = {
        "policy": "prod-entry",
        "rule": "no-high",
        "stage": "prod",
        "observed": "1 high.",
        "ended_waivers": ["wv-1"],
    }
    with small_gateway(risk(release("1", 3, rules=[rule]))) as gateway:
        result = ask(gateway, "risk", "-p", "shop")
    assert "prod-entry/no-high in prod: 1 high. (wv-1 ended)" in result.output


@pytest.mark.parametrize(
    ("releases", "fail_on", "code"),
    [
        ([release("1", -1)], "overdue", Exit.DENIED),
        ([release("1", 1)], "overdue", Exit.DONE),
        ([release("1", -1, current=False)], "overdue", Exit.DONE),
        ([release("1", 1)], "at-risk", Exit.DENIED),
        ([release("1", None, trust="revoked")], "at-risk", Exit.DENIED),
        ([release("1", None, trust="trusted")], "at-risk", Exit.DONE),
        ([release("1", -1)], "never", Exit.DONE),
        ([], "at-risk", Exit.DONE),
    ],
)
def test_pipelines_choose_what_fails_them(releases: list[dict[str, Any]], fail_on: str, code: Exit) -> None:
    with small_gateway(risk(*releases)) as gateway:
        result = ask(gateway, "--json", "risk", "-p", "shop", "--fail-on", fail_on)
    assert result.exit_code == code, result.output
    said = json.loads(result.stdout)
    now = datetime.now(UTC).isoformat()
    assert [one["overdue"] for one in said] == [bool(one["deadline"]) and one["deadline"] < now for one in releases]


def a_version() -> dict[str, Any]:
    return {
        "project": "shop",
        "application": "web",
        "version": "1.4.0",
        "stage": "prod",
        "current_in": ["prod"],
        "trust": "at_risk",
        "criticality": "high",
        "owners": ["team-web"],
        "deployments": [example_of(RunningService).model_dump(mode="json")],
        "deployment_count": 21,
        "findings": [example_of(ExposureFinding).model_dump(mode="json") | {"doubt": None}],
        "finding_count": 1,
        "deadline": "2026-12-01T00:00:00Z",
    }


def exposure(**more: Any) -> dict[str, Any]:
    counts = ("projects", "applications", "versions", "releases", "deployments", "components")
    return {
        "advisories": 1,
        "flaws": [example_of(ExposedFlaw).model_dump(mode="json")],
        "versions": [a_version()],
        "totals": dict.fromkeys(counts, 1) | {"exact": True},
        "next": None,
    } | more


def test_a_blast_radius_is_a_tree_and_a_table_with_totals() -> None:
    hostile = exposure()
    place = hostile["versions"][0]["deployments"][0]
    place |= {"environment": "prod\u202e[bold]\x1b[2J", "service": "api"}
    hostile["totals"] |= {"exact": False, "versions": 10_000}
    with small_gateway({"GET /exposure": hostile}) as gateway:
        result = ask(gateway, "risk", "blast", "CVE-2026-4711", "-p", "shop")
    assert result.exit_code == Exit.DONE, result.output
    assert "vulnerability=CVE-2026-4711" in gateway.queries["GET /exposure"]
    assert "\u202e" not in result.output
    assert "\x1b[2J" not in result.output
    for words in ("runs in prod", "[bold]", "KEV", "ransomware", "stands in", "waived by wv-", "at least 10000"):
        assert words in result.output, words


def test_packages_are_told_from_vulnerabilities_and_pages_are_read_on() -> None:
    pages = [exposure(next="more"), exposure(totals=None)]
    with small_gateway({"GET /exposure": lambda _: pages.pop(0)}) as gateway:
        result = ask(gateway, "--json", "risk", "blast", "pkg:npm/lodash", "--range", "<4.17.21")
    assert result.exit_code == Exit.DONE, result.output
    said = json.loads(result.stdout)
    assert (len(said["versions"]), said["totals"] is None, said["next"]) == (2, False, None)
    query = gateway.queries["GET /exposure"]
    assert "package=pkg%3Anpm%2Flodash" in query
    assert "bounds=%3C4.17.21" in query
    assert "after=more" in query


def test_what_no_advisory_knows_cannot_be_judged() -> None:
    with small_gateway({"GET /exposure": exposure(advisories=0, versions=[], flaws=[])}) as gateway:
        unheard, package = ask(gateway, "risk", "blast", "CVE-1"), ask(gateway, "risk", "blast", "pkg:npm/x")
    assert (unheard.exit_code, package.exit_code) == (Exit.UNAVAILABLE, Exit.DONE)
    assert "Import advisories first" in unheard.output
    assert "Nothing that you may see contains it." in package.output


def a_fix() -> dict[str, Any]:
    return {
        "component": "pkg:npm/lodash@4.17.20",
        "to_version": "4.17.21",
        "removes": 7.5,
        "risk": 21.0,
        "advisories": ["A-1", "A-2", "A-3", "A-4"],
        "advisory_count": 9,
        "severity": "high",
        "exploited": True,
        "epss": 0.42,
        "deadline": "2026-12-01T00:00:00Z",
        "releases": ["web/1.4.0"],
        "release_count": 1,
    }


def test_fixes_drift_and_what_runs_are_tables() -> None:
    answers = {
        "GET /projects/shop/remediation": {
            "fixes": [a_fix()],
            "fix_count": 1,
            "risk": 21.0,
            "unfixable": 0.0,
            "releases": 1,
            "complete": False,
            "formula": "a product",
            "next": None,
        },
        DRIFT: example_of(DriftPage).model_dump(mode="json") | {"next": None},
        "GET /projects/shop/running": example_of(RunningPage).model_dump(mode="json") | {"next": None},
    }
    with small_gateway(answers) as gateway:
        fix, drift, running = (ask(gateway, "risk", word, "-p", "shop") for word in ("fix", "drift", "running"))
        nobody = ask(gateway, "risk")
    assert (fix.exit_code, drift.exit_code, running.exit_code) == (Exit.DONE, Exit.DENIED, Exit.DONE)
    for words in ("7.5 of 21", "go to", "4.17.21", "KEV", "A-3 and 6 more", "a product", "More releases"):
        assert words in fix.output, words
    assert "unknown" in drift.output
    assert "1.4.0" in running.output
    assert nobody.exit_code != 0
    with small_gateway({DRIFT: NOBODY}) as gateway:
        assert ask(gateway, "risk", "drift", "-p", "shop").exit_code == Exit.DONE
