"""The overview and the page of a project: filters, lists, forms, and only what one may see."""

from __future__ import annotations

import pytest

from tests.console.conftest import Console
from tests.console.places import HOSTILE, Place
from tests.support.browser import Tab, needs_chromium

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def place(console: Console) -> Place:
    return Place(console, "over")


async def test_the_overview_says_what_is_on_its_way_stopped_and_released(place: Place, admin_tab: Tab) -> None:
    await place.set_up("over-billing", "over-search")
    said = {"title": HOSTILE, "criticality": "critical", "owners": ["team-over"]}
    await place.ask("PUT", "/applications/over-billing", json=said)
    await place.version("over-billing", "1.0.0", "dev", "qa", "prod")
    await place.version("over-search", "2.0.0", "dev", tested=False)
    late = {"application": "over-search", "version": "2.0.0", "patience_seconds": 1}
    expired = await place.ask("POST", "/promotions", json=late)
    assert (await place.ended(expired["promotion_id"]))["state"] == "expired"

    await admin_tab.open("/?project=over")
    assert "over-billing 1.0.0" in await admin_tab.text("[aria-labelledby=h-released]")
    stopped = await admin_tab.text("[aria-labelledby=h-stopped]")
    assert "over-search 2.0.0" in stopped
    assert "Run the tests and attach the result." in stopped
    await admin_tab.page.wait_for_selector("[aria-labelledby=h-trust] >> text=trusted 1")
    assert "High" in await admin_tab.text("[aria-labelledby=h-trust]")
    await admin_tab.must_be_sound_everywhere("overview-project")

    await admin_tab.page.fill("[name=owner]", "team-over")
    await admin_tab.press("Show")
    listed = await admin_tab.text("[aria-labelledby=h-applications]")
    assert "over-billing" in listed
    assert "over-search" not in listed
    await admin_tab.open("/?name=r-sear")
    listed = await admin_tab.text("[aria-labelledby=h-applications]")
    assert "over-search" in listed
    assert "over-billing" not in listed
    await admin_tab.open("/")
    await admin_tab.must_be_sound_everywhere("overview")


async def test_a_project_shows_its_lifecycle_and_gets_an_application(place: Place, admin_tab: Tab) -> None:
    await admin_tab.open("/projects/over")
    assert "Project over" in await admin_tab.text("h1")
    assert await admin_tab.page.get_by_role("img", name="entry: shut until its policies allow").count() == 1
    assert await admin_tab.page.get_by_role("img", name="entry: open, needs no policy").count() == 2
    await admin_tab.must_be_sound_everywhere("project")
    await admin_tab.page.click("#create summary")
    await admin_tab.page.fill("#create [name=application]", "over-new")
    await admin_tab.page.select_option("#create [name=criticality]", "medium")
    await admin_tab.page.fill("#create [name=owners]", "team-a\nteam-b")
    await admin_tab.press("Create application")
    assert admin_tab.page.url.endswith("/projects/over/applications/over-new")
    assert "Nothing stands here." in await admin_tab.text("[data-stage=dev]")
    await admin_tab.must_be_sound_everywhere("application-empty")
    made = await place.ask("GET", "/applications/over-new")
    assert (made["criticality"], made["owners"]) == ("medium", ["team-a", "team-b"])
    await admin_tab.open("/projects/over")
    await admin_tab.page.click("#create summary")
    await admin_tab.page.fill("#create [name=application]", "over-new")
    await admin_tab.press("Create application")
    assert "There is an application over-new in over already." in await admin_tab.text()


async def test_one_sees_only_what_one_may(place: Place, tab: Tab) -> None:
    await tab.sign_in(await place.token("viewer"))
    text = await tab.text()
    assert "over-billing" in text
    assert "shop" not in text
    await tab.open("/projects/over")
    assert await tab.page.locator("main form, main button").count() == 0
    await tab.must_be_sound()
    await tab.open("/?project=shop", 403)
    await tab.open("/projects/shop", 403)
