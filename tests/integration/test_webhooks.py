"""Webhooks on a real NATS and a real MongoDB, to real HTTP receivers that behave badly."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.crypto.webhook_signature import secret_bytes, verify
from tests.integration.gateway_door import Door, a_door
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.receiver import Receiver, a_receiver
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
LENIENT = {
    "webhook_networks": "127.0.0.0/8",
    "webhook_http_hosts": "127.0.0.1",
    "webhook_ports": "any",
    "webhook_first_wait": 0.05,
    "webhook_seconds": 1.0,
}


@dataclass
class Shop:
    """A gateway in front of a project that can be applied: each time a fact."""

    system: System
    door: Door

    async def webhook(
        self, receiver: Receiver, events: Sequence[str] = ("project.applied",), **more: Any
    ) -> dict[str, Any]:
        body = {"url": receiver.url, "events": list(events), **more}
        made = await self.door.ask("POST", "/projects/shop/webhooks", json=body)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    async def happens(self, times: int = 1, project: str = "shop") -> None:
        for _ in range(times):
            assert (await self.door.ask("PUT", f"/projects/{project}", json={"title": "Shop"})).status_code == 200

    async def deliveries(self, webhook: dict[str, Any], state: str = "") -> list[dict[str, Any]]:
        query = {"state": state} if state else {}
        path = f"/projects/shop/webhooks/{webhook['id']}/deliveries"
        found: list[dict[str, Any]] = (await self.door.ask("GET", path, params=query)).json()["deliveries"]
        return found

    async def until(self, webhook: dict[str, Any], state: str, count: int = 1) -> list[dict[str, Any]]:
        return await eventually(lambda: self.deliveries(webhook, state), lambda found: len(found) == count)

    async def post(self, webhook: dict[str, Any], verb: str, **body: Any) -> Any:
        answer = await self.door.ask("POST", f"/projects/shop/webhooks/{webhook['id']}/{verb}", json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json()


@contextlib.asynccontextmanager
async def a_shop(directory: Path, **settings: Any) -> AsyncIterator[Shop]:
    service = ledger_service()
    async with a_system(directory, service) as system, a_door(system, **LENIENT | settings) as door:
        await system.start(service)
        shop = Shop(system, door)
        await shop.happens()
        yield shop


async def test_a_fact_arrives_signed_as_a_cloudevent(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop, a_receiver() as receiver:
        webhook = await shop.webhook(receiver)
        assert webhook["secret"].startswith("whsec_")
        await shop.happens(2)
        await shop.until(webhook, "delivered", 2)
        assert len(receiver.received) == 2, "what came before it was made is not sent"
        for request in receiver.received:
            verify(secret_bytes(webhook["secret"]), request.headers, request.body, now=datetime.now(UTC))
            assert request.path == "/hook"
            assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
            assert request.headers["content-type"] == "application/json"
            assert request.headers["ce-specversion"] == "1.0"
            assert request.headers["ce-type"] == "hallmark.evt.registry.project.applied.v1"
            assert request.headers["ce-source"] == "/hallmark/registry"
            assert {"ce-id", "ce-time", "ce-subject"} <= request.headers.keys()
            assert "authorization" not in request.headers
        assert len({request.headers["webhook-id"] for request in receiver.received}) == 2
        listed = await shop.deliveries(webhook)
        assert [one["event"] for one in listed] == ["project.applied"] * 2
        assert listed[0]["sequence"] > listed[1]["sequence"]


async def test_only_what_was_asked_for_arrives(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop, a_receiver() as wanted, a_receiver() as others:
        await shop.happens(project="bank")
        everything = await shop.webhook(wanted, ["*.*"])
        await shop.webhook(others, ["promotion.*", "*.completed"])
        await shop.webhook(others, ["*.*"], applications=["web"])
        await shop.webhook(others, ["*.*"], format="cdevents")
        bank = {"url": others.url, "events": ["project.*"]}
        assert (await shop.door.ask("POST", "/projects/bank/webhooks", json=bank)).status_code == 201
        await shop.happens()
        await eventually(lambda: shop.deliveries(everything), lambda found: len(found) >= 5)
        kinds = [one["event"] for one in await shop.deliveries(everything)]
        # Its own making is a fact too, and so is that of the others of this project.
        assert sorted(kinds) == ["project.applied", *["webhook.changed"] * 4]
        await shop.until(everything, "delivered", 5)
        assert others.received == []
        told = [one for one in wanted.received if b"webhook_id" in one.body]
        assert not [one for one in told if b"/hook" in one.body], "the path may be as good as a secret"
