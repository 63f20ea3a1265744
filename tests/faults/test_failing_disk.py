"""The disk under MongoDB fails while evidence is handed in: mongod stops at once, and nothing acknowledged is gone.

The failure is injected into the system calls of the test's own mongod with strace. The local stack's supervisor starts
it again on the same files, as a person would after the disk was put right.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from contracts.evidence.v1.commands import Receipt
from shared.digests import sha256_digest
from tests.support.eventually import eventually
from tests.support.evidence_stack import EvidenceStack, evidence_stack

STRACE = shutil.which("strace")


def can_trace() -> bool:
    return STRACE is not None and subprocess.run([STRACE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.servers,
    pytest.mark.stack,
    pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace here"),
]
FAULTS = [
    ("pwrite64", "EIO", 1),
    ("pwrite64", "ENOSPC", 3),
    ("fdatasync", "EIO", 1),
    ("fdatasync", "EIO", 5),
    ("fdatasync", "ENOSPC", 3),
]


@asynccontextmanager
async def failing(pid: int, call: str, error: str, when: int) -> AsyncIterator[None]:
    """From the `when`-th such call on, each fails in that process."""
    assert STRACE
    inject = f"inject={call}:error={error}:when={when}+"
    tracer = await asyncio.create_subprocess_exec(
        *(STRACE, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, "-p", str(pid)),
    )
    try:
        await eventually(lambda: traced(pid))
        yield
    finally:
        if tracer.returncode is None:
            tracer.send_signal(signal.SIGTERM)
        await tracer.wait()


async def traced(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()  # noqa: ASYNC240 - not a file on a disk
    return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in lines)


async def submit(shop: EvidenceStack, name: str, acknowledged: dict[str, Receipt]) -> None:
    """Hand in one piece, again and again until it is acknowledged."""

    async def once() -> bool:
        answer = await shop.post(shop.envelope(name), name)
        assert answer.status_code in {201, 503}, answer.text
        if answer.status_code == 201:
            acknowledged[name] = Receipt.model_validate_json(answer.content)
        return name in acknowledged

    await eventually(once, within=90)


async def test_what_was_acknowledged_outlives_a_failing_disk(tmp_path: Path) -> None:
    async with evidence_stack(tmp_path) as shop:
        await shop.trust()
        acknowledged: dict[str, Receipt] = {}
        for place, (call, error, when) in enumerate(FAULTS):
            before = shop.stack.pids["mongod"]
            async with failing(before, call, error, when), asyncio.TaskGroup() as working:
                for number in range(8):
                    working.create_task(submit(shop, f"{place}-{number}", acknowledged))
                await eventually(partial(died, before), within=60)
            await eventually(partial(noticed, shop, before), within=60)
            await shop.stack.wait_ready("mongod", 60)
            assert shop.stack.pids["mongod"] != before, f"{call} {error}: it went on"
            for receipt in acknowledged.values():
                shop.watch.check(receipt)
            assert await shop.watch.problems() == [], f"{call} {error}"
        for name, receipt in acknowledged.items():
            path = f"/projects/shop/evidence/{receipt.evidence_id}"
            shown = (await shop.http.get(path)).json()
            assert (shown["item"]["verified"], shown["log_index"]) == (True, receipt.log_index)
            content = (await shop.http.get(f"{path}/envelope")).content
            assert content == shop.envelope(name)
            assert sha256_digest(content) == receipt.content_digest
        assert len(await shop.watch.entries()) == len(FAULTS) * 8 + 1, "each once, and the trust root"


async def noticed(shop: EvidenceStack, pid: int) -> bool:
    """Whether the stack has heard of the end, which its launcher sees first."""
    return shop.stack.pids.get("mongod") != pid


async def died(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
