from __future__ import annotations

import asyncio
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.supervisor import State, Status
from deploy.local.table import Memory, changed_lines, memory_of, show_status, status_table

READY = Status("gate", State.READY, 41, 8081, 2, 61.0, None)
WAITING = Status("gate", State.WAITING, 0, 8081, 3, 0.0, -9)


def test_the_table_shows_what_runs_and_what_it_costs() -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(status_table([READY], {41: Memory(50 * 2**20, 20 * 2**20)}))
    text = console.export_text()
    for expected in ("gate", "ready", "41", "8081", "2", "0:01:01", "50 MB", "20 MB"):
        assert expected in text


def test_a_line_appears_only_for_a_change() -> None:
    assert changed_lines({}, [READY]) == ["gate: ready (pid 41, port 8081)"]
    assert changed_lines({"gate": READY}, [READY]) == []
    assert changed_lines({"gate": READY}, [WAITING]) == ["gate: waiting to restart, ended with code -9"]


def test_memory_is_read_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "41").mkdir()
    (tmp_path / "41" / "smaps_rollup").write_text("00-ff ---p 00 00:00 0 [rollup]\nRss:   100 kB\nPss:    40 kB\n")
    assert memory_of(41, tmp_path) == Memory(102400, 40960)
    assert memory_of(42, tmp_path) is None


async def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    until: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def statuses() -> list[Status]:
        until.set_result(None)
        return [READY]

    await show_status(statuses, {"gateway": "http://127.0.0.1:8080"}, until=until)
    assert capsys.readouterr().out.splitlines() == ["gateway: http://127.0.0.1:8080", "gate: ready (pid 41, port 8081)"]
