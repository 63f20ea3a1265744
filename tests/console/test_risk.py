"""Risk, alerts, trust and insights in the browser, on what a running stack has recorded."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.console.conftest import Console
from tests.support.browser import Tab, needs_chromium
from tests.support.eventually import eventually
from tests.support.monitoring_scenes import advisory

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]
CYCLONEDX = "https://cyclonedx.org/bom"
HOSTILE = "<script>alert(1)</script> \u202e\u2066gnp.exe <img src=x onerror=alert(2)> " + "W" * 120
LIBRARIES = ("bank-views@3.1.2", "bank-calls@2.20.0", "bank-wires@1.24", "bank-left@1.0")
"""Names of this module alone: advisories count for every project of the stack."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bank(console: Console) -> str:
    """A project with two released applications, in which flaws are known; one of another project shares a component."""
    for number, project in enumerate(("bank", "post")):
        await _project(console, project)
        for application in ("ledger", "teller")[: 2 - number]:
            await _release(console, project, application)
    records = [
        advisory("GHSA-jinja", "bank-views", fixed="3.1.4", aliases=["CVE-2026-10001"], summary=HOSTILE),
        advisory(
            "GHSA-requests",
            "bank-calls",
            fixed="2.31.0",
            database_specific={"severity": "CRITICAL"},
            aliases=["CVE-2026-10002"],
        ),
        advisory("GHSA-urllib", "bank-wires", fixed="99", database_specific={"severity": "LOW"}),
    ]
    # One that names commits only: nobody can say whether it applies.
    records.append({**advisory("GHSA-left", "bank-left"), "affected": [_by_commit("bank-left")]})
    begun = await _ask(console, "POST", "/advisories/imports", {"source": "osv-test"})
    await _ask(console, "POST", "/advisories", {"advisories": records, "source": "osv-test", **begun})
    await _ask(console, "POST", f"/advisories/imports/{begun['import_id']}/finish", {"records": len(records)})

    async def alerts() -> list[Any]:
        found: list[Any] = (await _ask(console, "GET", "/projects/bank/alerts"))["alerts"]
        return found

    await eventually(alerts, lambda found: len(found) == 6)
    return "bank"


def _by_commit(package: str) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "a" * 40}]
    return {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "GIT", "repo": "https://git.example/left", "events": events}],
    }


async def _ask(console: Console, method: str, path: str, body: Any = None, key: str = "") -> Any:
    options = {} if body is None else {"json": body}
    return (await console.shop.ask(method, path, key or f"risk-{method}-{path}", **options)).json()


async def _project(console: Console, project: str) -> None:
    stages = [{"name": "qa", "open": ["entry", "exit"]}, {"name": "prod", "open": ["entry"]}]
    pem = keys.public_pem(console.shop.key.public_key())
    await _ask(console, "PUT", f"/projects/{project}", {"title": f"The {project}"})
    await _ask(console, "PUT", f"/projects/{project}/lifecycles/default", {"stages": stages})
    root = {"keys": [pem], "predicate_types": [CYCLONEDX], "role": "build"}
    await _ask(console, "PUT", f"/projects/{project}/trust-roots/build", root)
    document = {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": project, "name": "prod-release"},
        "spec": {
            "gates": [{"stage": "prod", "gate": "release"}],
            "rules": [
                {"id": "sbom", "title": "It is known what is inside", "kind": "required_evidence", "evidence": "sbom"}
            ],
        },
    }
    await _ask(console, "PUT", f"/projects/{project}/policies/prod-release", {"document": document})


async def _release(console: Console, project: str, application: str, version: str = "1.0.0") -> None:
    base = f"/projects/{project}/applications/{application}"
    digest = sha256_digest(f"{base}/{version}".encode())
    await _ask(console, "PUT", base, {"criticality": "high", "owners": [f"team-{application}"]})
    artifact = {"purl": f"pkg:pypi/{application}@{version}", "digest": digest}
    await _ask(console, "POST", f"{base}/versions", {"version": version, "artifacts": [artifact]})
    components = [
        {"type": "library", "name": name.split("@")[0], "version": name.split("@")[1], "purl": f"pkg:pypi/{name}"}
        for name in LIBRARIES
    ]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": CYCLONEDX,
        "predicate": {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components},
    }
    envelope = dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [console.shop.key])
    await console.shop.ask("POST", f"/projects/{project}/evidence", f"bom-{base}", content=envelope)
    for stage in ("qa", "prod"):
        body = {"application": application, "version": version, "to_stage": stage, "patience_seconds": 90}
        asked = await _ask(console, "POST", f"/projects/{project}/promotions", body, f"{base}-{version}-{stage}")
        path = f"/projects/{project}/promotions/{asked['promotion_id']}"
        ended = await eventually(
            partial(_ask, console, "GET", path), lambda found: found["state"] in {"completed", "denied"}
        )
        assert ended["state"] == "completed", ended


async def test_risk_of_a_project(bank: str, admin_tab: Tab) -> None:
    await admin_tab.open(f"/projects/{bank}/risk")
    text = await admin_tab.text()
    assert "2 findings are due within seven days." in text
    assert "GHSA-jinja" in text
    assert "Fixed in 3.1.4" in text
    assert "team-ledger" in text
    assert "⟦U+202E⟧" in text, "what would turn the text around is written out"
    assert "ledger 1.0.0: 1" in text, "one match could not be decided"
    await admin_tab.page.wait_for_selector("#fix #formula")
    assert "71%" in await admin_tab.text("#fix"), "the step that removes most risk stands first"
    await admin_tab.must_be_sound_everywhere("risk")
    await admin_tab.page.get_by_text("Numbers", exact=False).first.click()
    assert "critical" in await admin_tab.text("#numbers-deadlines")


async def test_risk_over_all_projects(console: Console, bank: str, admin_tab: Tab) -> None:
    survey = await _ask(console, "GET", "/risk")
    assert {"bank", "post"} <= {one["project"] for one in survey["projects"]}
    outlook = await _ask(console, "GET", f"/projects/{bank}/risk/outlook")
    assert outlook["open"] == {"critical": 2, "high": 2, "low": 2}
    await admin_tab.open("/risk")
    text = await admin_tab.text()
    assert "The bank" in text
    assert "The post" in text
    assert "known; complete as of" in text
    await admin_tab.must_be_sound_everywhere("risk-all")
    await admin_tab.page.fill("input[name=q]", "CVE-2026-10001")
    await admin_tab.press("How far does it reach?")
    text = await admin_tab.text()
    for told in ("ledger 1.0.0", "teller 1.0.0", "bank", "post", "stands in prod, qa", "team-ledger", "Fixed in 3.1.4"):
        assert told in text
    boxes = await admin_tab.page.locator(".reach .node").count()
    assert boxes == 1 + 1 + 3 + 3 + 2, "the flaw, a component, three versions, where each of them is, two owners"
    await admin_tab.must_be_sound_everywhere("exposure")


@pytest.mark.usefixtures("bank")
async def test_what_nobody_knows_is_no_good_news(admin_tab: Tab) -> None:
    await admin_tab.open("/risk/exposure?q=CVE-1999-00001")
    assert "nobody can say what it affects" in await admin_tab.text()
    await admin_tab.open("/risk/exposure?q=pkg:pypi/bank-wires")
    assert "teller 1.0.0" in await admin_tab.text()
    await admin_tab.open("/risk/exposure")
    await admin_tab.must_be_sound()


async def test_what_to_fix_first_has_a_page(bank: str, admin_tab: Tab) -> None:
    await admin_tab.open(f"/projects/{bank}/remediation?application=ledger")
    first = admin_tab.page.locator("#plan tbody tr").first
    assert "pkg:pypi/bank-calls@2.20.0" in await first.inner_text()
    await admin_tab.must_be_sound_everywhere("remediation")


async def test_an_alert_is_dealt_with(bank: str, admin_tab: Tab) -> None:
    await admin_tab.open(f"/projects/{bank}/alerts?severity=critical")
    assert await admin_tab.page.locator("tbody tr").count() == 2
    assert await admin_tab.text("nav [aria-current]") == "Risk"
    await admin_tab.must_be_sound_everywhere("alerts")
    await admin_tab.page.locator("tbody th a").first.click()
    await admin_tab.page.fill("#f-ack", HOSTILE)
    await admin_tab.press("Acknowledge")
    assert "acknowledged" in await admin_tab.text("#history")
    await admin_tab.page.fill("input[name=assignee]", "bob")
    await admin_tab.press("Assign")
    assert "to bob" in await admin_tab.text("#history")
    due = await admin_tab.page.get_attribute("#f-until", "max")
    await admin_tab.page.fill("#f-until", str(due))
    await admin_tab.page.fill("#f-why-snooze", "The fix comes tomorrow.")
    await admin_tab.press("Snooze")
    assert "snoozed" in await admin_tab.text("#state")
    await admin_tab.must_be_sound_everywhere("alert")
    await admin_tab.open(f"/projects/{bank}/alerts?assignee=bob")
    assert await admin_tab.page.locator("tbody tr").count() == 1
    await admin_tab.open(f"/projects/{bank}/sla")
    assert "The built-in table counts here" in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("sla")


async def test_an_advisory_that_arrives_shows_by_itself(console: Console, bank: str, admin_tab: Tab) -> None:
    await admin_tab.open(f"/projects/{bank}/risk")
    await admin_tab.page.wait_for_selector("#live-state:text-is('Live')")
    fresh = advisory("GHSA-late", "bank-views", fixed="3.1.9", database_specific={"severity": "CRITICAL"})
    await _ask(console, "POST", "/advisories", {"advisories": [fresh], "source": "late"}, "late")
    await admin_tab.page.wait_for_selector("#deadlines :text('GHSA-late')", timeout=60_000)


async def test_a_release_is_revoked(console: Console, bank: str, admin_tab: Tab) -> None:
    await _release(console, bank, "vault")
    path = f"/projects/{bank}/applications/vault/versions/1.0.0/trust"

    async def known() -> bool:
        answer = await console.shop.http.get(path)
        return answer.is_success

    await eventually(known)
    await admin_tab.open(path)
    await admin_tab.must_be_sound_everywhere("trust")
    admin_tab.page.on("dialog", lambda dialog: dialog.accept())
    await admin_tab.page.fill("textarea[name=reason]", HOSTILE)
    await admin_tab.press("Revoke vault 1.0.0")
    assert "taken away for good" in await admin_tab.text("#state")
    assert await admin_tab.page.locator("textarea[name=reason]").count() == 0
    await admin_tab.must_be_sound()


async def test_who_may_only_look_is_offered_nothing(console: Console, bank: str, tab: Tab) -> None:
    body = {"subject": "vic", "kind": "human", "grants": {bank: ["viewer"]}}
    token = (await _ask(console, "POST", "/tokens", body, "risk-viewer"))["token"]
    await tab.sign_in(token)
    await tab.open("/risk")
    assert "The post" not in await tab.text()
    await tab.open("/insights")
    assert "Choose a project" in await tab.text()
    await tab.open(f"/projects/{bank}/alerts")
    await tab.page.locator("tbody th a").first.click()
    assert await tab.page.locator("main form").count() == 0
    await tab.open(f"/projects/{bank}/applications/ledger/versions/1.0.0/trust")
    assert await tab.page.locator("main form").count() == 0
    await tab.open("/projects/post/risk", status=403)


async def test_insights(console: Console, bank: str, admin_tab: Tab) -> None:
    await admin_tab.open(f"/projects/{bank}/insights?by=day&days=14")
    text = await admin_tab.text()
    for told in (
        "Deployment frequency",
        "Lead time for changes",
        "Change failure rate",
        "First-pass",
        "ledger",
        "1 of 1",
    ):
        assert told.lower() in text.lower()
    await admin_tab.must_be_sound_everywhere("insights")
    await admin_tab.page.locator("#facts-deployment_frequency summary").click()
    fact = admin_tab.page.locator("#facts-deployment_frequency a").first
    assert str(await fact.get_attribute("href")).startswith(f"/projects/{bank}/promotions/pr-")
    column = admin_tab.page.locator("#chart-deployment_frequency .at").last
    await column.focus()
    assert await column.locator(".tip").evaluate("tip => getComputedStyle(tip).visibility") == "visible"
    await admin_tab.open("/insights")
    assert "All projects together" in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("insights-all")
    for path in (f"/projects/{bank}/insights/coverage.csv", "/insights/flow.csv?by=month"):
        answer = await admin_tab.page.request.get(f"{console.url}{path}")
        assert answer.headers["content-type"].startswith("text/csv")
        assert "attachment" in answer.headers["content-disposition"]
        assert len((await answer.text()).splitlines()) > 1
