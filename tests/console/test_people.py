"""People who sign in at an OpenID provider: in a real browser, from its page to ours, and what they may do there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.console.conftest import Console
from tests.support.browser import Tab, a_tab, needs_chromium
from tests.support.issuer_console import IssuerConsole, an_issuer_console
from tests.support.provider import ANN

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]
REFUSED = "Failed to load resource: the server responded with a status of 403 (Forbidden)"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def here(console: Console, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[IssuerConsole]:
    env = next(one for name, one in console.stack.env.items() if name.startswith("gateway"))
    async with an_issuer_console(
        env, tmp_path_factory.mktemp("issuer"), sign_in_name="Example", sign_in_contact="the platform team"
    ) as found:
        yield found


async def test_from_the_providers_page_to_ours_and_from_no_role_to_one(console: Console, here: IssuerConsole) -> None:
    async with (
        a_tab(console.browser, here.url, ignore_https_errors=True) as anns,
        a_tab(console.browser, here.url) as admins,
    ):
        await anns.open("/settings/sessions")
        await anns.must_be_sound_everywhere("sign-in-issuer")
        await anns.page.get_by_role("link", name="Sign in with Example").click()
        # From the provider's site by a redirect: the page in between has the browser send the cookie along.
        await anns.page.wait_for_url(f"{here.url}/settings/sessions")
        assert anns.foreign
        assert all(url.startswith(here.provider.url) for url in anns.foreign)
        anns.foreign.clear()
        await anns.must_be_sound_everywhere("sessions")

        await anns.open("/", 403)
        assert "the platform team" in await anns.text()
        assert (await anns.page.input_value("#own-handle")).startswith("ann#")
        assert anns.complaints == [REFUSED]
        anns.complaints.clear()
        await anns.must_be_sound_everywhere("no-role")

        await admins.sign_in(console.admin)
        await admins.open("/settings/people")
        await admins.must_be_sound_everywhere("people")
        await admins.page.get_by_role("link", name="ann", exact=True).click()
        await admins.page.fill("#f-project", "shop")
        await admins.page.select_option("select[name=role]", "viewer")
        await admins.press("Give")
        await admins.page.fill("#f-project", "*")
        await admins.page.select_option("select[name=role]", "security")
        await admins.press("Give")
        assert "every project" in await admins.text()
        await admins.must_be_sound_everywhere("person")
        await anns.open("/")
        assert "Shop" in await anns.text()

        await admins.press("Take viewer in shop")
        await admins.press("Take security in *")
        await anns.open("/", 403)
        await admins.press("Sign out everywhere")
        await anns.open("/")
        assert "/sign-in" in anns.page.url


async def test_a_link_from_elsewhere_leads_who_is_signed_in_to_the_page(console: Console, here: IssuerConsole) -> None:
    async with a_tab(console.browser, here.url, ignore_https_errors=True) as tab:
        await tab.sign_in(console.admin, "/settings/sessions")
        await tab.page.goto(f"{here.provider.url}/jwks")
        async with tab.page.expect_navigation(url=f"{here.url}/settings/people"):
            await tab.page.evaluate(f"location.href = '{here.url}/settings/people'")
        await tab.page.get_by_role("heading", name="People", exact=True).wait_for()
        # Who is not signed in is asked to, and no page goes round in circles.
        await tab.page.context.clear_cookies()
        await tab.page.goto(f"{here.provider.url}/jwks")
        await tab.page.evaluate(f"location.href = '{here.url}/settings/people'")
        await tab.page.wait_for_url(f"{here.url}/sign-in?then=/settings/people")


async def test_a_one_time_link_is_shown_and_used(console: Console, tab: Tab) -> None:
    async with httpx.AsyncClient(base_url=console.url) as http:
        headers = {"authorization": f"Bearer {console.admin}"}
        made = (await http.post("/api/v1/sign-in-links", headers=headers)).json()
    await tab.page.goto(made["url"])
    await tab.must_be_sound_everywhere("sign-in-link")
    await tab.press("Sign in")
    assert tab.page.url == f"{console.url}/"
    await tab.open("/settings/sessions")
    assert "one-time link" in await tab.text()


async def test_a_name_full_of_signs_is_shown_as_what_it_is(console: Console, here: IssuerConsole) -> None:
    here.provider.who = {
        "sub": "0003<script>alert(1)</script>",
        "preferred_username": "<img src=x onerror=alert(1)>\u202eadmin",
        "email": '"><svg onload=alert(1)>@x.example',
    }
    try:
        async with (
            a_tab(console.browser, here.url, ignore_https_errors=True) as strange,
            a_tab(console.browser, here.url) as admins,
        ):
            await strange.page.goto(f"{here.url}/sign-in/issuer")
            await strange.page.get_by_role("heading", name="hold no role yet").wait_for()
            await admins.sign_in(console.admin, "/settings/people")
            assert "<img src=x onerror=alert(1)>⟦U+202E⟧admin" in await admins.text()
            await admins.must_be_sound()
            await admins.page.get_by_role("link", name="<img src=x").click()
            assert "0003<script>alert(1)</script>" in await admins.text()
            assert "<" not in await admins.page.inner_text("dd >> nth=0")
            await admins.must_be_sound()
    finally:
        here.provider.who = ANN
