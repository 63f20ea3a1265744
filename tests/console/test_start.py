"""The guide from nothing to a first gated promotion, walked in a real browser; and the sample project."""

from __future__ import annotations

import pytest

from contracts.vocabulary import Trust
from shared.crypto import keys
from tests.console.conftest import Console
from tests.console.places import Place, post_as
from tests.support.browser import Tab, needs_chromium
from tests.support.eventually import eventually

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_five_steps_lead_to_a_gated_promotion(console: Console, admin_tab: Tab) -> None:
    place, page = Place(console, "first"), admin_tab.page
    await admin_tab.open("/start?project=")
    await admin_tab.must_be_sound_everywhere("start")
    await page.fill("[name=project]", "first")
    await page.fill("[name=stages]", "dev, prod")
    await admin_tab.press("Create project")
    await page.fill("[name=application]", "app")
    await admin_tab.press("Create application")
    assert "stage: prod" in await admin_tab.text("#step-policy pre")
    await admin_tab.must_be_sound_everywhere("start-policy")
    await admin_tab.press("Apply this policy")
    await page.fill("[name=artifacts]", f"pkg:generic/app@1.0.0 {place.artifact('app', '1.0.0')}")
    await admin_tab.press("Register version")
    await page.fill("[name=key]", keys.public_pem(console.shop.key.public_key()))
    await admin_tab.press("Believe this key")
    assert f"--subject app={place.artifact('app', '1.0.0')}" in await admin_tab.text("#step-promotion")
    await admin_tab.must_be_sound_everywhere("start-evidence")
    envelope = {"name": "t.json", "mimeType": "application/json", "buffer": place.envelope("app", "1.0.0")}
    await page.set_input_files("[name=envelope]", envelope)  # type: ignore[arg-type]
    await admin_tab.press("Send evidence")
    for stage in ("dev", "prod"):
        await page.get_by_role("link", name=f"See what the gates say, and promote to {stage}").click()
        await page.wait_for_selector("text=Every gate on the way would open now.")
        async with page.expect_navigation():
            await page.locator("main form button").click()
        assert (await place.ended(page.url.rsplit("/", 1)[1]))["state"] == "completed"
        admin_tab.complaints.clear()
        await admin_tab.open("/start?project=first")
    assert "A version has passed its first gate." in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("start-done")


async def test_an_empty_installation_leads_to_the_guide(console: Console, tab: Tab) -> None:
    place = Place(console, "nowhere")
    await tab.open("/sign-in")
    await tab.page.fill("input[name=token]", await place.token("viewer"))
    await tab.press("Sign in")
    assert tab.page.url == f"{console.url}/start"
    assert "You see no project." in await tab.text()
    assert await tab.page.locator("main form").count() == 0
    await tab.must_be_sound_everywhere("start-nothing")


async def test_the_sample_project_is_loaded_once_and_by_administrators_alone(console: Console, admin_tab: Tab) -> None:
    place = Place(console, "sample")
    someone = await place.token("admin", subject="ines", project="nowhere")
    refused = await post_as(console, someone, "/start/sample")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
    await admin_tab.open("/start?project=")
    await admin_tab.press("Load the sample project")
    assert admin_tab.page.url == f"{console.url}/projects/sample"
    assert "This is the sample project." in await admin_tab.text()

    async def trusts() -> dict[str, str]:
        found = (await place.ask("GET", "/risk?all=true"))["releases"]
        return {f"{one['application']} {one['version']}": one["trust"] for one in found}

    expected = {"storefront 4.1.0": Trust.AT_RISK.value, "checkout 2.3.0": Trust.TRUSTED.value}
    await eventually(trusts, lambda found: found == expected, within=100)
    await admin_tab.open("/projects/sample")
    assert "SAMPLE-2026-0001 in pkg:npm/sample-parser@1.2.0" in await admin_tab.text("[aria-labelledby=h-due]")
    await admin_tab.must_be_sound_everywhere("sample")
    again = await post_as(console, console.admin, "/start/sample")
    assert (again.status_code, again.json()["code"]) == (409, "sample_exists")
    await admin_tab.open("/projects/sample/applications/storefront")
    await admin_tab.must_be_sound_everywhere("sample-application")
