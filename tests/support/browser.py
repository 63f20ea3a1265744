"""A real Chromium that looks at the console's pages, and notices what goes wrong on them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FloatRect, Page, Request, async_playwright

CHROMIUM = os.environ.get("HALLMARK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")
SERIOUS = ("serious", "critical")
WIDTHS = {"wide": 1280, "narrow": 390}
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: pages are not looked at")
_ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = _ROOT / "docs/screenshots"
_PICTURED = 1500
"""Pixels of a long page that its picture shows."""


@dataclass
class Tab:
    """One page in a browser, with what it complained of and whom it asked."""

    page: Page
    url: str
    """Where the console is."""
    complaints: list[str] = field(default_factory=list)
    """Errors that the page's console showed, and scripts that failed."""
    foreign: list[str] = field(default_factory=list)
    """Requests to anybody but the console."""

    async def open(self, path: str, status: int = 200) -> None:
        """Go to a page, and expect its status."""
        answer = await self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"

    async def sign_in(self, token: str, then: str = "/") -> None:
        """Sign in with an access token."""
        await self.open(f"/sign-in?then={then}")
        await self.page.fill("input[name=token]", token)
        await self.page.click("main button.primary")
        await self.page.wait_for_url(f"{self.url}{then}")

    async def text(self, selector: str = "main") -> str:
        """The visible text of the first match."""
        return await self.page.inner_text(selector)

    async def press(self, name: str) -> None:
        """Click the button of that name and wait for the page that follows."""
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).first.click()

    async def must_be_sound(self) -> None:
        """No error in the page's console, no request elsewhere, nothing serious for people who cannot see or point."""
        assert self.complaints == []
        assert self.foreign == []
        found = await Axe().run(self.page)
        serious = [one for one in found.response["violations"] if one["impact"] in SERIOUS]
        assert not serious, [(one["id"], [node["target"] for node in one["nodes"]][:5]) for one in serious]
        overflow: Any = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"the page is {overflow} pixels wider than its window"

    async def must_be_sound_everywhere(self, name: str) -> None:
        """As `must_be_sound` wide and light, narrow and dark.

        Where `HALLMARK_SCREENSHOTS` is set, in the other two ways as well, and with pictures in docs/screenshots.
        """
        pictured = bool(os.environ.get("HALLMARK_SCREENSHOTS"))
        ways = (("wide", "light"), ("narrow", "dark"))
        for width, scheme in (*ways, ("wide", "dark"), ("narrow", "light")) if pictured else ways:
            await self.page.emulate_media(
                color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce"
            )
            await self.page.set_viewport_size({"width": WIDTHS[width], "height": 900})
            await self.must_be_sound()
            if pictured:
                SCREENSHOTS.mkdir(parents=True, exist_ok=True)
                path = SCREENSHOTS / f"{name}-{width}-{scheme}.png"
                height: int = await self.page.evaluate("document.documentElement.scrollHeight")
                clip: FloatRect = {"x": 0, "y": 0, "width": WIDTHS[width], "height": min(height, _PICTURED)}
                await self.page.screenshot(path=path, full_page=True, clip=clip)
                _slim(path)
        await self.page.emulate_media(color_scheme="light")
        await self.page.set_viewport_size({"width": WIDTHS["wide"], "height": 900})


def _slim(picture: Path) -> None:
    """With few colours, as pages have them, a picture takes a third: some hundreds of them live in the repository."""
    if slimmer := shutil.which("pngquant"):
        subprocess.run([slimmer, "--force", "--skip-if-larger", "--output", picture, "32", picture], check=False)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def a_tab(running: Browser, url: str, **options: Any) -> AsyncIterator[Tab]:
    """A page of its own, with cookies of its own."""
    context = await running.new_context(**options)
    page = await context.new_page()
    tab = Tab(page, url)
    page.on("console", lambda said: tab.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))

    def asked(request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(url).netloc and not request.url.startswith("data:"):
            tab.foreign.append(request.url)

    page.on("request", asked)
    try:
        yield tab
    finally:
        await context.close()
