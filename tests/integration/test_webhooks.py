"""Webhooks on a real NATS and a real MongoDB, to real HTTP receivers that behave badly."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.answers import Applied
from contracts.registry.v1.commands import ApplyProject
from contracts.vocabulary import Role
from deploy.local.ports import PortChooser
from shared.crypto.webhook_signature import secret_bytes, verify
from shared.errors import Unauthenticated
from tests.integration.gateway_door import ADMIN, a_door, frames
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.receiver import DRIP, DROP, FLOOD, HANG, HOLD, Receiver, a_receiver
from tests.support.system import System, a_system
from tests.support.webhook_shop import LENIENT, a_webhook_shop

pytestmark = pytest.mark.servers


def ids(receiver: Receiver) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.received]


async def test_what_was_asked_for_arrives_signed_as_a_cloudevent_and_nothing_else_does(tmp_path: Path) -> None:
    async with a_webhook_shop(tmp_path) as shop, a_receiver() as receiver, a_receiver() as others, a_receiver() as told:
        await shop.happens(project="bank")
        webhook = await shop.webhook(receiver)
        changes = await shop.webhook(told, ["webhook.*"])
        await shop.webhook(others, ["promotion.*", "*.completed"])
        await shop.webhook(others, ["*.*"], applications=["web"])
        await shop.webhook(others, ["*.*"], format="cdevents")
        bank = {"url": others.url, "events": ["project.*"]}
        assert (await shop.door.ask("POST", "/projects/bank/webhooks", json=bank)).status_code == 201
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
            assert request.headers["hallmark-page"] == "https://hallmark.example.org/projects/shop"
            assert {"ce-id", "ce-time", "ce-subject"} <= request.headers.keys()
            assert not {"authorization", "hallmark-correlation-id", "ce-datacontenttype"} & request.headers.keys()
        assert len(set(ids(receiver))) == 2
        newest, oldest = await shop.deliveries(webhook)
        assert newest["sequence"] > oldest["sequence"]
        # That webhooks are made is a fact of the project too; their paths are not told, for they may be secrets.
        await eventually(lambda: shop.deliveries(changes, "delivered"), lambda found: len(found) >= 4)
        assert {json.loads(one.body)["change"] for one in told.received} == {"created"}
        assert not [one for one in told.received if b"/hook" in one.body or b"whsec" in one.body]
        assert others.received == []


async def test_41_receivers_that_fail_or_hang_hold_up_nobody_and_get_everything_later(tmp_path: Path) -> None:
    async with (
        a_webhook_shop(tmp_path, webhook_tries=3, webhook_concurrency=2) as shop,
        a_receiver() as good,
        a_receiver(500, 503) as flaky,
        a_receiver(usually=HANG) as hanging,
        a_receiver(DRIP) as slow,
        a_receiver(FLOOD) as flooding,
        a_receiver(DROP) as dropping,
        a_receiver(302) as redirecting,
    ):
        redirecting.headers = f"location: {good.url}/elsewhere\r\n"
        bad = [flaky, hanging, slow, flooding, dropping, redirecting]
        webhooks = [await shop.webhook(one) for one in [good, *bad]]
        await shop.happens(5)
        await shop.until(webhooks[0], "delivered", 5)
        assert {request.path for request in good.received} == {"/hook"}, "redirects are not followed"
        for webhook in (webhooks[1], *webhooks[3:]):
            await shop.until(webhook, "delivered", 5)
        for receiver in (flaky, slow, dropping, redirecting):
            sent = Counter(ids(receiver))
            assert len(sent) == 5
            assert max(sent.values()) > 1, "a delivery keeps its id however often it is sent"
        assert len(flooding.received) == 5, "a status is enough: of an answer without end 64 KiB are read"
        problems = [attempt for one in await shop.deliveries(webhooks[1]) for attempt in one["attempts"]]
        assert {one["problem"] for one in problems} == {"", "answered 500", "answered 503"}

        dead = await shop.until(webhooks[2], "dead", 5)
        assert all(one["tries"] == 3 for one in dead)
        assert dead[0]["attempts"][0]["problem"] == "no complete answer within 1 s"
        assert hanging.most_open <= 2
        hanging.usually = 204
        assert (await shop.post(webhooks[2], f"deliveries/{dead[0]['id']}/replay"))["state"] == "pending"
        (again,) = await shop.until(webhooks[2], "delivered")
        assert again["id"] == dead[0]["id"] == ids(hanging)[-1]
        metrics = (await shop.door.http.get("/metrics")).text
        assert "hallmark_webhook_dead_total 5.0" in metrics
        assert 'hallmark_webhook_attempts_total{outcome="delivered"}' in metrics


async def test_webhooks_are_managed_by_administrators_of_their_project(tmp_path: Path) -> None:
    async with a_webhook_shop(tmp_path) as shop, a_receiver() as receiver, a_receiver() as told, a_receiver() as open_:
        path = "/projects/shop/webhooks"
        always_open = await shop.webhook(open_)
        changes = await shop.webhook(told, ["webhook.changed"])
        body = {"url": f"{receiver.url}?token=canary", "events": ["project.applied"], "secret": f"whsec_{'Q' * 43}="}
        once = {"idempotency-key": "k"}
        webhook = (await shop.door.ask("POST", path, json=body, headers=once)).json()
        twice = await shop.door.ask("POST", path, json=body, headers=once)
        assert (twice.status_code, twice.json()["code"]) == (409, "webhook_already_made")
        assert webhook["secret"] == body["secret"]
        for project, role, status in (
            ("shop", Role.RELEASE_MANAGER, 403),
            ("bank", Role.ADMIN, 403),
            ("shop", Role.ADMIN, 200),
        ):
            token = (await shop.door.token("x", {project: [role]}))["token"]
            for verb in ("", f"/{webhook['id']}", f"/{webhook['id']}/deliveries"):
                assert (await shop.door.ask("GET", path + verb, token=token)).status_code == status
        elsewhere = await shop.door.ask("GET", f"/projects/bank/webhooks/{webhook['id']}")
        assert elsewhere.status_code == 404

        await shop.post(webhook, "pause")
        await shop.happens()
        await shop.until(webhook, "pending")
        assert (await shop.post(webhook, "ping"))["state"] == "delivered"
        assert (await shop.show(webhook))["state"] == "paused"
        await shop.post(webhook, "resume")
        await shop.until(webhook, "delivered", 2)
        ping, fact = receiver.received
        assert (ping.headers["ce-type"], json.loads(fact.body)["project"]) == ("hallmark.ping", "shop")

        rotated = await shop.post(webhook, "rotate", overlap_hours=1)
        await shop.happens()
        await shop.until(webhook, "delivered", 3)
        for secret in (webhook["secret"], rotated["secret"]):
            verify(
                secret_bytes(secret), receiver.received[-1].headers, receiver.received[-1].body, now=datetime.now(UTC)
            )
        await shop.post(webhook, "rotate", overlap_hours=0)
        await shop.happens()
        await shop.until(webhook, "delivered", 4)
        last = receiver.received[-1]
        with pytest.raises(Unauthenticated):
            verify(secret_bytes(rotated["secret"]), last.headers, last.body, now=datetime.now(UTC))

        receiver.usually = 410
        await shop.happens()
        await eventually(lambda: shop.show(webhook), lambda found: found["state"] == "disabled")
        await shop.happens()
        # Facts are handed out in order: what was heard while it is disabled is not for it, even once it is resumed.
        await shop.until(always_open, "delivered", 5)
        receiver.usually = 204
        await shop.post(webhook, "resume")
        await shop.happens()
        await shop.until(webhook, "delivered", 5)

        assert (await shop.door.ask("DELETE", f"{path}/{webhook['id']}")).json()["state"] == "deleted"
        assert (await shop.door.ask("DELETE", f"{path}/{webhook['id']}")).status_code == 200
        left = (await shop.door.ask("GET", path)).json()["webhooks"]
        assert {one["id"] for one in left} == {changes["id"], always_open["id"]}
        expected = ["created", "created", "deleted", "disabled", "paused", "resumed", "resumed", "rotated", "rotated"]

        async def told_of() -> list[str]:
            return sorted(json.loads(one.body)["change"] for one in told.received)

        await eventually(told_of, lambda found: found == expected)


async def test_66_secrets_are_in_no_listing_log_event_metric_or_stored_document(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with (
        a_webhook_shop(tmp_path, webhook_tries=1) as shop,
        a_receiver(usually=500) as receiver,
        a_receiver() as told,
    ):
        changes = await shop.webhook(told, ["webhook.changed"])
        url = f"{receiver.url}/canary-path?key=canary-query"
        answer = await shop.door.ask("POST", "/projects/shop/webhooks", json={"url": url, "events": ["*.*"]})
        webhook = answer.json()
        secret = webhook["secret"].removeprefix("whsec_")
        await shop.happens()
        await shop.until(changes, "delivered", 2)
        await eventually(lambda: shop.deliveries(webhook, "dead"), lambda found: len(found) >= 2)
        wrong = {"url": "https://u:canary-user@x.example/", "events": ["*.*"], "secret": "whsec_canary"}
        refused = await shop.door.ask("POST", "/projects/shop/webhooks", json=wrong)
        malformed = await shop.door.ask("POST", "/projects/shop/webhooks", json={**wrong, "url": ["canary-user"]})
        seen = [
            (await shop.door.ask("GET", "/projects/shop/webhooks")).text.replace("/canary-path", ""),
            json.dumps(await shop.deliveries(webhook)),
            (await shop.door.http.get("/metrics")).text,
            refused.text,
            malformed.text,
            *(one.body.decode() for one in told.received),
            "".join(capfd.readouterr()),
        ]
        database = shop.door.app.state.gateway.database
        kept = [await database.collection(name).find({}) for name in ("webhooks", "webhook_deliveries", "outbox")]
        for text in (*seen, str(kept)):
            assert secret not in text
            assert ADMIN not in text
        for text in seen:
            assert "canary" not in text


async def test_60_what_leads_inside_is_refused_when_it_is_made_and_whenever_it_is_sent_to(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_receiver() as receiver:
        await system.start(service)
        body = {"url": receiver.url, "events": ["project.applied"]}
        async with a_door(system, **LENIENT) as door:
            await door.ask("PUT", "/projects/shop")
            webhook = (await door.ask("POST", "/projects/shop/webhooks", json=body)).json()
        # The same installation, which does not allow networks of its own any more.
        async with a_door(system, **LENIENT | {"webhook_networks": "", "webhook_tries": 1}) as door:
            await door.ask("PUT", "/projects/shop")
            path = f"/projects/shop/webhooks/{webhook['id']}/deliveries?state=dead"

            async def dead() -> Any:
                return (await door.ask("GET", path)).json()["deliveries"]

            (delivery,) = await eventually(dead)
            assert delivery["attempts"][0]["status"] is None
            assert "not public" in delivery["attempts"][0]["problem"]
            assert receiver.received == []
            assert receiver.most_open == 0, "nobody even connected"
            for url in (
                receiver.url,
                f"https://localhost:{receiver.port}/",
                "https://169.254.169.254/latest/meta-data",
                "https://[::ffff:7f00:1]/",
                "https://2130706433/",
                "https://0x7f.1/",
            ):
                refused = await door.ask("POST", "/projects/shop/webhooks", json={**body, "url": url})
                assert (refused.status_code, refused.json()["code"]) == (422, "webhook_url_refused")


async def test_several_gateways_share_the_work_and_one_alone_goes_on(tmp_path: Path) -> None:
    patient = {"webhook_seconds": 30.0}
    async with a_webhook_shop(tmp_path, **patient) as shop, a_receiver(usually=HOLD) as receiver:
        webhook = await shop.webhook(receiver)
        async with a_door(shop.system, **LENIENT | patient, instance="gateway-two"):
            await shop.happens(20)
            # What was read of, not who connected: a request is heard only after its connection is open.
            await eventually(lambda: asyncio.sleep(0, len(receiver.received)), lambda found: found == 8)
            assert len(set(ids(receiver))) == 8, "four at a time each, and nobody sends what another one sends"
            receiver.released.set()
            await shop.until(webhook, "delivered", 20)
        await shop.happens()
        await shop.until(webhook, "delivered", 21)
        assert max(Counter(ids(receiver)).values()) == 1


def a_gateway_process(system: System, port: int, directory: Path) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        **system.servers.env("gateway"),
        "HALLMARK_ISSUERS_DIR": str(directory / "issuers"),
        "HALLMARK_IDENTITY_KEY": str(directory / "gateway.key"),
        "HALLMARK_ADMIN_TOKEN": ADMIN,
        "HALLMARK_HTTP_PORT": str(port),
        "HALLMARK_INSTANCE": "gateway-dying",
        **{f"HALLMARK_{name.upper()}": str(value) for name, value in LENIENT.items()},
    }
    return subprocess.Popen([sys.executable, "-m", "deploy.serve", "gateway"], env=env)


async def test_a_gateway_that_is_killed_in_the_middle_of_a_delivery_loses_nothing(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_receiver(HANG) as receiver:
        await system.start(service)
        port = PortChooser().choose()
        process = a_gateway_process(system, port, tmp_path)
        headers = {"authorization": f"Bearer {ADMIN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=20) as http:

            async def applied() -> bool:
                try:
                    return (await http.put("/projects/shop", json={"title": "Shop"})).is_success
                except httpx.TransportError:
                    return False

            try:
                await eventually(applied, within=120)
                body = {"url": receiver.url, "events": ["project.applied"]}
                assert (await http.post("/projects/shop/webhooks", json=body)).status_code == 201
                assert await applied()
                await eventually(lambda: asyncio.sleep(0, len(receiver.received)))
                process.send_signal(signal.SIGKILL)
                process.wait()
                # What happens while nobody is there is delivered as well.
                asker = await system.asker()
                await asker.ask(ApplyProject(command_id="alone", project="shop", title="Shop"), Applied)
                process = a_gateway_process(system, port, tmp_path)
                await eventually(
                    lambda: asyncio.sleep(0, len(set(ids(receiver)))), lambda found: found == 2, within=120
                )
                await eventually(
                    lambda: asyncio.sleep(0, Counter(ids(receiver))[ids(receiver)[0]]), lambda found: found == 2
                )
            finally:
                process.kill()
                process.wait()


async def test_cdevents_come_by_webhook_and_by_live_stream_as_they_were_said(tmp_path: Path) -> None:
    async with a_webhook_shop(tmp_path) as shop, a_receiver() as receiver, a_receiver() as plain:
        webhook = await shop.webhook(receiver, ["promotion.completed"], format="cdevents")
        everything = await shop.webhook(plain, ["*.*"])
        connection = await shop.system.connect("registry")
        subject = "hallmark.evt.registry.cdevent.published.v1.shop.web"
        said = {}
        for event in ("promotion.completed", "promotion.requested"):
            said[event] = json.dumps({"customData": {"hallmark": {"event": event}}}).encode()
            attributes = {
                "ce-id": event,
                "ce-type": f"dev.cdevents.{event}",
                "ce-specversion": "1.0",
                "ce-source": "/x",
            }
            await connection.jetstream().publish(subject, said[event], headers={"Nats-Msg-Id": event, **attributes})
        await shop.happens()
        await shop.until(webhook, "delivered")
        (request,) = receiver.received
        assert request.body == said["promotion.completed"]
        assert (request.headers["ce-id"], request.headers["ce-type"]) == (
            "promotion.completed",
            "dev.cdevents.promotion.completed",
        )
        assert (await shop.post(webhook, "ping"))["state"] == "delivered"
        assert json.loads(receiver.received[-1].body)["context"]["type"] == receiver.received[-1].headers["ce-type"]
        await eventually(lambda: shop.deliveries(everything))
        assert "cdevent.published" not in {one["event"] for one in await shop.deliveries(everything)}

        authorization = {"authorization": f"Bearer {ADMIN}", "last-event-id": "1"}
        for query, names in (
            ("?format=cdevents", ["dev.cdevents.promotion.completed", "dev.cdevents.promotion.requested"]),
            ("?project=shop&format=cdevents", ["dev.cdevents.promotion.completed", "dev.cdevents.promotion.requested"]),
            ("", ["webhook.changed", "webhook.changed", "project.applied"]),
        ):
            async with shop.door.http.stream("GET", f"/api/v1/stream{query}", headers=authorization) as stream:
                assert [one["event"] for one in await frames(stream.aiter_lines(), len(names))] == names
