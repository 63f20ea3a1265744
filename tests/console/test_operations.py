"""The pages of whoever operates the installation, and of whoever sets up projects."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.crypto import keys
from tests.console.conftest import Console
from tests.support.browser import Tab, a_tab, needs_chromium
from tests.support.eventually import eventually
from tests.support.poison import bury

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]


async def a_token(console: Console, name: str, **grants: list[str]) -> str:
    body = {"subject": name, "kind": "human", "grants": grants}
    made = (await console.shop.ask("POST", "/tokens", f"token-{name}", json=body)).json()
    token: str = made["token"]
    return token


async def test_services_and_what_waits_for_them(console: Console, admin_tab: Tab) -> None:
    await admin_tab.open("/operations")
    text = await admin_tab.text("#services")
    assert all(name in text for name in ("registry", "evidence", "gate", "promotion", "monitoring"))
    assert text.count("It answered in") == 5
    assert "HALLMARK_EVT" in await admin_tab.text("#streams")
    await admin_tab.must_be_sound_everywhere("operations")

    await console.stack.stop("monitoring")
    try:
        await admin_tab.open("/operations")
        assert "It did not answer within 3 s" in await admin_tab.text("#services")
        assert "Monitoring does not answer" in await admin_tab.text("#imports")
    finally:
        console.stack.start("monitoring")
        await console.stack.wait_ready("monitoring")


async def test_others_see_the_imports_alone(console: Console, tab: Tab) -> None:
    await tab.sign_in(await a_token(console, "olga", shop=["viewer"]), then="/operations")
    text = await tab.text()
    assert "its administrators see them" in text
    assert "Imports of advisories" in text
    await tab.open("/operations/dead-letters", 403)


async def test_a_dead_letter_is_read_and_settled(console: Console, admin_tab: Tab) -> None:
    await bury(console.stack)

    async def listed() -> str:
        await admin_tab.open("/operations")
        return await admin_tab.text("#letters")

    await eventually(listed, lambda text: "waiting" in text)
    await admin_tab.page.click("#letters td a >> nth=0")
    assert "What to do" in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("dead-letter")
    await admin_tab.page.fill("#f-reason", "Nobody needs <b>it</b>.")
    await admin_tab.press("Drop")
    text = await admin_tab.text()
    assert "dropped" in text
    assert "Nobody needs <b>it</b>." in text
    await admin_tab.open("/operations/dead-letters?state=dropped&service=")
    assert "dropped" in await admin_tab.text("#letters")
    await admin_tab.must_be_sound()


async def test_a_project_is_set_up_by_hand(console: Console, admin_tab: Tab) -> None:
    await admin_tab.open("/settings")
    await admin_tab.must_be_sound_everywhere("settings")
    await admin_tab.page.fill("#f-project", "by-hand")
    await admin_tab.page.fill("#f-title", "By hand <script>")
    await admin_tab.press("Create project")
    assert admin_tab.page.url == f"{console.url}/projects/by-hand/settings"
    await admin_tab.press("Define its stages")
    for row, name in enumerate(("dev", "prod"), 1):
        await admin_tab.page.fill(f"#name-{row}", name)
    await admin_tab.page.check("input[name=open-1][value=entry]")
    await admin_tab.must_be_sound_everywhere("lifecycle")
    await admin_tab.press("Save stages")
    await admin_tab.page.click("summary")
    await admin_tab.page.fill("#f-trust_root", "ci")
    await admin_tab.page.fill("#f-role", "build")
    await admin_tab.page.fill("#f-predicate_types", "*")
    await admin_tab.page.fill("#f-keys", keys.public_pem(keys.generate().public_key()))
    await admin_tab.press("Add trust root")
    await admin_tab.must_be_sound_everywhere("trust-root")
    await admin_tab.page.fill("#f-distrust_after", "2026-01-01T00:00")
    admin_tab.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await admin_tab.press("Save")
    assert "It is distrusted" in await admin_tab.text()
    await admin_tab.open("/projects/by-hand/settings")
    await admin_tab.must_be_sound_everywhere("project-settings")
    shown = (await console.shop.ask("GET", "/projects/by-hand")).json()
    assert [(one["name"], one["release"], one["open"]) for one in shown["lifecycles"][0]["stages"]] == [
        ("dev", False, ["entry"]),
        ("prod", True, []),
    ]
    [root] = (await console.shop.ask("GET", "/projects/by-hand/trust-roots")).json()["trust_roots"]
    assert (root["role"], root["distrust_after"]) == ("build", "2026-01-01T00:00:00Z")


async def test_a_stage_keeps_what_the_form_does_not_change(console: Console, admin_tab: Tab) -> None:
    stages: list[dict[str, Any]] = [
        {"name": "dev", "queue": "refuse", "requesters": ["human"], "automatic": True, "supersede": True},
        {"name": "prod", "title": "Production", "release": True},
    ]
    await console.shop.ask("PUT", "/projects/keeps", json={"title": "Keeps"})
    await console.shop.ask("PUT", "/projects/keeps/lifecycles/default", json={"stages": stages})
    before = (await console.shop.ask("GET", "/projects/keeps")).json()["lifecycles"]
    await admin_tab.open("/projects/keeps/settings/lifecycles/default")
    await admin_tab.press("Save stages")
    assert (await console.shop.ask("GET", "/projects/keeps")).json()["lifecycles"] == before


async def test_a_token_is_shown_once_and_revoked_with_its_sessions(console: Console, admin_tab: Tab) -> None:
    await admin_tab.open("/settings/tokens")
    await admin_tab.page.fill("#f-subject", "carla")
    await admin_tab.page.fill("#f-projects", "shop")
    await admin_tab.page.check("input[name=roles][value=viewer]")
    await admin_tab.must_be_sound_everywhere("tokens")
    await admin_tab.press("Make token")
    token = await admin_tab.text("code.secret")
    async with a_tab(console.browser, console.url) as hers:
        await hers.sign_in(token, then="/settings/tokens")
        assert "carla" in await hers.text()
        assert "New token" not in await hers.text()
        await admin_tab.open("/settings/tokens")
        admin_tab.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        async with admin_tab.page.expect_navigation():
            await admin_tab.page.locator("tr", has_text="carla").get_by_role("button", name="Revoke").click()
        await hers.open("/settings/tokens")
        assert "/sign-in" in hers.page.url
        assert hers.complaints == []


async def test_a_webhook_that_leads_inside_is_refused(admin_tab: Tab) -> None:
    await admin_tab.open("/projects/shop/webhooks")
    await admin_tab.must_be_sound_everywhere("webhooks")
    await admin_tab.page.fill("#f-url", "https://127.0.0.1/x")
    await admin_tab.press("Make webhook")
    text = await admin_tab.text()
    assert "webhook_" in text
    assert "Overview" in await admin_tab.text("nav >> nth=0"), "still signed in"
