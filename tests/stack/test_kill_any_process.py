"""Kill any one process with SIGKILL in the middle of promotions: it comes back, and everything still holds."""

import asyncio
import os
from pathlib import Path

import nats
import pytest

from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from services.cli.verifier.verify import verify_bundle
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]
PROCESSES = ("registry", "evidence", "gate", "promotion", "monitoring", "gateway", "nats-server", "mongod")


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
    options = stack_options(tmp_path / "data", usual_ports=False)
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
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
