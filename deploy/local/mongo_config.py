"""How the local mongod is started and addressed: pure text, apart from the client library and its import time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from deploy.local.ports import LOOPBACK

REPLICA_SET = "hallmark"
TRANSACTION_SECONDS = 10
"""After this MongoDB ends a transaction nobody goes on with, at most half as long again later.

A process that is killed leaves its transaction open, and with it the locks on what all of them write: the edge of the
log, positions, the outbox. With MongoDB's default of 60 nothing could be appended for up to 90 seconds.
"""


def arguments(program: Path, *, port: int, data: Path, keyfile: Path) -> list[str]:
    """The command line. It holds no secret: everybody on the machine can read it."""
    return [
        *(str(program), "--replSet", REPLICA_SET, "--bind_ip", LOOPBACK, "--port", str(port), "--nounixsocket"),
        *("--dbpath", str(data), "--keyFile", str(keyfile), "--noscripting", "--quiet"),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
        # Not zlib: the packaged 6.0.5 has CVE-2025-14847.
        *("--networkMessageCompressors", "snappy,zstd"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"),
        # A member of several that is asked to end hands over first, and is then kept open for late readers: by default
        # for 15 seconds, of which a stack that stops as a whole has no use.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=1000"),
        # The secrets have 256 random bits, which stretching does not improve; it only slows every connection down.
        *("--setParameter", "scramSHA256IterationCount=5000"),
    ]


def addresses(ports: Sequence[int]) -> str:
    """The members on these ports, as a connection string lists them."""
    return ",".join(f"{LOOPBACK}:{port}" for port in ports)


def server_url(ports: Sequence[int]) -> str:
    """The connection string without anybody's credentials."""
    return f"mongodb://{addresses(ports)}/?replicaSet={REPLICA_SET}"


def user_url(ports: Sequence[int], user: str, secret: str, database: str) -> str:
    """The connection string of one user, with `database` as its default database."""
    return (
        f"mongodb://{quote(user, safe='')}:{quote(secret, safe='')}@{addresses(ports)}/{database}"
        f"?authSource=admin&authMechanism=SCRAM-SHA-256&replicaSet={REPLICA_SET}"
    )
