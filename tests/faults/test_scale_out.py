"""Two of every service share the work, and lose nothing when one of each ends, in order or not."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from deploy.local.stack import Stack, running_stack
from deploy.local.supervisor import ended_cleanly
from deploy.secrets import SERVICES
from deploy.system import stack_options
from shared.crypto import keys
from tests.support.eventually import eventually
from tests.support.handled import handled
from tests.support.impatient import Impatient
from tests.support.invariants import require_invariants
from tests.support.recorded import reader_of
from tests.support.traffic import Traffic, lanes_of

pytestmark = [pytest.mark.servers, pytest.mark.stack, pytest.mark.faults]

HEARERS = [name for name in SERVICES if name != "gateway"]
PROMOTIONS, LANES = 48, 8


async def work_of(stack: Stack) -> dict[str, Counter[str]]:
    names = [f"{name}-{number}" for name in HEARERS for number in (1, 2)]
    return dict(zip(names, await asyncio.gather(*(handled(stack.urls[name]) for name in names)), strict=True))


async def test_two_of_each_share_the_work_and_one_of_each_may_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = stack_options(data, dict.fromkeys(SERVICES, 2), usual_ports=False)
    token = (data / "secrets/admin-token").read_text().strip()
    async with (
        running_stack(options) as stack,
        Impatient([stack.urls["gateway-1"], stack.urls["gateway-2"]], token) as client,
        reader_of(stack, data) as reader,
    ):
        traffic = Traffic(client, keys.generate())
        await traffic.set_up(LANES)
        under_way = asyncio.create_task(traffic.run(lanes_of(PROMOTIONS, LANES, seed=5)))

        async def ended() -> int:
            return len(traffic.promotions)

        await eventually(ended, lambda count: count >= PROMOTIONS // 3, within=120)
        for name, counts in (await work_of(stack)).items():
            print(name, dict(counts))  # noqa: T201 - how the work is shared is what this is about
            assert counts["handled"] + counts["accepted"] > 0, f"{name} did nothing"
        seconds = [f"{name}-2" for name in SERVICES]
        await asyncio.gather(*(stack.stop(name) for name in seconds))
        codes = {status.name: status.exit_code for status in stack.statuses() if status.name in seconds}
        assert all(ended_cleanly(code) for code in codes.values()), codes
        await eventually(ended, lambda count: count >= PROMOTIONS // 2, within=120)
        for name in seconds:
            stack.start(name)
        await asyncio.gather(*(stack.wait_ready(name, 60) for name in seconds))
        await asyncio.gather(*(stack.kill(f"{name}-1") for name in SERVICES))
        await under_way
        assert not traffic.problems, traffic.problems
        assert len(traffic.promotions) == PROMOTIONS
        await asyncio.gather(*(stack.wait_ready(f"{name}-1", 60) for name in SERVICES))
        await require_invariants(reader, traffic.acknowledged)
