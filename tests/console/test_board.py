"""The stage board in a real browser: what it shows, moving by button, by keyboard and by drag and drop, and who may."""

from __future__ import annotations

import pytest

from tests.console.conftest import Console
from tests.console.places import HOSTILE, Place, post_as
from tests.support.browser import Tab, needs_chromium

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]
APPLICATION = "/projects/board/applications"


@pytest.fixture(scope="module")
def place(console: Console) -> Place:
    return Place(console, "board")


async def test_the_board_shows_what_stands_where(place: Place, admin_tab: Tab) -> None:
    await place.set_up("shown", "dragged", "keyed", "back", "formed", "guarded", "live", "pressed")
    said = {"title": HOSTILE, "criticality": "critical", "owners": [HOSTILE[:190]], "labels": {"tier": HOSTILE}}
    await place.ask("PUT", "/applications/shown", json=said)
    await place.version("shown", "1.0.0", "dev", "qa", "prod")
    await place.version("shown", "1.1.0", "dev", "qa")
    await place.version("shown", "1.2.0", "dev", tested=False)
    await place.version("shown", "1.3.0-rc.1", tested=False)
    waits = {"application": "shown", "version": "1.2.0", "patience_seconds": 3600}
    await place.ask("POST", "/promotions", json=waits)

    await admin_tab.open(f"{APPLICATION}/shown")
    await admin_tab.page.wait_for_selector("[data-stage=qa] .arriving")
    columns = {stage: await admin_tab.text(f"[data-stage={stage}]") for stage in ("dev", "qa", "prod")}
    assert "1.2.0" in columns["dev"]
    assert "1.1.0" in columns["qa"]
    assert "1.2.0 arrives" in columns["qa"]
    assert "Production" in columns["prod"]
    assert "1.0.0" in columns["prod"]
    assert "1.3.0-rc.1" in await admin_tab.text("[aria-labelledby=s-registered]")
    assert "<script>alert(1)</script>" in await admin_tab.text("h1")
    assert "Release to Production" in columns["qa"]
    assert "on its way to qa" in columns["dev"], "no other move is offered meanwhile"
    assert "Move on" not in columns["dev"]
    await admin_tab.must_be_sound_everywhere("application")


async def test_a_drop_shows_the_forecast_and_promotes_nothing(place: Place, admin_tab: Tab) -> None:
    await place.version("dragged", "1.0.0", "dev", tested=False)
    await admin_tab.open(f"{APPLICATION}/dragged")
    card = admin_tab.page.locator("[data-stage=dev] .version-card")
    await card.drag_to(admin_tab.page.locator("[data-stage=prod]"))
    assert admin_tab.page.url.endswith("/dragged"), "one stage at a time"
    async with admin_tab.page.expect_navigation():
        await card.drag_to(admin_tab.page.locator("[data-stage=qa]"))
    assert "/dragged/forecast?version=1.0.0&kind=promote&to_stage=qa" in admin_tab.page.url
    text = await admin_tab.text()
    assert "Move 1.0.0 from dev on to qa" in text
    assert "It would wait" in text
    assert "Run the tests and attach the result." in text
    await admin_tab.must_be_sound_everywhere("forecast")
    assert len(await place.promotions("dragged")) == 1, "only the one into dev"

    await place.ask("POST", "/evidence", content=place.envelope("dragged", "1.0.0"))
    await admin_tab.page.wait_for_selector("text=Every gate on the way would open now.")
    await admin_tab.must_be_sound()


async def test_the_keyboard_alone_moves_a_version_on_once(place: Place, admin_tab: Tab) -> None:
    await place.version("keyed", "1.0.0", "dev")
    await admin_tab.open(f"{APPLICATION}/keyed")
    await admin_tab.page.get_by_role("link", name="Move on to qa").focus()
    async with admin_tab.page.expect_navigation():
        await admin_tab.page.keyboard.press("Enter")
    form = await admin_tab.page.evaluate("Object.fromEntries(new FormData(document.querySelector('main form')))")
    await admin_tab.page.get_by_role("button", name="Move 1.0.0 from dev on to qa").focus()
    async with admin_tab.page.expect_navigation():
        await admin_tab.page.keyboard.press("Enter")
    promotion = admin_tab.page.url.rsplit("/", 1)[1]
    assert (await place.ended(promotion))["state"] == "completed"

    # The same form again, as after a reload: the same promotion is the answer.
    again = await admin_tab.page.request.post(
        f"{admin_tab.url}{APPLICATION}/keyed/promotions", form=form, max_redirects=0
    )
    assert (again.status, again.headers["location"]) == (303, f"/projects/board/promotions/{promotion}")
    assert len(await place.promotions("keyed")) == 2


async def test_rolling_back_needs_a_reason_and_quarantines(place: Place, admin_tab: Tab) -> None:
    for version in ("1.0.0", "2.0.0"):
        await place.version("back", version, "dev", "qa", "prod")
    await admin_tab.open(f"{APPLICATION}/back")
    await admin_tab.page.get_by_role("link", name="Roll back to 1.0.0").last.click()
    await admin_tab.page.wait_for_selector("h1 >> text=Roll prod back to 1.0.0")
    assert "It would replace 2.0.0 in prod." in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("forecast-rollback")
    await admin_tab.page.get_by_role("button", name="Roll prod back to 1.0.0").click()
    assert "/forecast" in admin_tab.page.url, "the browser asks for the reason"
    await admin_tab.page.fill("textarea[name=reason]", "2.0.0 loses orders")
    await admin_tab.press("Roll prod back to 1.0.0")
    assert (await place.ended(admin_tab.page.url.rsplit("/", 1)[1]))["state"] == "completed"
    admin_tab.complaints.clear()
    await admin_tab.open(f"{APPLICATION}/back")
    column = await admin_tab.text("[data-stage=prod]")
    assert "quarantined 2.0.0" in " ".join(column.split())
    assert "2.0.0 loses orders" in column
    await admin_tab.page.get_by_role("link", name="Certify again", exact=False).first.click()
    await admin_tab.page.wait_for_selector("h1 >> text=again for")
    await admin_tab.open(f"{APPLICATION}/back/forecast?version=1.0.0&kind=demote&to_stage=dev")
    assert "Take 1.0.0 back to dev" in await admin_tab.text("h1")
    await admin_tab.must_be_sound()


async def test_forms_create_a_version_and_change_the_context(place: Place, admin_tab: Tab) -> None:
    await admin_tab.open(f"{APPLICATION}/formed")
    await admin_tab.page.click("#create-version summary")
    await admin_tab.page.fill("#create-version [name=version]", "3.0.0")
    await admin_tab.page.fill("#create-version [name=artifacts]", f"pkg:pypi/formed@3.0.0 {'a' * 64}")
    await admin_tab.press("Register version")
    assert admin_tab.page.url.endswith("/formed/versions/3.0.0")
    made = await place.ask("GET", "/applications/formed/versions/3.0.0")
    assert made["artifacts"] == [{"purl": "pkg:pypi/formed@3.0.0", "digest": f"sha256:{'a' * 64}"}]

    rule = {"versions": ["pkg:pypi/formed"]}
    before = await place.ask("GET", "/applications/formed")
    assert before["intake"] is None, rule
    await admin_tab.open(f"{APPLICATION}/formed")
    await admin_tab.page.click("#context summary")
    await admin_tab.page.fill("#context [name=title]", "Formed")
    await admin_tab.page.fill("#context [name=labels]", "tier=back\nteam = red ")
    await admin_tab.page.select_option("#context [name=criticality]", "low")
    await admin_tab.press("Save")
    shown = await place.ask("GET", "/applications/formed")
    assert (shown["title"], shown["labels"], shown["criticality"]) == ("Formed", {"tier": "back", "team": "red"}, "low")
    assert shown["owners"] == ["team-red"], "what was not touched stays"
    admin_tab.complaints.clear()
    await admin_tab.page.click("#create-version summary")
    await admin_tab.page.fill("#create-version [name=version]", "4.0.0")
    await admin_tab.page.fill("#create-version [name=artifacts]", "no artifact")
    await admin_tab.press("Register version")
    assert "Write one artifact a line" in await admin_tab.text()


async def test_a_viewer_sees_no_buttons_and_is_refused(place: Place, tab: Tab) -> None:
    await place.version("guarded", "1.0.0", "dev")
    viewer = await place.token("viewer")
    await tab.sign_in(viewer, f"{APPLICATION}/guarded")
    assert "1.0.0" in await tab.text("[data-stage=dev]")
    assert await tab.page.locator("main button, main .button, main form, [draggable]").count() == 0
    await tab.open(f"{APPLICATION}/guarded/forecast?version=1.0.0&kind=promote&to_stage=qa")
    assert "Your role does not let you ask for this." in await tab.text()
    await tab.must_be_sound_everywhere("forecast-viewer")
    path = f"{APPLICATION}/guarded"
    sent = (
        (f"{path}/promotions", {"version": "1.0.0", "to_stage": "qa"}),
        (f"{path}/versions", {"version": "9", "artifacts": f"pkg:pypi/x@9 {'b' * 64}"}),
        (path, {"title": "mine"}),
        (APPLICATION, {"application": "mine"}),
    )
    for where, fields in sent:
        refused = await post_as(place.console, viewer, where, **fields)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_missing"), where
    contributor = await place.token("contributor", subject="carl")
    released = {"version": "1.0.0", "to_stage": "dev", "kind": "recertify"}
    assert (await post_as(place.console, contributor, f"{path}/promotions", **released)).status_code == 403
    assert len(await place.promotions("guarded")) == 1


async def test_the_board_follows_what_happens(place: Place, admin_tab: Tab) -> None:
    await place.version("live", "1.0.0")
    await admin_tab.open(f"{APPLICATION}/live")
    await admin_tab.page.wait_for_selector("#live-state >> text=Live")
    await place.promote("live", "1.0.0", "dev")
    await admin_tab.page.wait_for_selector("[data-stage=dev] .version-card >> text=1.0.0")
    await admin_tab.must_be_sound()


async def test_news_take_no_link_away_between_press_and_release(place: Place, admin_tab: Tab) -> None:
    await place.version("pressed", "1.0.0")
    await admin_tab.open(f"{APPLICATION}/pressed")
    await admin_tab.page.wait_for_selector("#live-state >> text=Live")
    mouse = admin_tab.page.mouse

    await admin_tab.page.locator("h1").hover()
    await mouse.down()
    await place.version_is_news(admin_tab, "pressed", "1.1.0")
    assert await admin_tab.page.get_by_text("1.1.0").count() == 0, "nothing moves while a button is held"
    await mouse.up()
    await admin_tab.page.get_by_text("1.1.0").first.wait_for()

    await admin_tab.page.locator(".version-card[draggable]").first.hover()
    await mouse.down()
    await admin_tab.page.locator("h1").hover()
    await admin_tab.page.locator("[data-stage].can-take").first.wait_for()
    await place.version_is_news(admin_tab, "pressed", "1.1.1")
    assert await admin_tab.page.get_by_text("1.1.1").count() == 0, "nor while a version is dragged"
    await mouse.up()
    await admin_tab.page.get_by_text("1.1.1").first.wait_for()

    await admin_tab.page.get_by_role("link", name="Move on to dev").first.hover()
    await mouse.down()
    await place.version_is_news(admin_tab, "pressed", "1.2.0")
    async with admin_tab.page.expect_navigation():
        await mouse.up()
    assert "/pressed/forecast?" in admin_tab.page.url
    await admin_tab.must_be_sound()
