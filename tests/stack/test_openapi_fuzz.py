"""Nothing that can be sent to the gateway is answered with a server error, or otherwise than its document says.

- The requests come from `/openapi.json` itself: an operation that is added is asked too.
- `HALLMARK_FUZZ_EXAMPLES` says how many of each sort are sent to each operation, `HALLMARK_SEED` which ones. Both are
  printed.
- Services try again after an error, so that callers may never see it: their logs are read for errors as well.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import requests
from fastapi.routing import APIRoute

from deploy.local.stack import running_stack
from deploy.system import stack_options
from services.gateway.console.pages import ROUTERS
from tests.support.api_fuzz import ENDLESS, ODD_NAMES, ApiFuzz
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
EXAMPLES = int(os.environ.get("HALLMARK_FUZZ_EXAMPLES", "1"))
SEED = int(os.environ.get("HALLMARK_SEED") or 20261127)
LIVE = "/news"
"""The console's own stream."""


@dataclass
class Scene:
    """A running stack with something of most kinds, and who asks."""

    url: str
    logs: Path
    callers: dict[str, str]
    known: dict[str, str]

    def fuzz(self) -> ApiFuzz:
        print(f"HALLMARK_SEED={SEED} HALLMARK_FUZZ_EXAMPLES={EXAMPLES}")  # noqa: T201 - a failure is repeated with them
        document = requests.get(f"{self.url}/openapi.json", timeout=60).json()
        return ApiFuzz(self.url, document, self.callers, self.known, EXAMPLES, SEED)

    def errors(self) -> list[str]:
        """What the services have logged as errors."""
        lines = (line for log in self.logs.glob("*.log") for line in log.read_text().splitlines())
        return [line[-3000:] for line in lines if '"level": "error"' in line and line.startswith("{")]


async def what_is_known(shop: Shop, promotion: str) -> dict[str, str]:
    """Names and ids that exist."""
    evidence = (await shop.ask("GET", "/projects/shop/evidence")).json()["evidence"][0]["item"]["evidence_id"]
    verdict = (await shop.ask("GET", f"/projects/shop/promotions/{promotion}")).json()["verdict_id"]
    names = {"project": "shop", "application": "web", "version": "1.0", "lifecycle": "default", "trust_root": "test"}
    found = {
        "promotion_id": promotion,
        "evidence_id": evidence,
        "verdict_id": verdict,
        "policy": "qa",
        "service": "gate",
    }
    return names | found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    data = tmp_path_factory.mktemp("fuzz") / "data"
    options = stack_options(data, usual_ports=False)
    admin = (data / "secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, admin) as shop:
        await shop.set_up()
        await shop.create("1.0")
        promotion = (await shop.promote("1.0", "dev"))["promotion_id"]
        viewer = {"subject": "vic", "kind": "human", "grants": {"shop": ["viewer"]}}
        token = (await shop.ask("POST", "/tokens", "viewer", json=viewer)).json()["token"]
        callers = {"admin": admin, "viewer": token, "nobody": ""}
        yield Scene(stack.urls["gateway"], data / "logs", callers, await what_is_known(shop, promotion))


async def test_every_operation_answers_as_its_document_says(scene: Scene) -> None:
    fuzz = scene.fuzz()
    await asyncio.to_thread(fuzz.from_schema)
    print(fuzz.asked, "requests", dict(sorted(fuzz.statuses.items())))  # noqa: T201 - how much was seen
    assert not fuzz.finds, "\n\n".join(fuzz.finds.values())
    assert not scene.errors(), "\n\n".join(scene.errors())


async def test_odd_names_and_bodies_are_refused(scene: Scene) -> None:
    fuzz = scene.fuzz()
    await asyncio.to_thread(fuzz.odd)
    print(fuzz.asked, "requests", dict(sorted(fuzz.statuses.items())))  # noqa: T201 - how much was seen
    assert not fuzz.finds, "\n\n".join(fuzz.finds.values())
    assert not scene.errors(), "\n\n".join(scene.errors())


async def test_methods_that_a_path_does_not_have_are_answered_with_those_it_has(scene: Scene) -> None:
    fuzz = scene.fuzz()
    await asyncio.to_thread(fuzz.other_methods)
    assert not fuzz.finds, "\n\n".join(fuzz.finds.values())


def pages() -> list[str]:
    """The console's addresses that are read."""
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return sorted({route.path for route in routes if "GET" in (route.methods or ())} - {LIVE})


async def test_no_odd_address_of_a_page_is_a_server_error(scene: Scene) -> None:
    def look() -> list[str]:
        chance = random.Random(SEED)  # noqa: S311 - which of them is no secret
        found: list[str] = []
        with requests.Session() as browser:
            browser.post(
                f"{scene.url}/sign-in", data={"token": scene.callers["admin"]}, allow_redirects=False, timeout=60
            )
            assert browser.cookies
            for page in pages():
                for name in chance.sample(ODD_NAMES, min(2 + EXAMPLES, len(ODD_NAMES))):
                    address = re.sub(r"\{[^}]*\}", name, page)
                    request = requests.Request(
                        "GET", scene.url, headers={"accept": chance.choice(["text/html", "*/*"])}
                    )
                    prepared = browser.prepare_request(request)
                    prepared.url = f"{scene.url}{address}?after={name}&limit={name}&since={name}"
                    answer = browser.send(prepared, timeout=60, allow_redirects=False)
                    if answer.status_code >= 500 or "Traceback" in answer.text:
                        found.append(f"{address[:200]}: {answer.status_code} {answer.text[:500]}")
        return found

    assert ENDLESS not in pages()
    assert not await asyncio.to_thread(look)
    assert not scene.errors(), "\n\n".join(scene.errors())
