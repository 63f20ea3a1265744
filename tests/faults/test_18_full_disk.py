"""Row 18: the disk of the NATS store is full. Nothing is acknowledged that is not stored, and with room it goes on.

nats-server gives JetStream up once a write has failed, so going on takes a restart. The server runs on a tmpfs in a
mount namespace of its own; where none can be made, the test says so.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError

from contracts.streams import EVT
from deploy.local.binaries import find_nats_server
from deploy.local.ports import PortChooser
from deploy.provision import stream_config
from tests.support.eventually import eventually

UNSHARE = shutil.which("unshare")
ROOM = "24m"
BODY = b"x" * 64 * 1024


def may_mount() -> bool:
    if UNSHARE is None:
        return False
    tried = [UNSHARE, "-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.servers,
    pytest.mark.faults,
    pytest.mark.skipif(not may_mount(), reason="no tmpfs can be mounted here, not even in a namespace of one's own"),
]


@asynccontextmanager
async def nats_on_a_small_disk(directory: Path) -> AsyncIterator[tuple[str, int]]:
    """The address of JetStream on a disk of that size, and the process in whose namespace that disk is."""
    port, store = PortChooser().choose((0,)), directory / "store"
    store.mkdir()
    conf = directory / "nats.conf"
    conf.write_text(
        f'listen: "127.0.0.1:{port}"\n'
        f'jetstream {{ store_dir: "{store}", max_file_store: 10GB, sync_interval: always }}\n'
    )
    script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && while true; do "$3" -c "$4"; done'
    process = await asyncio.create_subprocess_exec(
        *(str(UNSHARE), "-rm", "sh", "-c", script, "sh", ROOM, str(store), str(find_nats_server()), str(conf)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"nats://127.0.0.1:{port}", process.pid
    finally:
        servers = children(process.pid)
        process.kill()  # First, so that nothing is started again.
        for pid in servers:
            os.kill(pid, signal.SIGKILL)
        await process.wait()


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[JetStreamContext]:
    async def up() -> Client | None:
        try:
            return await nats.connect(url, allow_reconnect=False, connect_timeout=1)
        except (NatsError, OSError):
            return None

    connection = await eventually(up, within=30)
    assert connection is not None
    try:
        yield connection.jetstream(timeout=5)
    finally:
        await connection.close()


async def fill(jetstream: JetStreamContext) -> list[int]:
    """Publish until something is refused; what was acknowledged before."""
    await jetstream.add_stream(stream_config(EVT))
    acknowledged: list[int] = []
    for number in range(1000):
        try:
            subject = f"hallmark.evt.test.fact.said.v1.shop.n{number}"
            acknowledged.append((await jetstream.publish(subject, BODY)).seq)
        except (APIError, NatsError, TimeoutError):
            return acknowledged
    raise AssertionError("the disk never was full")


async def test_18_a_full_nats_store_withholds_the_acknowledgement_and_goes_on_with_room(tmp_path: Path) -> None:
    async with nats_on_a_small_disk(tmp_path) as (url, pid):
        async with connected(url) as jetstream:
            acknowledged = await fill(jetstream)
        assert acknowledged == list(range(1, len(acknowledged) + 1))
        remounted = await asyncio.create_subprocess_exec(
            *("nsenter", "-t", str(pid), "-U", "-m", "--preserve-credentials"),
            *("mount", "-o", "remount,size=96m", str(tmp_path / "store")),
        )
        assert await remounted.wait() == 0
        ended = children(pid)
        for child in ended:
            os.kill(child, signal.SIGTERM)

        async def restarted() -> bool:
            return bool(children(pid)) and not {*ended} & {*children(pid)}

        # The one that is about to end still takes connections, and has given JetStream up.
        await eventually(restarted)
        async with connected(url) as jetstream:
            again = await jetstream.publish("hallmark.evt.test.fact.said.v1.shop.after", b"again")
            assert again.seq > acknowledged[-1]
            for sequence in acknowledged:
                assert (await jetstream.get_msg(EVT.name, sequence)).data == BODY
