"""Signing in to the console with an access token, and what is refused."""

from __future__ import annotations

import httpx
import pytest

from tests.console.conftest import Console
from tests.support.browser import Tab, needs_chromium

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_one_goes_where_one_wanted_to_go(console: Console, tab: Tab) -> None:
    await tab.open("/?x=1")
    assert tab.page.url == f"{console.url}/sign-in?then=/%3Fx%3D1"
    await tab.must_be_sound_everywhere("sign-in")
    await tab.page.fill("input[name=token]", console.admin)
    await tab.press("Sign in")
    assert tab.page.url == f"{console.url}/?x=1"
    await tab.must_be_sound_everywhere("overview")
    await tab.press("Sign out")
    await tab.open("/")
    assert "/sign-in" in tab.page.url


async def test_a_wrong_token_is_refused(tab: Tab) -> None:
    await tab.open("/sign-in")
    await tab.page.fill("input[name=token]", "hmk_wrong")
    await tab.press("Sign in")
    assert "The access token is not known here." in await tab.text()


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_nobody_is_sent_elsewhere(console: Console, there: str) -> None:
    async with httpx.AsyncClient(base_url=console.url) as http:
        answer = await http.post("/sign-in", data={"token": console.admin, "then": there})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_forged_form_changes_nothing(console: Console) -> None:
    async with httpx.AsyncClient(base_url=console.url) as http:
        await http.post("/sign-in", data={"token": console.admin})
        assert (await http.get("/")).status_code == 200
        forged = await http.post("/sign-out", data={"csrf": "guessed"})
        foreign = await http.post("/sign-out", data={"csrf": "guessed"}, headers={"origin": "https://evil.example"})
        assert (forged.status_code, forged.json()["code"]) == (403, "form_forged")
        assert (foreign.status_code, foreign.json()["code"]) == (403, "form_foreign")
        assert (await http.get("/")).status_code == 200
