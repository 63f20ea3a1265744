"""The evidence service and the gateway as processes, behind real servers that come back when they die."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from contracts.vocabulary import Actor, ActorKind, Role
from deploy.local.stack import Stack, running_stack
from deploy.secrets import create_secrets
from deploy.system import stack_options
from shared.clock import utc_now
from shared.crypto import dsse, keys
from shared.identity import Caller, issue_token, load_identity_key
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.settings import ServiceSettings
from tests.support.log_checks import LogWatch

ORIGIN = "hallmark.local/log"
LARGE = "https://example.com/large"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
MIB = 2**20


@dataclass
class EvidenceStack:
    """What a client sees of it, and where its processes are."""

    stack: Stack
    directory: Path
    http: httpx.AsyncClient
    asker: Asker
    key: keys.PrivateKey
    watch: LogWatch

    async def trust(self) -> None:
        root = {"keys": [keys.public_pem(self.key.public_key())], "predicate_types": ["*"], "role": "test"}
        answer = await self.http.put("/projects/shop/trust-roots/key", json=root, headers={"idempotency-key": "root"})
        assert answer.is_success, answer.text

    async def post(self, content: Any, key: str, **headers: str) -> httpx.Response:
        """Hand evidence in."""
        return await self.http.post(
            "/projects/shop/evidence", content=content, headers={"idempotency-key": key, **headers}
        )

    def envelope(self, text: str, *, subject: str = "1" * 64) -> bytes:
        """A signed statement around a text."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": subject}}],
            "predicateType": LARGE,
            "predicate": {"text": text},
        }
        return self.signed(json.dumps(statement).encode())

    def signed(self, payload: bytes) -> bytes:
        return dsse.sign(_PAYLOAD_TYPE, payload, [self.key])

    def memory(self, name: str) -> Memory:
        return Memory(self.stack.pids[name])


@dataclass
class Memory:
    """What a process has in memory, in bytes, since this was made."""

    pid: int

    def __post_init__(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # Forget the peak.
        self.before = self._read("VmRSS")

    def grown(self) -> int:
        """By how much it was larger than in the beginning, at most."""
        return self._read("VmHWM") - self.before

    def _read(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@asynccontextmanager
async def evidence_stack(directory: Path) -> AsyncIterator[EvidenceStack]:
    data = directory / "data"
    options = stack_options(data, usual_ports=False)
    options = replace(options, services=[one for one in options.services if one.name in ("evidence", "gateway")])
    secrets = create_secrets(data.resolve() / "secrets")
    caller = Caller(Actor(subject="test", kind=ActorKind.HUMAN), {"*": frozenset({Role.ADMIN})})
    identity = load_identity_key(secrets.identity("gateway"))
    token = issue_token(identity, "gateway", caller, now=datetime.now(UTC), lifetime=timedelta(hours=1))
    async with running_stack(options) as stack:
        env: dict[str, Any] = {
            name.removeprefix("HALLMARK_").lower(): value for name, value in stack.env["gateway"].items()
        }
        broker = make_broker(ServiceSettings(**{k: v for k, v in env.items() if k in ServiceSettings.model_fields}))
        await broker.connect()
        asker = Asker(broker, source="/test", own_token=lambda: token, clock=utc_now)
        admin = secrets.admin_token.read_text().strip()
        base, headers = f"{stack.urls['gateway']}/api/v1", {"authorization": f"Bearer {admin}"}
        try:
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=120) as http:
                yield EvidenceStack(stack, directory, http, asker, keys.generate(), LogWatch(asker, ORIGIN))
        finally:
            await broker.stop()
