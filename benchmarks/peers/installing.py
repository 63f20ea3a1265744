"""Installs the peers into a folder that is thrown away, from the package registries that pip and npm are set up with.

Each is the newest release of the major version that its program here is written for. Raises `NotHereError`, with the
reason, when one cannot be had.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any

PYTHON_PACKAGES = (
    "dbos>=3,<4",
    "restate-sdk>=1,<2",
    "hypercorn",
    "httpx",
    "psycopg[binary]",
    "pymongo>=4.13",
    "uvloop",
)
RESTATE_SERVER = "@restatedev/restate-server@1"
_DEBIAN = Path("/usr/lib/postgresql")


class NotHereError(Exception):
    """A peer cannot be measured on this machine; the text says why."""


async def said(*command: str | Path, env: dict[str, str] | None = None, user: str | None = None) -> str:
    """What a command prints. Raises `NotHereError` when it fails or does not exist."""
    as_user: dict[str, Any] = {"user": user} if user else {}
    try:
        child = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            **as_user,
        )
    except OSError as error:
        raise NotHereError(f"{command[0]} cannot be run: {error}") from error
    out, err = await child.communicate()
    if child.returncode:
        raise NotHereError(f"{command[0]} failed: {err.decode(errors='replace').strip()[-300:]}")
    return out.decode()


async def python_with_peers(folder: Path) -> Path:
    """A Python with the peers' libraries."""
    await said(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    await said(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_PACKAGES)
    return python


async def restate_server(folder: Path) -> Path:
    """The Restate server's program."""
    await said("npm", "install", "--silent", "--ignore-scripts", "--prefix", folder, RESTATE_SERVER)
    found = sorted((folder / "node_modules").glob("@restatedev/restate-server-*/bin/restate-server"))
    if not found:
        raise NotHereError("the package of the Restate server has no program for this machine")
    return found[0]


async def versions(python: Path) -> dict[str, str]:
    """Which releases of the libraries were installed."""
    lines = (await said(python, "-m", "pip", "freeze")).splitlines()
    return dict(line.split("==", 1) for line in lines if line.startswith(("dbos==", "restate")))


def postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`."""
    for folder in sorted(_DEBIAN.glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise NotHereError("PostgreSQL is not installed (Debian: apt-get install postgresql)")


def unprivileged() -> str | None:
    """The user that PostgreSQL runs as, which refuses to run as root; None for oneself."""
    return "postgres" if os.geteuid() == 0 else None
