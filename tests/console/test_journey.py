"""A release's whole way in the browser: people in roles of their own, each in a tab, with forms and buttons alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload

from services.cli.verifier.verify import verify_bundle
from shared.crypto import keys
from tests.console.conftest import Console
from tests.console.journey_scene import (
    APPLICATION,
    BOM,
    PROD,
    PROJECT,
    QA,
    ROLES,
    TESTS,
    Company,
    ask_for_it,
    dead_links,
    digest_of,
    follow,
    hand_in,
    is_done,
    see_the_forecast,
)
from tests.support.browser import Tab, a_tab, needs_chromium
from tests.support.monitoring_scenes import advisory

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]

PATIENCE = 90_000
"""Milliseconds that a page may take to say what it must: machines of many testers are slow."""


@pytest_asyncio.fixture(loop_scope="session")
async def company(console: Console, admin_tab: Tab) -> AsyncIterator[Company]:
    async with AsyncExitStack() as opened:
        made = Company(admin_tab)
        for name in ROLES:
            made.tabs[name] = await opened.enter_async_context(a_tab(console.browser, console.url))
            made.tabs[name].page.set_default_timeout(PATIENCE)
        yield made


async def test_a_release_goes_its_whole_way_in_the_browser(console: Console, company: Company, tmp_path: Path) -> None:
    dora, rita, ada, sam = company.tabs.values()
    await the_administrator_creates_the_project_and_gives_everybody_a_role(company)
    await security_says_whose_signatures_count_and_what_is_asked_for(sam, company.key)
    await the_release_manager_creates_the_application(rita)
    await the_developer_registers(dora, "1.0.0")
    await promote_from_the_board(rita, "Move on to dev", "1.0.0 is in dev")

    await hand_in(dora, "1.0.0", company.tests("1.0.0", "gives change"))
    await the_gate_refuses_and_says_why_and_what_to_do(rita)
    await hand_in(dora, "1.0.0", company.tests("1.0.0"))
    await what_waits_goes_on_by_itself_once_the_missing_file_is_there(rita, dora, company.stock("1.0.0", "paper"))
    await ask_for_the_release(rita, "1.0.0")
    await the_approver_finds_it_and_approves(ada, "1.0.0")
    await is_done(rita, "1.0.0 is in prod")
    await anybody_verifies_the_trusted_release_offline(rita, tmp_path)

    await another_version_goes_the_same_way(company, "1.1.0", company.stock("1.1.0", "paper", "journey-ink"))
    await an_advisory_shows_by_itself_on_open_pages(console, sam, dora)
    await the_release_manager_rolls_back(rita)
    await the_timeline_tells_all_of_it(dora)
    await the_log_proves_it(sam)
    for tab in company.tabs.values():
        await tab.must_be_sound()
    assert await dead_links(company.admin, "/approvals", "/insights", "/operations", PROJECT) == []


async def the_administrator_creates_the_project_and_gives_everybody_a_role(company: Company) -> None:
    admin, page = company.admin, company.admin.page
    await follow(admin, "Overview", "Begin another project")
    await page.fill("[name=project]", "journey")
    await page.fill("[name=stages]", "dev, qa, prod")
    await admin.press("Create project")
    for name, role in ROLES.items():
        await follow(admin, "Settings", "Access tokens")
        await page.fill("[name=subject]", name)
        await page.fill("[name=projects]", "journey")
        await page.check(f"[name=roles][value={role}]")
        await admin.press("Make token")
        await company.tabs[name].sign_in(await admin.text("code.secret"), PROJECT)


async def security_says_whose_signatures_count_and_what_is_asked_for(sam: Tab, key: keys.PrivateKey) -> None:
    sam.page.on("dialog", lambda dialog: dialog.accept())
    await follow(sam, "Settings")
    await sam.page.get_by_text("Believe somebody's keys").click()
    await sam.page.fill("[name=trust_root]", "build")
    await sam.page.fill("[name=role]", "build")
    await sam.page.fill("[name=predicate_types]", f"{TESTS}\n{BOM}")
    await sam.page.fill("[name=keys]", keys.public_pem(key.public_key()))
    await sam.press("Add trust root")
    for policy in (QA, PROD):
        await follow(sam, "Policies", "New policy")
        await sam.page.fill("[name=document]", policy)
        await sam.press("Apply")
    await follow(sam, "Policies")
    assert "shut: no policy opens it" not in await sam.text()


async def the_release_manager_creates_the_application(rita: Tab) -> None:
    await rita.open(PROJECT)
    await rita.page.get_by_text("Create an application").click()
    await rita.page.fill("[name=application]", "kiosk")
    await rita.page.select_option("[name=criticality]", "high")
    await rita.page.fill("[name=owners]", "team-kiosk")
    await rita.press("Create application")


async def the_developer_registers(dora: Tab, version: str) -> None:
    await dora.open(PROJECT)
    await follow(dora, "kiosk")
    await dora.page.get_by_text("Register a version").click()
    await dora.page.fill("[name=version]", version)
    await dora.page.fill("[name=artifacts]", f"pkg:generic/kiosk@{version} {digest_of(version)}")
    await dora.press("Register version")


async def promote_from_the_board(rita: Tab, move: str, outcome: str) -> None:
    assert "Every gate on the way would open now." in await see_the_forecast(rita, move)
    await ask_for_it(rita)
    await is_done(rita, outcome)


async def the_gate_refuses_and_says_why_and_what_to_do(rita: Tab) -> None:
    assert "It would be denied now: one rule stands against it." in await see_the_forecast(rita, "Move on to qa")
    await ask_for_it(rita)
    await rita.page.locator("h1 + .mark", has_text="denied").wait_for()
    said = await rita.text("#rules")
    assert "1 failed tests (gives change)" in said
    assert "Correct what fails, run the tests again and attach the new result." in said
    await rita.must_be_sound_everywhere("journey-denied")


async def what_waits_goes_on_by_itself_once_the_missing_file_is_there(
    rita: Tab, dora: Tab, missing: FilePayload
) -> None:
    assert "It would wait: sbom may still arrive." in await see_the_forecast(rita, "Move on to qa")
    await ask_for_it(rita)
    await rita.page.locator("h2", has_text="What it waits for").wait_for()
    await dora.open(PROJECT)
    await follow(dora, "kiosk 1.0.0", "Hand in a signed file")
    await rita.must_be_sound_everywhere("journey-waiting")
    await dora.page.set_input_files("[name=envelope]", missing)
    await dora.press("Hand it in")
    await is_done(rita, "1.0.0 is in qa")


async def ask_for_the_release(rita: Tab, version: str) -> None:
    await see_the_forecast(rita, "Release to prod")
    await ask_for_it(rita, f"{version} sells tickets")
    await rita.page.locator("h1 + .mark", has_text="awaiting approval").wait_for()


async def the_approver_finds_it_and_approves(ada: Tab, version: str) -> None:
    await follow(ada, "Approvals", "Look and answer")
    assert f"{version} sells tickets" in await ada.text("#promotion")
    await ada.page.fill("#answer [name=reason]", "seen the evidence")
    await ada.press("Approve")
    await is_done(ada, f"{version} is in prod")


async def anybody_verifies_the_trusted_release_offline(rita: Tab, folder: Path) -> None:
    await follow(rita, "1.0.0")
    assert await rita.text(".headline .mark") == "trusted"
    assert "trusted release" in await rita.text("#head")
    await follow(rita, "Proof and badge")
    badge = await rita.page.request.get(f"{rita.url}{APPLICATION}/versions/1.0.0/badge.svg")
    assert "trusted" in await badge.text()
    async with rita.page.expect_download() as download:
        await rita.page.get_by_role("link", name="Download the bundle").click()
    await (await download.value).save_as(folder / "bundle.zip")
    report = verify_bundle((folder / "bundle.zip").read_bytes())
    assert report.passed, report.checks[-1]


async def another_version_goes_the_same_way(company: Company, version: str, stock: FilePayload) -> None:
    dora, rita, ada, _ = company.tabs.values()
    await the_developer_registers(dora, version)
    for file in (company.tests(version), stock):
        await hand_in(dora, version, file)
    await promote_from_the_board(rita, "Move on to dev", f"{version} is in dev")
    await promote_from_the_board(rita, "Move on to qa", f"{version} is in qa")
    await ask_for_the_release(rita, version)
    await the_approver_finds_it_and_approves(ada, version)


async def an_advisory_shows_by_itself_on_open_pages(console: Console, sam: Tab, dora: Tab) -> None:
    await sam.open(PROJECT)
    await follow(sam, "Risk")
    await dora.open(f"{APPLICATION}/versions/1.1.0")
    for tab in (sam, dora):
        await tab.page.wait_for_selector("#live-state >> text=Live")
    record = advisory("DRILL-JOURNEY-1", "journey-ink")
    await console.shop.ask("POST", "/advisories", "journey", json={"advisories": [record], "source": "drill"})
    await sam.page.locator("#deadlines").get_by_text("DRILL-JOURNEY-1").wait_for()
    await dora.page.locator("#head .notice", has_text="DRILL-JOURNEY-1 in pkg:pypi/journey-ink@1.0").wait_for()
    await follow(dora, "What to do about it")
    assert "2.0" in await dora.text("#causes")
    await dora.must_be_sound_everywhere("journey-at-risk")


async def the_release_manager_rolls_back(rita: Tab) -> None:
    assert "Every gate on the way would open now." in await see_the_forecast(rita, "Roll back to 1.0.0 in prod")
    await ask_for_it(rita, "DRILL-JOURNEY-1 is in 1.1.0")
    await is_done(rita, "1.0.0 is in prod, in place of 1.1.0.")


async def the_timeline_tells_all_of_it(dora: Tab) -> None:
    await dora.open(f"{APPLICATION}/versions/1.1.0")
    await follow(dora, "Timeline")
    said = await dora.text("#timeline")
    for told in ("was registered", "ada, approver, approved", "→ trusted", "→ at_risk", "DRILL-JOURNEY-1 is in 1.1.0"):
        assert told in said, told
    await dora.must_be_sound_everywhere("journey-timeline")


async def the_log_proves_it(sam: Tab) -> None:
    await follow(sam, "Audit log")
    await sam.page.fill("[name=project]", "journey")
    await sam.press("Search")
    await sam.page.locator("#entries tbody a").first.click()
    await sam.page.wait_for_selector("[data-entry-proof][data-checked=yes]")
    assert "This entry is in the log of" in await sam.text("[data-entry-proof] [data-outcome]")
