"""One server of a kind, or several that stand in for each other: their names and folders.

Rules
- One is named `mongod` and lies in `mongo/`; of several the second is `mongod-2` and lies in `mongo/node-2`.
- A folder keeps the number it was begun with: the members of a replica set, and a stream's replicas, know each other.
"""

from __future__ import annotations

from pathlib import Path

from deploy.local.layout import PRIVATE_DIRECTORY, DataDirectory
from shared.errors import Conflict

NATS, MONGOD = "nats-server", "mongod"
NODES = (1, 3)
"""How many of each there may be: fewer than three have no majority left when one fails."""


def names(server: str, nodes: int) -> tuple[str, ...]:
    """The processes of one kind of server, in order."""
    return (server,) if nodes == 1 else tuple(f"{server}-{number}" for number in range(1, nodes + 1))


def is_server(process: str) -> bool:
    """Whether a process of a stack is a server and no service."""
    return any(process in names(server, nodes) for server in (NATS, MONGOD) for nodes in NODES)


def folder_of(process: str, directory: DataDirectory) -> Path:
    """Where a server keeps its data; made where missing."""
    base, _, number = process.removeprefix(NATS).removeprefix(MONGOD).partition("-")
    root = directory.nats if process.startswith(NATS) else directory.mongo
    folder = root / f"{base}node-{number}" if number else root
    folder.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    return folder


def refuse_other_number(directory: DataDirectory, nodes: int) -> None:
    """Raises `Conflict` when the folder was begun with another number of nodes."""
    for root in (directory.nats, directory.mongo):
        found = {path.name for path in root.iterdir()}
        kept = sum(name.startswith("node-") for name in found) or min(len(found), 1)
        if kept not in {0, nodes}:
            raise Conflict(
                "nodes_changed",
                f"The data in {directory.root} belongs to {kept} of each server, not to {nodes}.",
                remedy=f"Start it with --nodes {kept}, or use another data directory.",
            )
