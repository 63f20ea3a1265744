"""The pages of a version and of what is decided about it, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.console.conftest import Console
from tests.console.release_scene import BOM, NASTY, SCAN, Press, a_bom, a_scan
from tests.support.browser import needs_chromium
from tests.support.eventually import eventually

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]
DAILY = "/projects/press/applications/daily"
VERSION = f"{DAILY}/versions"
FLAW = "CVE-2026-4711"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def press(console: Console) -> AsyncIterator[Press]:
    made = Press(console)
    await made.set_up()
    yield made


async def test_a_version_says_whether_it_may_go_on_and_what_would_help(press: Press) -> None:
    await press.create("1.0")
    async with press.tab_of("rita") as tab:
        await tab.open(f"{VERSION}/1.0")
        assert "May it enter build?" in await tab.text("#readiness")
        assert "Yes: every gate to build would let it pass now." in await tab.text("#readiness")
        await tab.press("Promote to build")
        assert "/projects/press/promotions/pr-" in tab.page.url
        await press.becomes(tab.page.url.rsplit("/", 1)[1], "completed")
        await tab.page.get_by_text("1.0 is in build.").wait_for()
        await tab.must_be_sound_everywhere("promotion-completed")

        await tab.open(f"{VERSION}/1.0")
        said = await tab.text("#readiness")
        assert "Not yet: something that is required has not arrived." in said
        assert "No critical flaw is known" in said
        assert "1 rule passed" in said
        command = await tab.page.locator("#readiness pre.command").text_content()
        assert "--type vulns --subject daily=sha256:" in str(command)
        assert "hallmark evidence attach evidence.json -p press" in str(command)
        await tab.must_be_sound_everywhere("version-pending")

        await press.scan("1.0", FLAW)
        await tab.page.get_by_text("No: the gates would deny it now.").wait_for()  # By itself: the page is live.
        assert f"Ask for a waiver: {FLAW} in pkg:pypi/ink@1.0" in await tab.text("#readiness")
    async with press.tab_of("vera") as viewer:
        await viewer.open(f"{VERSION}/1.0")
        assert await viewer.page.get_by_role("button", name="Promote to qa").count() == 0
        assert "hallmark promote press/daily/1.0 --wait" in await viewer.text("#readiness")


async def test_a_denied_promotion_is_read_and_its_waiver_asked_for_and_granted_by_another_person(press: Press) -> None:
    await press.create("2.0")
    await press.becomes(await press.promote("2.0", "rita", "build"), "completed")
    await press.scan("2.0", FLAW)
    denied = await press.promote("2.0", "rita", "qa")
    await press.becomes(denied, "denied")
    async with press.tab_of("rita") as tab:
        await tab.open(f"/projects/press/promotions/{denied}")
        assert "Denied" in await tab.text("ol.way")
        rules = await tab.text("#rules")
        assert "No critical flaw is known" in rules
        assert FLAW in rules
        await tab.must_be_sound_everywhere("promotion-denied")
        await tab.page.get_by_role("link", name=f"Ask for a waiver: {FLAW} in pkg:pypi/ink@1.0").click()
        await tab.page.wait_for_url("**/waivers/new?**")
        assert await tab.page.input_value("#f-rule") == "flaws"
        assert await tab.page.input_value("#f-vulnerability") == FLAW
        assert await tab.page.input_value("#f-max_severity") == "critical"
        await tab.must_be_sound_everywhere("waiver-asked")
        await tab.page.fill("#f-reason", f"We print nothing with it. {NASTY}")
        await tab.press("Ask for the waiver")
        assert "/waivers/wv-" in tab.page.url
        waiver = tab.page.url.removeprefix(press.console.url)
        assert "You asked for it: somebody else has to decide." in await tab.text()
        assert await tab.page.get_by_role("button", name="Grant").count() == 0
        await tab.must_be_sound_everywhere("waiver")
    async with press.tab_of("ada") as other:
        await other.open(waiver)
        assert "The policy has people with the role security decide." in await other.text()
    async with press.tab_of("sam") as tab:
        await tab.open("/approvals")
        assert "safe/flaws" in await tab.text("#waivers")
        await tab.must_be_sound_everywhere("approvals-waiver")
        await tab.page.get_by_role("link", name="Look and decide").click()
        await tab.page.wait_for_url(f"**{waiver}")
        await tab.page.fill("#f-reason", "Until the next ink.")
        await tab.press("Grant")
        assert "granted" in await tab.text(".headline")
        await tab.open("/approvals")
        assert "No waiver waits for your decision." in await tab.text("#waivers")
    await _passes_on_the_waiver(press)


async def _passes_on_the_waiver(press: Press) -> None:
    async with press.tab_of("rita") as tab:
        await tab.open(f"{VERSION}/2.0")
        assert "Waived by" in await tab.text("#readiness")
        await tab.press("Promote to qa")
        await press.becomes(tab.page.url.rsplit("/", 1)[1], "completed")
        await tab.page.get_by_text("2.0 is in qa.").wait_for()
        assert "waived" in await tab.text("#rules")
        await tab.page.get_by_role("link", name="The verdict, with all it rests on").click()
        await tab.page.wait_for_url("**/verdicts/vd-**")
        await tab.page.get_by_role("link", name="Judge it again on what it pins").click()
        await tab.page.wait_for_url("**?replay=1")
        assert "it comes out the same, word for word" in await tab.text()
        await tab.must_be_sound_everywhere("verdict")


async def test_another_person_approves_on_the_evidence_that_was_seen(press: Press) -> None:
    await press.create("3.0")
    await press.scan("3.0")
    for stage in ("build", "qa"):
        await press.becomes(await press.promote("3.0", "rita", stage), "completed")
    waiting = await press.promote("3.0", "rita", "prod")
    await press.becomes(waiting, "awaiting_approval")
    page = f"/projects/press/promotions/{waiting}"
    async with press.tab_of("rita") as tab:
        await tab.open(page)
        assert "Only people with the role approver answer." in await tab.text("#answer")
        assert "Somebody answers for it" in await tab.text("#promotion")
        await tab.must_be_sound_everywhere("promotion-waiting")
    async with press.tab_of("ada") as tab:
        await tab.open("/approvals")
        await tab.must_be_sound_everywhere("approvals")
        await tab.page.get_by_role("link", name="Look and answer").click()
        await tab.page.wait_for_url(f"**{page}")
        stale = await tab.page.locator("input[name=evidence_set]").first.input_value()
        # Somebody types while other evidence comes: what is sent was not about that.
        await tab.page.locator("#answer input[name=reason]").first.focus()
        await press.attach("3.0", BOM, a_bom())
        await eventually(lambda: _evidence_set(press, waiting), lambda found: found != stale, within=30)
        await tab.page.locator("#answer input[name=reason]").first.fill("It reads well.")
        await tab.press("Approve")
        assert "Other evidence is there by now than the answer is about." in await tab.text()
        tab.complaints.clear()  # The browser tells of the 409 that was meant.
        await tab.open(page)
        await tab.page.get_by_text("The evidence has changed since").wait_for()
        await tab.page.locator("#answer input[name=reason]").first.fill(f"It reads well. {NASTY}")
        await tab.press("Approve")
        await press.becomes(waiting, "completed")
        await tab.page.locator(".notice.is-good").get_by_text("3.0 is in prod").wait_for()
        assert "approved" in await tab.text("#answers")
        assert "What Hallmark attested" in await tab.text("#steps")
        await tab.must_be_sound_everywhere("promotion-approved")
        await tab.open("/approvals")
        assert "No promotion waits for your answer." in await tab.text("#promotions")


async def _evidence_set(press: Press, promotion_id: str) -> str:
    promotion = await press.ask("GET", f"/promotions/{promotion_id}")
    verdict = await press.ask("GET", f"/verdicts/{promotion['verdict_id']}")
    return str(verdict["evidence_set"])


async def test_a_version_tells_its_story_its_contents_and_its_proof(press: Press) -> None:
    await press.create("4.0")
    unbelieved = await press.attach("4.0", SCAN, a_scan(NASTY[:150]), mine=False)
    bom = await press.attach("4.0", BOM, a_bom())
    await press.becomes(await press.promote("4.0", "rita", "build"), "completed")
    async with press.tab_of("vera") as tab:
        await tab.open(f"{VERSION}/4.0/timeline")
        story = await tab.text("#timeline")
        assert "4.0 was registered with 1 artifact(s)." in story
        assert "by promote" in story
        await tab.must_be_sound_everywhere("version-timeline")

        await tab.open(f"{VERSION}/4.0/contents")
        assert "pkg:pypi/ink@1.0" in await tab.text("#components")
        await tab.must_be_sound_everywhere("version-contents")
        await tab.page.fill("#f-text", "PAPER")
        await tab.press("Search")
        assert "pkg:npm/paper@2.0" in await tab.text("#components table")
        assert "ink" not in await tab.text("#components table")
        await tab.open(f"{VERSION}/4.0/contents?type=npm&license=noassertion")
        assert "pkg:npm/glue@3.0" in await tab.text("#components table")
        assert "paper" not in await tab.text("#components table")
        await tab.open(f"{VERSION}/4.0/contents?text={'%3Cscript%3E'}")
        assert "No component fits." in await tab.text("#components")

        await tab.open(f"{VERSION}/4.0/evidence")
        listed = await tab.text("#evidence")
        assert "Counts for nothing" in listed
        assert "Counts: signed in the role ci." in listed
        await tab.must_be_sound_everywhere("version-evidence")

        await tab.open(f"/projects/press/evidence/{unbelieved}")
        assert "Counts for nothing" in await tab.text(".notice")
        assert "key_unknown" in (await tab.text("#evidence")).replace(" ", "_")
        await tab.must_be_sound_everywhere("evidence-unverified")
        await tab.open(f"/projects/press/evidence/{unbelieved}/raw")
        assert "<script>alert(1)</script>" in await tab.text("pre")
        assert "\u202e" not in await tab.page.content()
        await tab.must_be_sound_everywhere("evidence-raw")
        await tab.open(f"/projects/press/evidence/{bom}")
        assert "3 components (cyclonedx 1.6)" in await tab.text("#evidence")
        await tab.must_be_sound_everywhere("evidence-sbom")

        await tab.open(f"{VERSION}/4.0/proof")
        assert f"/badge/press/daily/4.0.svg)]({press.console.url}{VERSION}/4.0)" in await tab.text()
        await tab.must_be_sound_everywhere("version-proof")
        cookies = {one["name"]: one["value"] for one in await tab.page.context.cookies()}
    async with httpx.AsyncClient(base_url=press.console.url, cookies=cookies) as http:
        bundle = await http.get(f"{VERSION}/4.0/bundle")
        assert (bundle.status_code, bundle.content[:2]) == (200, b"PK")
        envelope = await http.get(f"/projects/press/evidence/{bom}/envelope")
        assert envelope.headers["content-disposition"].startswith("attachment")
        assert "payload" in envelope.json()
        assert (await http.get(f"{VERSION}/9.9")).status_code == 404


async def test_badges_of_applications_show_what_is_released(press: Press) -> None:
    async with httpx.AsyncClient(base_url=press.console.url) as http:
        await press.create("5.0")
        await press.scan("5.0")
        drawn = await http.get("/badge/press/daily.svg")
        assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
        assert (await http.get("/badge/press/weekly.svg")).json()["code"] == "badge_unknown"
        assert (await http.get("/badge/shop/web.svg")).json()["code"] == "badge_unknown"


async def test_promotions_are_listed_and_stopped(press: Press) -> None:
    await press.create("6.0")
    await press.becomes(await press.promote("6.0", "rita", "build"), "completed")
    waiting = await press.promote("6.0", "rita", "qa")
    await press.becomes(waiting, "checking")
    async with press.tab_of("rita") as tab:
        await tab.open("/projects/press/promotions?application=daily&state=checking")
        assert "6.0" in await tab.text("#list")
        await tab.must_be_sound_everywhere("promotions")
        await tab.page.get_by_role("link", name="daily 6.0").first.click()
        await tab.page.wait_for_url(f"**/{waiting}")
        await tab.page.get_by_text("Stop it").click()
        await tab.page.fill("#f-cancel", NASTY)
        await tab.press("Cancel the promotion")
        assert "Cancelled" in await tab.text("ol.way")
        assert await tab.page.get_by_role("button", name="Cancel the promotion").count() == 0
        await tab.open("/projects/press/promotions?state=cancelled")
        await tab.must_be_sound()
    async with press.tab_of("vera") as viewer:
        await viewer.open(f"/projects/press/promotions/{waiting}")
        assert await viewer.page.get_by_role("button", name="Approve").count() == 0
