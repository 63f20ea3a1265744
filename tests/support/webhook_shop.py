"""A gateway in front of a project in which facts can be made to happen, and its webhooks."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.gateway_door import Door, a_door
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.receiver import Receiver
from tests.support.system import System, a_system

LENIENT: dict[str, Any] = {
    "webhook_networks": "127.0.0.0/8",
    "webhook_http_hosts": "127.0.0.1",
    "webhook_ports": "any",
    "webhook_first_wait": 0.05,
    "webhook_seconds": 1.0,
    "public_url": "https://hallmark.example.org",
}
"""Receivers on this machine, and little patience."""


@dataclass
class WebhookShop:
    """Project `shop`. Each time it is applied is a fact, `project.applied`."""

    system: System
    door: Door

    async def webhook(self, receiver: Receiver, events: Sequence[str] = ("project.applied",), **more: Any) -> Any:
        body = {"url": receiver.url, "events": list(events), **more}
        made = await self.door.ask("POST", "/projects/shop/webhooks", json=body)
        assert made.status_code == 201, made.text
        return made.json()

    async def happens(self, times: int = 1, project: str = "shop") -> None:
        for _ in range(times):
            assert (await self.door.ask("PUT", f"/projects/{project}", json={"title": "Shop"})).status_code == 200

    async def deliveries(self, webhook: Any, state: str = "") -> list[dict[str, Any]]:
        query = {"state": state} if state else {}
        path = f"/projects/shop/webhooks/{webhook['id']}/deliveries"
        found: list[dict[str, Any]] = (await self.door.ask("GET", path, params=query)).json()["deliveries"]
        return found

    async def until(self, webhook: Any, state: str, count: int = 1) -> list[dict[str, Any]]:
        """The deliveries in that state, once there are so many."""
        return await eventually(lambda: self.deliveries(webhook, state), lambda found: len(found) == count)

    async def post(self, webhook: Any, verb: str, **body: Any) -> Any:
        answer = await self.door.ask("POST", f"/projects/shop/webhooks/{webhook['id']}/{verb}", json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def show(self, webhook: Any) -> Any:
        return (await self.door.ask("GET", f"/projects/shop/webhooks/{webhook['id']}")).json()


@contextlib.asynccontextmanager
async def a_webhook_shop(directory: Path, **settings: Any) -> AsyncIterator[WebhookShop]:
    service = ledger_service()
    async with a_system(directory, service) as system, a_door(system, **LENIENT | settings) as door:
        await system.start(service)
        shop = WebhookShop(system, door)
        await shop.happens()
        yield shop
