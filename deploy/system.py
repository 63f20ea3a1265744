"""The whole system as one list: which services there are, what they need, and a local stack of all of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from deploy.local.options import MongoRights, NatsRights, ServiceSpec, StackOptions
from deploy.local.servers import Servers
from deploy.provision import provision_at
from deploy.rights import PROVISION, all_mongo_rights, all_rights
from deploy.secrets import SERVICES, Secrets, create_secrets
from services.evidence.app import SERVICE as EVIDENCE
from services.gate.app import SERVICE as GATE
from services.monitoring.app import SERVICE as MONITORING
from services.promotion.app import SERVICE as PROMOTION
from services.registry.app import SERVICE as REGISTRY
from shared.service import Service

ALL: tuple[Service[Any], ...] = (REGISTRY, EVIDENCE, GATE, PROMOTION, MONITORING)
GATEWAY_PORT = 8080


def rights() -> dict[str, NatsRights]:
    """Every NATS user with its rights."""
    return all_rights(ALL)


def mongo_rights() -> dict[str, MongoRights]:
    """Every MongoDB user that is confined."""
    return all_mongo_rights(ALL)


def service_environment(name: str, secrets: Secrets) -> dict[str, str]:
    """What a service process needs to know beside where its servers are."""
    env = {
        "HALLMARK_ISSUERS_DIR": str(secrets.issuers),
        "HALLMARK_IDENTITY_KEY": str(secrets.identity(name)),
    }
    if name == "evidence":
        env["HALLMARK_SIGNING_KEY"] = str(secrets.signing_key)
        env["HALLMARK_NEXT_SIGNING_KEY"] = str(secrets.next_signing_key)
        env["HALLMARK_CHECKPOINT_DIR"] = str(secrets.directory.parent / "checkpoints")
    if name == "monitoring":
        env["HALLMARK_ADVISORY_SPOOL_DIR"] = str(secrets.directory.parent / "advisories")
    if name == "gateway":
        env["HALLMARK_ADMIN_TOKEN"] = secrets.admin_token.read_text().strip()
    return env


def stack_options(
    data_dir: Path, scale: Mapping[str, int] | None = None, *, nodes: int = 1, usual_ports: bool = True
) -> StackOptions:
    """A local stack of everything. `HALLMARK_NATS_URL` and `HALLMARK_MONGO_URL` name existing servers and win."""
    secrets = create_secrets(data_dir.resolve() / "secrets")
    specs = [
        ServiceSpec(
            name,
            f"services.{name}.app:run",
            health_port=GATEWAY_PORT if name == "gateway" and usual_ports else 0,
            env=service_environment(name, secrets),
        )
        for name in SERVICES
    ]
    return StackOptions(
        data_dir=data_dir,
        services=specs,
        scale=scale or {},
        nats_url=os.environ.get("HALLMARK_NATS_URL"),
        mongo_url=os.environ.get("HALLMARK_MONGO_URL"),
        nats_rights=rights(),
        mongo_rights=mongo_rights(),
        provision=partial(_provision, replicas=nodes),
        nodes=nodes,
        usual_ports=usual_ports,
    )


async def _provision(servers: Servers, *, replicas: int) -> None:
    env = servers.env(PROVISION)
    await provision_at(
        env["HALLMARK_NATS_URL"],
        ALL,
        user=env.get("HALLMARK_NATS_USER"),
        password=env.get("HALLMARK_NATS_PASSWORD"),
        replicas=replicas,
    )
