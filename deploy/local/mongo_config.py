"""How the local mongod is started and addressed: pure text, apart from the client library and its import time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local.options import DATABASE_PREFIX, MongoRights
from deploy.local.ports import LOOPBACK

REPLICA_SET = "hallmark"
CONFINED = "service"
"""The name of the role of a confined user, in that user's own database."""
_ANYWHERE = ("find", "insert", "createCollection", "createIndex", "listCollections", "listIndexes", "collStats")
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


def role_of(user: str, rights: Mapping[str, MongoRights]) -> dict[str, str]:
    """The one role that a user has."""
    return {"role": CONFINED if user in rights else "readWrite", "db": DATABASE_PREFIX + user}


def privileges(user: str, rights: MongoRights) -> list[dict[str, Any]]:
    """The privileges of a confined user's role, as `createRole` takes them.

    It may read its own database and insert into it; change and remove documents only where its rights say so. MongoDB
    has no privilege that takes another one back, so that what is not named cannot be changed.
    """
    database = DATABASE_PREFIX + user
    actions: dict[str, list[str]] = {"": [*_ANYWHERE]}
    for action, collections in (("update", rights.updates), ("remove", rights.removes)):
        for collection in collections:
            actions.setdefault(collection, []).append(action)
    return [
        {"resource": {"db": database, "collection": collection}, "actions": allowed}
        for collection, allowed in actions.items()
    ]
