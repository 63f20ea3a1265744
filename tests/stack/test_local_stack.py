"""The whole local stack with toy services: order, restarts, and that nothing is left running."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local import supervisor
from deploy.local.layout import DataDirectory
from deploy.local.options import NatsRights, ServiceSpec, StackOptions
from deploy.local.servers import Servers
from deploy.local.stack import running_stack
from deploy.local.state import down, held_lock, load_state
from shared.errors import Conflict, HallmarkError
from tests.support.eventually import eventually

pytestmark = [pytest.mark.servers, pytest.mark.stack]

TOYS = "tests.stack.toy_services"
_FOREGROUND = f"""
import asyncio, sys
from pathlib import Path
from deploy.local.options import NatsRights, ServiceSpec, StackOptions
from deploy.local.stack import run_stack
toy = ServiceSpec("toy", "{TOYS}:serve")
asyncio.run(run_stack(StackOptions(data_dir=Path(sys.argv[1]), services=(toy,), nats_rights={{"toy": NatsRights()}})))
"""


def _options(home: Path, function: str = "serve", **more: object) -> StackOptions:
    toy = ServiceSpec("toy", f"{TOYS}:{function}", env={"EXTRA": "yes"})
    return StackOptions(data_dir=home, services=(toy,), nats_rights={"toy": NatsRights()}, **more)  # type: ignore[arg-type]


def _alive(pids: list[int]) -> list[int]:
    # An orphan that ended stays visible as a zombie until whoever adopted it has noticed.
    states = {
        pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        for pid in pids
        if Path(f"/proc/{pid}").exists()
    }
    return [pid for pid, state in states.items() if state != "Z"]


@pytest.fixture
def foreground(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path, list[int]]]:
    """`run_stack` in a process of its own, ready: that process, its directory, and the ids of all it started."""
    home = tmp_path / "hallmark"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _FOREGROUND, str(home)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        while line := process.stdout.readline():
            if line.startswith(b"toy: ready"):
                break
        deadline = time.monotonic() + 10
        while not (pids := load_state(DataDirectory(home)).pids) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert set(pids) == {"nats-server", "mongod", "toy"}
        yield process, home, list(pids.values())
        process.kill()


async def test_everything_is_up_in_order_and_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # the launcher has one: it must not reach the services
    seen: list[bool] = []

    async def provision(servers: Servers) -> None:
        seen.append(bool(servers.nats_url) and not (tmp_path / "hallmark" / "logs" / "toy-1.log").exists())

    options = _options(tmp_path / "hallmark", scale={"toy": 2}, provision=provision)
    async with running_stack(options) as stack:
        assert seen == [True]
        assert [status.name for status in stack.statuses()] == ["mongod", "nats-server", "toy-1", "toy-2"]
        async with httpx.AsyncClient() as client:
            answer = (await client.get(stack.urls["toy-2"])).json()
        assert answer["same"] is True
        assert answer["pid"] == stack.pids["toy-2"]
        given = answer["given"]
        assert {name: given[name] for name in stack.env["toy-2"]} == stack.env["toy-2"]
        assert (given["HALLMARK_SERVICE"], given["HALLMARK_INSTANCE"], given["EXTRA"]) == ("toy", "toy-2", "yes")
        pids = list(stack.pids.values())
        with pytest.raises(Conflict):
            async with running_stack(options):
                pass
        assert _alive(pids) == pids
    assert _alive(pids) == []
    assert down(tmp_path / "hallmark") is False


@pytest.mark.parametrize("name", ["toy", "nats-server", "mongod"])
async def test_a_killed_process_comes_back(tmp_path: Path, name: str) -> None:
    async with running_stack(_options(tmp_path / "hallmark")) as stack:
        before = stack.pids[name]
        await stack.kill(name)
        await stack.wait_ready(name)
        assert stack.pids[name] != before
        assert {status.name: status.restarts for status in stack.statuses()}[name] == 1


async def test_a_service_that_cannot_start_is_named_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(HallmarkError) as refused:
        async with running_stack(_options(tmp_path / "hallmark", "fail")):
            pass
    assert (refused.value.code, "toy" in refused.value.message) == ("process_not_ready", True)
    assert "toy.log" in refused.value.remedy
    assert "toy cannot start" in (tmp_path / "hallmark" / "logs" / "toy.log").read_text()


async def test_a_module_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    toy = ServiceSpec("toy", "tests.stack.not_there:serve")
    with pytest.raises(HallmarkError) as refused:
        async with running_stack(
            StackOptions(data_dir=tmp_path / "hallmark", services=(toy,), nats_rights={"toy": NatsRights()})
        ):
            pass
    assert (refused.value.code, "not_there" in refused.value.message) == ("service_import_failed", True)


async def test_given_servers_are_used_as_they_are(tmp_path: Path) -> None:
    options = _options(tmp_path / "hallmark", nats_url="nats://elsewhere:4222", mongo_url="mongodb://elsewhere/")
    async with running_stack(options) as stack:
        assert list(stack.pids) == ["toy"]
        assert stack.env["toy"]["HALLMARK_NATS_URL"] == "nats://elsewhere:4222"
        assert stack.env["toy"]["HALLMARK_MONGO_URL"] == "mongodb://elsewhere/"
        assert "HALLMARK_NATS_PASSWORD" not in stack.env["toy"]


async def test_a_service_deaf_to_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.3)
    options = _options(tmp_path / "hallmark", "be_deaf", nats_url="nats://x", mongo_url="mongodb://x")
    async with running_stack(options) as stack:
        pids = list(stack.pids.values())
    assert _alive(pids) == []


async def test_the_end_of_the_launcher_is_noticed(tmp_path: Path) -> None:
    options = _options(tmp_path / "hallmark", nats_url="nats://x", mongo_url="mongodb://x")
    async with running_stack(options) as stack:
        pids = list(stack.pids.values())
        os.kill(stack._supervisor.launcher.pid, signal.SIGKILL)
        await asyncio.wait_for(stack.failed, 60)

    async def alive() -> list[int]:
        return _alive(pids)

    # The kernel kills them when the launcher has ended: nobody is told when they are gone.
    await eventually(alive, lambda left: not left)


def test_nothing_outlives_a_killed_supervisor(foreground: tuple[subprocess.Popen[bytes], Path, list[int]]) -> None:
    process, home, pids = foreground
    assert _alive(pids) == pids
    process.kill()
    process.wait()
    with held_lock(DataDirectory(home)):  # free only when the last process has ended
        assert _alive(pids) == []


def test_down_stops_a_stack_in_the_foreground(foreground: tuple[subprocess.Popen[bytes], Path, list[int]]) -> None:
    process, home, pids = foreground
    assert down(home) is True
    assert process.wait() == 0
    assert _alive(pids) == []
    assert load_state(DataDirectory(home)).supervisor_pid == 0


def test_ctrl_c_reaches_only_the_supervisor_which_stops_the_rest(
    foreground: tuple[subprocess.Popen[bytes], Path, list[int]],
) -> None:
    process, home, pids = foreground
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() == 0
    assert _alive(pids) == []
    heard = DataDirectory(home).log("mongod").read_text()
    assert '"signal":15' in heard
    assert '"signal":2,' not in heard


async def test_a_stranger_on_the_port_is_not_taken_for_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def welcome(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(welcome, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        monkeypatch.setattr("deploy.local.ports._is_free", lambda _: True)  # taken after it was chosen
        toy = ServiceSpec("toy", f"{TOYS}:serve", port)
        with pytest.raises(HallmarkError) as refused:
            async with running_stack(
                StackOptions(data_dir=tmp_path / "h", services=(toy,), nats_url="nats://x", mongo_url="mongodb://x")
            ):
                pass
    assert refused.value.code == "process_not_ready"
