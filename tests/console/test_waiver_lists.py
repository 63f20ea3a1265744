"""Waivers in the console by their end."""

from datetime import timedelta

import pytest

from shared.clock import utc_now
from tests.console.conftest import Console
from tests.support.browser import Tab, needs_chromium
from tests.support.person import a_person

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_those_that_end_first_lead(console: Console, admin_tab: Tab) -> None:
    shop = console.shop
    rules = [{"id": "tests", "title": "Tests passed", "kind": "tests_passed"}]
    spec = {"gates": [{"stage": "prod", "gate": "exit"}], "mode": "shadow", "rules": rules}
    document = {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": "shop", "name": "waivable"},
        "spec": spec,
    }
    await shop.ask("PUT", "/projects/shop/policies/waivable", json={"document": document})
    contributor = await a_person(shop, console.stack, "carl", "contributor")
    made = []
    for days in (40, 5, 1, 20):
        body = {
            "application": "web",
            "policy": "waivable",
            "rule": "tests",
            "stage": "prod",
            "waives": {"artifact": "sha256:" + f"{days:02d}" * 32},
            "reason": f"<b>The tests</b> come in {days} days \N{RIGHT-TO-LEFT OVERRIDE} {'y' * 200}",
            "expires_at": (utc_now() + timedelta(days=days, hours=1)).isoformat(),
        }
        made.append((await contributor.ask("POST", "/projects/shop/waivers", body))["waiver_id"])
    for waiver_id in made[:2]:
        await shop.ask("POST", f"/projects/shop/waivers/{waiver_id}/grant", json={"reason": "Agreed."})
    await shop.ask("POST", f"/projects/shop/waivers/{made[3]}/refuse", json={"reason": "No."})

    for path, name in (("/projects/shop/waivers", "waivers"), ("/waivers", "waivers-everywhere")):
        await admin_tab.open(path)
        links = [
            await one.get_attribute("href")
            for one in await admin_tab.page.locator("#waivers tbody a[href*='/waivers/wv-']").all()
        ]
        expected = [f"/projects/shop/waivers/{one}" for one in (made[2], made[1], made[0])]
        assert [one for one in links if one in expected] == expected
        assert f"/projects/shop/waivers/{made[3]}" not in links
        text = await admin_tab.text("#waivers")
        assert "ends in a day" in text
        assert "asked for, not granted" in text
        assert "ends in 40 days" in text
        await admin_tab.must_be_sound_everywhere(name)

    await admin_tab.open("/projects/shop/waivers")
    await admin_tab.page.get_by_role("link", name="Refused").click()
    await admin_tab.page.wait_for_url("**/waivers?state=refused")
    assert "refused by admin" in await admin_tab.text("#waivers")
    await admin_tab.must_be_sound()
    ask = admin_tab.page.get_by_role("link", name="Ask for a waiver")
    assert await ask.get_attribute("href") == "/projects/shop/waivers/new"
