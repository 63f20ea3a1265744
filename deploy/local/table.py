"""What a person sees while the stack runs: one live table, or plain lines where there is no terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.local.supervisor import State, Status

_REFRESH_SECONDS = 1.0
_COLOURS = {
    State.STARTING: "yellow",
    State.READY: "green",
    State.UNREADY: "yellow",
    State.WAITING: "red",
    State.STOPPING: "yellow",
    State.STOPPED: "dim",
}


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process in bytes: resident, and its fair share of what it shares with others."""

    resident: int
    proportional: int


def memory_of(pid: int, proc: Path = Path("/proc")) -> Memory | None:
    """The memory of a process, from `smaps_rollup` (proc(5)); None where the system does not say."""
    try:
        text = (proc / str(pid) / "smaps_rollup").read_text(encoding="ascii")
        values = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if line.endswith(" kB")}
        return Memory(int(values["Rss"]) * 1024, int(values["Pss"]) * 1024)
    except (OSError, KeyError, ValueError, IndexError):
        return None


def status_table(statuses: Sequence[Status], memories: Mapping[int, Memory]) -> Table:
    """The table of all processes. `memories` is by process id."""
    table = Table(title="Hallmark")
    for heading in ("name", "state"):
        table.add_column(heading)
    for heading in ("pid", "port", "restarts", "uptime", "RSS", "PSS"):
        table.add_column(heading, justify="right")
    for status in statuses:
        memory = memories.get(status.pid)
        table.add_row(
            status.name,
            f"[{_COLOURS[status.state]}]{status.state}[/]",
            str(status.pid or ""),
            str(status.port),
            str(status.restarts),
            str(timedelta(seconds=int(status.uptime))) if status.pid else "",
            f"{memory.resident / 2**20:.0f} MB" if memory else "",
            f"{memory.proportional / 2**20:.0f} MB" if memory else "",
        )
    return table


def changed_lines(before: Mapping[str, Status], now: Sequence[Status]) -> list[str]:
    """One line for every process whose state or process id is not what it was."""
    lines = []
    for status in now:
        old = before.get(status.name)
        if old is None or (old.state, old.pid) != (status.state, status.pid):
            where = f" (pid {status.pid}, port {status.port})" if status.pid else ""
            ended = f", ended with code {status.exit_code}" if status.state is State.WAITING else ""
            lines.append(f"{status.name}: {status.state}{where}{ended}")
    return lines


async def show_status(
    statuses: Callable[[], Sequence[Status]],
    urls: Mapping[str, str],
    said: Sequence[str] = (),
    *,
    until: asyncio.Future[None],
) -> None:
    """Show the processes, below what is said once, until the future resolves or the caller is cancelled."""
    console = Console()
    for name, url in urls.items():
        console.print(f"{name}: {url}", highlight=False, soft_wrap=True)
    for line in said:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            while not until.done():
                now = statuses()
                found = {status.pid: memory_of(status.pid) for status in now if status.pid}
                live.update(status_table(now, {k: v for k, v in found.items() if v}), refresh=True)
                await asyncio.wait({until}, timeout=_REFRESH_SECONDS)
        return
    before: dict[str, Status] = {}
    while not until.done():
        now = statuses()
        for line in changed_lines(before, now):
            console.print(line, highlight=False, soft_wrap=True, markup=False)
        before = {status.name: status for status in now}
        await asyncio.wait({until}, timeout=_REFRESH_SECONDS)
