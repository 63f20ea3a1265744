"""A local stack whose services die where a test says, with a shop on it and everything that was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1.commands import Receipt
from deploy.local import supervisor
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.messaging import binding
from tests.support.eventually import eventually
from tests.support.history import History
from tests.support.recorded import SERVICES, Acknowledged, Reader, reader_of
from tests.support.shop import POLICY, Shop

ACK_WAIT_SECONDS = 4
"""Instead of a minute: what a dead process held comes back so soon."""
RESUMED_WITHIN = 60.0


@dataclass
class CrashStack:
    """A shop on a stack, and the hand on what dies."""

    stack: Stack
    shop: Shop
    reader: Reader
    crash_file: Path
    history: History
    done: Acknowledged = field(default_factory=Acknowledged)

    def arm(self, point: str) -> None:
        """Have the process die that passes this point next."""
        self.crash_file.write_text(point)
        self.history.note("armed", point=point)

    def disarm(self) -> bool:
        """Whether somebody died since it was armed."""
        died = not self.crash_file.exists()
        self.crash_file.unlink(missing_ok=True)
        self.history.note("disarmed", died=died)
        return died

    async def died(self, within: float = RESUMED_WITHIN) -> None:
        """Wait until somebody has died at the point."""

        async def gone() -> bool:
            return not await asyncio.to_thread(self.crash_file.exists)

        await eventually(gone, within=within)
        self.history.note("died")

    async def kill(self, *names: str) -> None:
        """SIGKILL processes, all at once."""
        self.history.note("kill", processes=names)
        await asyncio.gather(*(self.stack.kill(name) for name in names))

    async def create(self, version: str, *, tested: bool = True) -> None:
        """A version, and evidence that lets it into `dev` and `qa`."""
        self.history.note("create", version=version)
        await self.shop.create(version, tested=False)
        self.done.versions.add(f"shop/web/{version}")
        if tested:
            await self.submit(version)

    async def submit(self, version: str) -> None:
        """The evidence."""
        path, content = "/projects/shop/evidence", self.shop.envelope(version)
        answer = await self.shop.ask("POST", path, f"evidence-{version}", content=content)
        self.done.receipts.append(Receipt.model_validate_json(answer.content))
        self.history.note("evidence", version=version)

    async def request(self, version: str, stage: str = "dev", patience: int = 600) -> dict[str, Any]:
        """Ask for a promotion; what was answered."""
        body = {"application": "web", "version": version, "to_stage": stage, "patience_seconds": patience}
        answer = await self.shop.ask("POST", "/projects/shop/promotions", f"{version}-{stage}", json=body)
        promotion: dict[str, Any] = answer.json()
        self.done.promotions.add(promotion["promotion_id"])
        self.history.note("requested", promotion=promotion["promotion_id"], version=version, stage=stage)
        return promotion

    async def promote(self, version: str, stage: str = "dev") -> str:
        """Promote and follow to the end; the state it ended in."""
        ended = await self.shop.follow(await self.request(version, stage))
        self.history.note("ended", promotion=ended["promotion_id"], state=ended["state"])
        return str(ended["state"])

    async def ready(self) -> None:
        """Wait until every process is ready again."""
        for name in (*SERVICES, "gateway", "nats-server", "mongod"):
            await self.stack.wait_ready(name, RESUMED_WITHIN)


@asynccontextmanager
async def crash_stack(directory: Path, history: History) -> AsyncIterator[CrashStack]:
    """A whole stack whose services can be made to die, with a project that has a policy before `dev` and `qa`."""
    data = directory / "data"
    options = stack_options(data, usual_ports=False)
    crash_file = directory / "crash-at"
    services = [
        replace(one, entry="tests.faults.dying_services:run", env={**one.env, "CRASH_FILE": str(crash_file)})
        if one.name in SERVICES
        else one
        for one in options.services
    ]
    token = await asyncio.to_thread((data / "secrets/admin-token").read_text)
    with pytest.MonkeyPatch.context() as patch:
        # The provisioner and the supervisor run in this process.
        patch.setattr(binding, "ACK_WAIT_SECONDS", ACK_WAIT_SECONDS)
        patch.setattr(supervisor, "_LONGEST_DELAY", 0.2)
        async with (
            running_stack(replace(options, services=services)) as stack,
            Shop(stack, token.strip()) as shop,
            reader_of(stack, data) as reader,
        ):
            await shop.set_up()
            dev = {**POLICY["spec"], "gates": [{"stage": "dev", "gate": "entry"}]}
            document = {**POLICY, "metadata": {"project": "shop", "name": "dev"}, "spec": dev}
            await shop.ask("PUT", "/projects/shop/policies/dev", json={"document": document})
            yield CrashStack(stack, shop, reader, crash_file, history)
