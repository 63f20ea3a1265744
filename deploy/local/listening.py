"""Whether it is our own process that listens on a port.

Between the choice of a port and its use another process can take it. What then answers there must not be mistaken for
ours: it would be given users and credentials.
"""

from __future__ import annotations

import sys
from pathlib import Path

_LISTEN = "0A"  # TCP_LISTEN in the kernel's tables (proc(5), /proc/net/tcp)
_LOCAL_ADDRESS, _STATE, _INODE = 1, 3, 9


def listens(pid: int, port: int) -> bool:
    """Whether the process itself listens on the IPv4 TCP port; True where the system does not say (no /proc)."""
    if not sys.platform.startswith("linux"):
        return True
    process = Path("/proc") / str(pid)
    try:
        table = (process / "net" / "tcp").read_text(encoding="ascii").splitlines()[1:]
        sockets = {f"socket:[{_inode(line.split(), port)}]" for line in table}
        return any(str(link.readlink()) in sockets for link in (process / "fd").iterdir())
    except OSError:  # it has ended
        return False


def _inode(columns: list[str], port: int) -> str | None:
    local_port = int(columns[_LOCAL_ADDRESS].rpartition(":")[2], 16)
    return columns[_INODE] if columns[_STATE] == _LISTEN and local_port == port else None
