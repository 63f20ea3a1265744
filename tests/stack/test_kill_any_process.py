"""Kill any one process with SIGKILL in the middle of promotions: it comes back, and everything still holds."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest

from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from services.cli.verify_bundle import verify_bundle
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.support.eventually import eventually

pytestmark = [pytest.mark.servers, pytest.mark.stack]
PROCESSES = ("registry", "evidence", "gate", "promotion", "monitoring", "gateway", "nats-server", "mongod")
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
FINAL = {"completed", "denied", "cancelled", "expired", "failed"}
POLICY = {
    "apiVersion": "hallmark/v1",
    "kind": "Policy",
    "metadata": {"project": "shop", "name": "qa"},
    "spec": {
        "gates": [{"stage": "qa", "gate": "entry"}],
        "mode": "block",
        "rules": [{"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "test"}],
    },
}


class Shop:
    """A project on a running stack, by HTTP, as impatient as any client: it repeats until it is answered."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=f"{stack.urls['gateway']}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30
        )
        self.key = keys.generate()

    async def ask(self, method: str, path: str, key: str = "", **options: Any) -> Any:
        async def once() -> httpx.Response | None:
            try:
                return await self.http.request(
                    method, path, headers={"idempotency-key": (key or path).lstrip("/")}, **options
                )
            except httpx.TransportError:
                return None

        answer = await eventually(once, lambda found: found is not None and found.status_code < 500, within=60)
        assert answer is not None
        assert answer.is_success, answer.text
        return answer

    async def set_up(self) -> None:
        stages = [{"name": "dev", "open": ["entry", "exit"]}, {"name": "qa"}, {"name": "prod"}]
        root = {"keys": [keys.public_pem(self.key.public_key())], "predicate_types": [TEST_RESULT], "role": "test"}
        await self.ask("PUT", "/projects/shop", json={"title": "Shop"})
        await self.ask("PUT", "/projects/shop/lifecycles/default", json={"stages": stages})
        await self.ask("PUT", "/projects/shop/applications/web", json={"criticality": "high"})
        await self.ask("PUT", "/projects/shop/trust-roots/test", json=root)
        await self.ask("PUT", "/projects/shop/policies/qa", json={"document": POLICY})

    async def create(self, version: str) -> None:
        digest = sha256_digest(version.encode())
        body = {"version": version, "artifacts": [{"purl": f"pkg:pypi/web@{version}", "digest": digest}]}
        await self.ask("POST", "/projects/shop/applications/web/versions", f"create-{version}", json=body)
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
            "predicateType": TEST_RESULT,
            "predicate": {"result": "PASSED", "configuration": [], "passedTests": [version]},
        }
        envelope = dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.key])
        await self.ask("POST", "/projects/shop/evidence", f"evidence-{version}", content=envelope)

    async def promote(self, version: str, stage: str) -> dict[str, Any]:
        """Ask twice with one key, as a client does that got no answer, and follow it to its end."""
        body = {"application": "web", "version": version, "to_stage": stage, "patience_seconds": 90}
        key = f"{version}-{stage}"
        first, again = [(await self.ask("POST", "/projects/shop/promotions", key, json=body)).json() for _ in range(2)]
        assert first["promotion_id"] == again["promotion_id"]
        path = f"/projects/shop/promotions/{first['promotion_id']}"

        async def look() -> dict[str, Any]:
            found: dict[str, Any] = (await self.ask("GET", path)).json()
            return found

        return await eventually(look, lambda found: found["state"] in FINAL, within=100)


async def dead_letters(stack: Stack) -> int:
    env = stack.servers.env("provision")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_provision",
    )
    info = await connection.jetstream().stream_info("HALLMARK_DEAD")
    await connection.close()
    return info.state.messages


@pytest.mark.parametrize("process", PROCESSES)
async def test_promotions_survive_the_death_of(tmp_path: Path, process: str) -> None:
    options = stack_options(tmp_path / "data")
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack:
        shop = Shop(stack, token)
        await shop.set_up()
        versions = [f"1.{number}" for number in range(3)]
        for version in versions:
            await shop.create(version)
        before = stack.pids[process]
        for version in versions:
            under_way = asyncio.create_task(shop.promote(version, "dev"))
            await asyncio.sleep(0)
            await stack.kill(process)
            assert (await under_way)["state"] == "completed"
            assert (await shop.promote(version, "qa"))["state"] == "completed"
        await stack.wait_ready(process)
        assert stack.pids[process] != before
        assert os.path.exists(f"/proc/{stack.pids[process]}")  # noqa: PTH110, ASYNC240 - one look at the process table

        for version in versions:
            path = f"/projects/shop/applications/web/versions/{version}"
            view = (await shop.ask("GET", path)).json()
            assert [move["to_stage"] for move in view["history"]] == ["dev", "qa"], "each move once"
            evidence = (await shop.ask("GET", f"{path}/evidence")).json()["evidence"]
            assert len(evidence) == 1
            assert evidence[0]["log_index"] is not None
            bundle = (await shop.ask("GET", f"{path}/bundle")).content
            report = verify_bundle(bundle)
            assert report.passed, report.as_json()
        promotions = (await shop.ask("GET", "/projects/shop/promotions")).json()["promotions"]
        assert len(promotions) == 2 * len(versions)
        assert await dead_letters(stack) == 0
        await shop.http.aclose()
