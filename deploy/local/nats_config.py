"""The configuration of the local nats-server: JSON, which its format contains.

Rules
- Loopback only, no monitoring port, no user without a password and rights.
- Every fact is on disk before it is acknowledged (`sync_interval: always`).
- Several servers know each other by a secret of their own, which no client has.
- An empty list of subjects becomes a denial of everything: to the server, an absent list means "anything".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.options import NatsRights
from deploy.local.ports import LOOPBACK
from shared.errors import Invalid

_ROUTE_USER = "route"
_MAX_PAYLOAD_BYTES = 1024 * 1024
_MAX_STORE_BYTES = 16 * 1024**3
"""Above what the streams may grow to together. By default the server takes three quarters of the free disk, and on a
small one refuses to make streams that would need years to fill; a full disk refuses publishes, and the outbox waits."""


@dataclass(frozen=True, slots=True, repr=False)
class Cluster:
    """One server's place among several. Contains a secret, hence no repr."""

    server: str
    """Its name: the same at every start, since the streams' replicas are known by it."""
    port: int
    """Where the other servers reach it."""
    others: tuple[int, ...]
    secret: str


def render(
    *,
    port: int,
    store: Path,
    rights: Mapping[str, NatsRights],
    passwords: Mapping[str, str],
    cluster: Cluster | None = None,
) -> str:
    """The configuration text. Raises `Invalid` without any user, `KeyError` when a user has no password."""
    if not rights:
        raise Invalid("nats_rights_missing", "A NATS server without users would let everybody in.")
    users = [
        {"user": user, "password": passwords[user], "permissions": _permissions(rights[user])}
        for user in sorted(rights)
    ]
    configuration: dict[str, object] = {
        "server_name": "hallmark_local",
        "host": LOOPBACK,
        "port": port,
        "max_payload": _MAX_PAYLOAD_BYTES,
        "jetstream": {"store_dir": str(store), "sync_interval": "always", "max_file_store": _MAX_STORE_BYTES},
        "authorization": {"users": users},
    }
    if cluster:
        configuration |= {"server_name": cluster.server, "cluster": _routes(cluster)}
    return json.dumps(configuration, indent=2) + "\n"


def _routes(cluster: Cluster) -> dict[str, object]:
    return {
        "name": "hallmark",
        "host": LOOPBACK,
        "port": cluster.port,
        "authorization": {"user": _ROUTE_USER, "password": cluster.secret},
        "routes": [f"nats-route://{_ROUTE_USER}:{cluster.secret}@{LOOPBACK}:{port}" for port in cluster.others],
    }


def _permissions(rights: NatsRights) -> dict[str, object]:
    return {
        "publish": _subjects(rights.publish),
        "subscribe": _subjects(rights.subscribe),
        "allow_responses": rights.allow_responses,
    }


def _subjects(allowed: tuple[str, ...]) -> dict[str, list[str]]:
    return {"allow": list(allowed)} if allowed else {"deny": [">"]}
