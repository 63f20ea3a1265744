"""A whole Hallmark on this machine, without Docker; and what this command line is configured to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from services.cli import connection
from services.cli.client import client_at
from services.cli.output import out, table
from shared.errors import HallmarkError, Invalid

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where its data lives; .hallmark when absent.")]


def up(
    data_dir: DataDir = None,
    scale: Annotated[list[str] | None, typer.Option(help="SERVICE=N: run more of one; repeat it.")] = None,
    nodes: Annotated[int, typer.Option(help="Of each server: 1, or 3 that stand in for each other.")] = 1,
) -> None:
    """Start NATS, MongoDB, every service and the gateway here, and show how they are. Ctrl-C stops everything.

    HALLMARK_NATS_URL and HALLMARK_MONGO_URL name existing servers to use instead.
    """
    # Imported here: every other command starts faster without the whole system in memory.
    from deploy.local.stack import run_stack  # noqa: PLC0415
    from deploy.system import stack_options  # noqa: PLC0415

    folder = data_dir or connection.data_dir()
    options = stack_options(folder, _scale(scale or []), nodes=nodes)
    asyncio.run(run_stack(replace(options, greeting=partial(_greeting, folder))))


async def _greeting(folder: Path, urls: Mapping[str, str]) -> Sequence[str]:
    """A link that signs the first administrator in, once for an installation; afterwards how to get another."""
    from deploy.secrets import Secrets  # noqa: PLC0415

    secrets = Secrets(folder / "secrets")
    again = f"Sign in: `hallmark admin link` makes a one-time link for whoever can read {secrets.directory}."
    gateway = next((url for name, url in urls.items() if name in ("gateway", "gateway-1")), None)
    if gateway is None or secrets.link_shown.exists():
        return [again]
    try:
        token = secrets.admin_token.read_text().strip()
        answer = await asyncio.to_thread(lambda: client_at(gateway, token).post("/sign-in-links"))
        secrets.link_shown.touch(mode=0o600)
    except (HallmarkError, OSError):
        return [again]
    return [f"Sign in as administrator, once, within ten minutes: {answer['url']}", again]


def down(data_dir: DataDir = None) -> None:
    """Stop the stack that runs in this folder. Its data stays."""
    from deploy.local.state import down as stop  # noqa: PLC0415

    stopped = stop(data_dir or connection.data_dir())
    out.answer({"stopped": bool(stopped)}, "Everything has stopped." if stopped else "Nothing runs here.")


def status(data_dir: DataDir = None) -> None:
    """Where the stack of this folder is, and its processes."""
    path = (data_dir or connection.data_dir()) / "state.json"
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Invalid("stack_unknown", f"There is no stack in {path.parent}.", remedy="Run `hallmark up`.") from error
    pids, urls = state.get("pids") or {}, state.get("urls") or {}
    rows = [(name, pid, urls.get(name)) for name, pid in pids.items()]
    out.answer(state, table(("process", "pid", "address"), rows))


def config() -> None:
    """What is configured, and where each value comes from; secrets masked."""
    rows: list[dict[str, str | None]] = []
    for name, read, secret in (("url", connection.gateway_url, False), ("token", connection.token, True)):
        try:
            setting = read()
            shown = f"{setting.value[:6]}…" if secret else setting.value
            rows.append({"name": name, "value": shown, "origin": setting.origin})
        except HallmarkError as error:
            rows.append({"name": name, "value": None, "origin": error.message})
    rows.append({"name": "data_dir", "value": str(connection.data_dir()), "origin": connection.DATA_DIR})
    out.answer(rows, table(("setting", "value", "from"), [tuple(row.values()) for row in rows]))


def _scale(texts: list[str]) -> dict[str, int]:
    found = {}
    for text in texts:
        name, _, count = text.partition("=")
        if not count.isdigit():
            raise Invalid("scale_malformed", f"{text!r} is no scale.", remedy="Write SERVICE=N, such as gate=3.")
        found[name] = int(count)
    return found


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, config):
        app.command()(command)
