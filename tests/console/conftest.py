"""One stack and one browser for all pages: starting them for each test would take longer than the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from tests.support.browser import Tab, a_tab, browser
from tests.support.shop import Shop


@dataclass
class Console:
    """A stack whose console is looked at, as its administrator."""

    stack: Stack
    shop: Shop
    browser: Browser
    admin: str
    """The administrator's token."""

    @property
    def url(self) -> str:
        return self.stack.urls["gateway"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def console(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    """Project `shop` with application `web` (stages dev, qa, prod) is there; each test adds more under other names."""
    folder: Path = tmp_path_factory.mktemp("console")
    options = stack_options(folder / "data", usual_ports=False)
    admin = (folder / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, admin) as shop, browser() as running:
        await shop.set_up()
        yield Console(stack, shop, running, admin)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(console: Console) -> AsyncIterator[Tab]:
    """A page on which nobody is signed in."""
    async with a_tab(console.browser, console.url) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def admin_tab(console: Console, tab: Tab) -> Tab:
    """A page on which the administrator is signed in."""
    await tab.sign_in(console.admin)
    return tab
