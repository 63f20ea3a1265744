"""Every page of the console, with text in it that would like to be more than text.

The pages are found in the console's routers, so that a new one is opened here from its first day. A page whose address
has a part that is not known here fails with what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from playwright.async_api import Browser, Dialog

from services.gateway.console.pages import ROUTERS
from shared.crypto import keys
from shared.digests import sha256_digest
from tests.console.conftest import Console
from tests.support.browser import WIDTHS, Tab, a_tab, needs_chromium
from tests.support.eventually import eventually
from tests.support.shop import FINAL, POLICY, TEST_RESULT

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]
SCRIPT = "<script>window.ran='script'</script>"
IMAGE = "<img src=x onerror=\"window.ran='image'\">"
SVG = "<svg onload=\"window.ran='svg'\"><a href=\"javascript:window.ran='link'\">x</a></svg>"
BREAKS_OUT = "\"'></title></textarea></select></button><iframe src=/></iframe>" + SCRIPT
BIDI = "safe\u202egnp.exe\u2066\u200b\u200d"
LONG = "w" * 180
MARKDOWN = "[click](javascript:window.ran='markdown') ![x](https://evil.example/x.png) **bold**"
TEMPLATE = "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7}"
ALL_OF_IT = f"{SCRIPT} {IMAGE} {SVG} {BREAKS_OUT} {BIDI} {LONG} {MARKDOWN} {TEMPLATE}"
QUERIES = ("", f"?then=/{SCRIPT}&q={IMAGE}&search={IMAGE}&code={BREAKS_OUT[:150]}", f"?after={SCRIPT}&state={SCRIPT}")
NOT_PAGES = {"/news", "/sign-in/issuer", "/sign-in/callback"}
"""A stream, and what answers with a redirect or a refusal only; `tests/integration/test_sign_in.py` has them."""
MADE_UP = {
    "/log/consistency",
    "/log/consistency.json",
    "/operations/dead-letters/{service}/{letter_id}",
    "/projects/{project}/alerts/{alert_id}",
    "/projects/{project}/applications/{application}/forecast",
    "/projects/{project}/applications/{application}/versions/{version}/trust",
    "/projects/{project}/rule-templates/{name}",
    "/projects/{project}/settings/lifecycles",
    "/projects/{project}/webhooks/{webhook_id}",
    "/settings/people/{person_id}",
}
"""About what is not there on this stack, or lacks what a form would add: here they say what is wrong."""
PROJECT, APPLICATION, VERSION = "hostile", "words", "1.0"


def pages() -> list[str]:
    """The addresses of every page that is looked at, as the routers write them."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return sorted({route.path for route in routes if "GET" in (route.methods or ())} - NOT_PAGES)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def parts(console: Console) -> dict[str, str]:
    """A project full of such text, and what stands in the addresses of its pages."""
    ask = console.shop.ask
    home = f"/projects/{PROJECT}"
    policy = {
        **POLICY,
        "metadata": {"project": PROJECT, "name": "qa"},
        "spec": {
            "gates": [{"stage": "qa", "gate": "entry"}],
            "waivers": {},
            "rules": [{"id": "tests", "title": ALL_OF_IT[:200], "kind": "tests_passed", "remedy": SCRIPT + BIDI}],
        },
    }
    await ask("PUT", home, json={"title": ALL_OF_IT})
    stages = [
        {"name": "dev", "title": ALL_OF_IT, "open": ["entry", "exit"]},
        {"name": "qa", "title": SCRIPT},
        {"name": "prod"},
    ]
    await ask("PUT", f"{home}/lifecycles/default", json={"stages": stages})
    await ask("PUT", f"{home}/policies/qa", json={"document": policy})
    application = {
        "title": ALL_OF_IT,
        "owners": [SCRIPT, IMAGE, BIDI, LONG],
        "labels": {"text": ALL_OF_IT[:150], "svg": SVG},
    }
    await ask("PUT", f"{home}/applications/{APPLICATION}", json=application)
    key = keys.public_pem(console.shop.key.public_key())
    root = {"keys": [key], "predicate_types": [TEST_RESULT], "role": "test"}
    await ask("PUT", f"{home}/trust-roots/test", json=root)
    digest = sha256_digest(b"hostile")
    version = {
        "version": VERSION,
        "artifacts": [{"purl": "pkg:generic/words@1.0", "digest": digest}],
        "tag": BIDI + SCRIPT,
        "properties": {"text": ALL_OF_IT[:500]},
    }
    await ask("POST", f"{home}/applications/{APPLICATION}/versions", json=version)
    await _promoted(console, home, "dev")
    denied = await _promoted(console, home, "qa")
    now = datetime.now(UTC)
    window = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(), "title": SCRIPT + BIDI}
    await ask("PUT", f"{home}/freezes/words", json={"reason": ALL_OF_IT[:900], "stages": ["prod"], "windows": [window]})
    verdicts = (await ask("GET", f"{home}/applications/{APPLICATION}/versions/{VERSION}/verdicts")).json()["verdicts"]
    evidence = (
        await ask("POST", f"{home}/evidence", "hostile-evidence", content=console.shop.envelope("hostile"))
    ).json()
    wish = {
        "application": APPLICATION,
        "policy": "qa",
        "rule": "tests",
        "stage": "qa",
        "waives": {"artifact": digest},
        "reason": ALL_OF_IT[:900],
        "expires_at": (now + timedelta(days=2)).isoformat(),
    }
    waiver = (await ask("POST", f"{home}/waivers", "hostile-waiver", json=wish)).json()
    return {
        "project": PROJECT,
        "application": APPLICATION,
        "version": VERSION,
        "promotion_id": denied["promotion_id"],
        "verdict_id": verdicts[0]["verdict_id"],
        "evidence_id": evidence["evidence_id"],
        "waiver_id": waiver["waiver_id"],
        "alert_id": "al-" + "0" * 24,
        "table": "delivery",
        "policy": "qa",
        "name": "qa",
        "stage": "qa",
        "lifecycle": "default",
        "freeze": "words",
        "trust_root": "test",
        "service": "gate",
        "letter_id": "1",
        "webhook_id": "0" * 32,
        "person_id": "0" * 64,
        "index": "0",
    }


async def _promoted(console: Console, home: str, stage: str) -> Any:
    body = {
        "application": APPLICATION,
        "version": VERSION,
        "to_stage": stage,
        "patience_seconds": 1,
        "reason": ALL_OF_IT[:900],
    }
    asked = (await console.shop.ask("POST", f"{home}/promotions", f"hostile-{stage}", json=body)).json()
    path = f"{home}/promotions/{asked['promotion_id']}"

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = (await console.shop.ask("GET", path)).json()
        return found

    return await eventually(look, lambda found: found["state"] in FINAL, within=60)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def hostile_tab(console: Console) -> AsyncIterator[Tab]:
    async with a_tab(console.browser, console.url) as tab:
        await tab.sign_in(console.admin)
        yield tab


@pytest.mark.parametrize("page", pages())
async def test_a_page_shows_text_as_text(page: str, parts: dict[str, str], hostile_tab: Tab) -> None:
    unknown = [name for name in re.findall(r"\{(\w+)[^}]*\}", page) if name not in parts]
    assert not unknown, f"{page}: let the fixture `parts` of {__file__} say what to put for {unknown}"
    address = re.sub(r"\{(\w+)[^}]*\}", lambda found: parts[found[1]], page)
    tab = hostile_tab
    dialogs: list[str] = []

    async def dismissed(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        await dialog.dismiss()

    tab.page.on("dialog", dismissed)
    tab.complaints.clear()
    refused = False
    try:
        for query in QUERIES:
            if not await is_page(tab, f"{address}{query}"):
                continue
            answer = await tab.page.goto(f"{tab.url}{address}{query}")
            assert answer is not None
            assert answer.status < 500, f"{address}{query}: {answer.status}"
            if not query:
                assert answer.status in ((404, 422) if page in MADE_UP else (200,)), f"{address}: {answer.status}"
            refused = refused or answer.status >= 400
            await looked_at(tab, refused=refused)
            assert dialogs == []
    finally:
        tab.page.remove_listener("dialog", dismissed)


async def is_page(tab: Tab, address: str) -> bool:
    """Whether a browser would show it; what is data or a picture says so, and must not be taken for a page."""
    answer = await tab.page.request.get(f"{tab.url}{address}", headers={"accept": "text/html"})
    assert answer.status < 500, f"{address}: {answer.status}"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.headers["content-type"].startswith("text/html")


async def looked_at(tab: Tab, *, refused: bool) -> None:
    """Nothing ran, nothing was loaded, nothing stands out at the side, at any width."""
    for pixels in WIDTHS.values():
        await tab.page.set_viewport_size({"width": pixels, "height": 900})
        overflow = await tab.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{tab.page.url} is {overflow} pixels wider than {pixels}"
    assert await tab.page.evaluate("window.ran") is None
    foreign = "script:not([src^='/static/']), iframe, object, embed, [onerror], [onload], [onclick], [style]"
    assert await tab.page.locator(foreign).count() == 0
    assert await tab.page.locator("[href^='javascript:' i], [src^='http'], [action^='http']").count() == 0
    assert "\u202e" not in await tab.page.content()
    kept = [one for one in tab.complaints if not (refused and one.startswith("Failed to load resource"))]
    assert kept == []
    assert tab.foreign == []
    tab.complaints.clear()


async def test_the_text_is_there_as_it_was_written(parts: dict[str, str], hostile_tab: Tab) -> None:
    await hostile_tab.open("/")
    shown = await hostile_tab.text()
    assert parts["project"] == PROJECT
    assert SCRIPT in shown
    assert "⟦U+202E⟧" in shown


async def test_this_test_would_notice(console: Console) -> None:
    """The same checks on a page that does run such text."""
    assert await _ran(console.browser, f"<title>x</title><p>{IMAGE}</p>") == "image"
    assert await _ran(console.browser, "<title>x</title><p>&lt;script&gt;</p>") is None


async def _ran(browser: Browser, content: str) -> Any:
    context = await browser.new_context()
    page = await context.new_page()
    await page.set_content(content)
    await page.wait_for_load_state("networkidle")
    found = await page.evaluate("window.ran || null")
    await context.close()
    return found
