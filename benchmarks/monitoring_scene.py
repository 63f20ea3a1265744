"""Monitoring at work on a NATS and a MongoDB of its own, with so many released components under watch.

- A release has a bill of materials of 100 components, and stands in production.
- Components are packages that the advisories of the corpus name, one in twenty at a version that those mention, the
  others newer than any flaw; without the corpus, made-up ones.
- Beside them are packages of their own for each advisory that is measured: in as many releases as are to be affected,
  and in as many more at a version that is not.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.headers import Meta
from contracts.message import Answer
from contracts.monitoring.v1.commands import ImportAdvisories
from contracts.vocabulary import Actor, ActorKind, Criticality, Role, Trust
from deploy.local.servers import Servers, running_servers
from deploy.provision import provision_at
from deploy.rights import SUBSCRIBER, all_rights, inbox_of
from services.monitoring.app import SERVICE
from services.monitoring.domain.release import Context, Release, Sbom, indexed
from services.monitoring.domain.trust import TrustState
from services.monitoring.handlers.commands import import_advisories
from services.monitoring.settings import MonitoringSettings
from services.monitoring.storage.delivery import uncounted
from services.monitoring.storage.releases import RELEASES, STANDING, ReleaseRepository
from services.monitoring.storage.sboms import COMPONENTS, SBOMS, SbomRepository
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.clock import utc_now
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.identity import Caller
from shared.service import Running, running

EACH = 100
"""Components of a release."""
_AT_ONCE = 20
_OLD, _NEWER = 0.05, "9999.0.0"
"""The share of components at a version that an advisory mentions; all others are newer than any flaw."""
_PATIENCE_SECONDS, _LOOK_SECONDS = 60.0, 0.05
_CALLER = Caller(Actor(subject="bench", kind=ActorKind.HUMAN), {"*": frozenset({Role.ADMIN})})
_numbers = count()
Package = tuple[str, str]
"""The beginning of its package URL, up to the version, and a version."""


@dataclass
class Scene:
    """Monitoring, and an ear for what it says about trust."""

    run: Running[MonitoringWork]
    servers: Servers
    heard: asyncio.Queue[float]
    folder: Path

    async def import_(self, *records: dict[str, Any]) -> Answer:
        """Import advisories, from the message at hand to the commit."""
        command = ImportAdvisories(command_id=f"bench-{next(_numbers)}", advisories=records)

        async def work(unit: MonitoringWork) -> Answer:
            said: Answer = await import_advisories(command, unit)
            return said

        meta = a_meta()
        return await self.run.dispatcher.perform(work, meta=meta, key=meta.message_id, caller=_CALLER)

    async def settled(self) -> None:
        """Return once nothing is left to publish or to count."""
        await self.run.relay.idle.wait()
        while await uncounted(self.run.database, 1):  # noqa: ASYNC110 - MongoDB does not tell
            await asyncio.sleep(_LOOK_SECONDS)

    def memory(self) -> dict[str, int]:
        """MiB that this process and mongod hold now, and the most that this process has held."""
        mongod = next((one for one in Path("/proc").glob("[0-9]*") if self._is_mongod(one)), None)
        found = {"process": _mib(Path("/proc/self"), "VmRSS"), "process_most": _mib(Path("/proc/self"), "VmHWM")}
        return found | ({"mongod": _mib(mongod, "VmRSS")} if mongod else {})

    def _is_mongod(self, process: Path) -> bool:
        with suppress(OSError):
            said = (process / "cmdline").read_bytes()
            return b"mongod" in said.partition(b"\0")[0] and str(self.folder).encode() in said
        return False

    async def announced(self, events: int) -> float:
        """When the last of so many events was heard."""
        last = time.perf_counter()
        for _ in range(events):
            last = await asyncio.wait_for(self.heard.get(), _PATIENCE_SECONDS)
        return last


@asynccontextmanager
async def a_scene(folder: Path) -> AsyncIterator[Scene]:
    """The service, really running; it hears nothing but what is measured."""
    async with running_servers(folder / "data", all_rights([SERVICE]), ["monitoring", "gateway"]) as servers:
        env = servers.env("provision")
        await provision_at(
            env["HALLMARK_NATS_URL"], [SERVICE], user=env["HALLMARK_NATS_USER"], password=env["HALLMARK_NATS_PASSWORD"]
        )
        own: dict[str, Any] = {
            name.removeprefix("HALLMARK_").lower(): value for name, value in servers.env("monitoring").items()
        }
        issuers = folder / "issuers"
        issuers.mkdir()
        # Nobody asks over NATS here, but a service does not start without anybody to believe.
        (issuers / "gateway.pem").write_text(keys.public_pem(keys.generate().public_key()), encoding="utf-8")
        settings = MonitoringSettings(service="monitoring", issuers_dir=issuers, **own)
        ear = await _ear(servers)
        heard: asyncio.Queue[float] = asyncio.Queue()

        async def hear(_: Msg) -> None:
            heard.put_nowait(time.perf_counter())

        await ear.subscribe("hallmark.evt.monitoring.trust.changed.v1.>", cb=hear)
        async with running(SERVICE, settings) as run:
            yield Scene(run, servers, heard, folder)
        await ear.close()


async def _ear(servers: Servers) -> Client:
    env = servers.env(SUBSCRIBER)
    return await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix=inbox_of(SUBSCRIBER).removesuffix(".>"),
    )


async def populate(run: Running[MonitoringWork], contents: Sequence[Sequence[str]]) -> None:
    """One release for each list of package URLs: as the repositories keep it, without waiting for the disk."""
    hasty = run.database.hasty_collection
    sboms = SbomRepository(hasty(SBOMS), hasty(COMPONENTS))
    releases = ReleaseRepository(hasty(RELEASES), hasty(STANDING))
    now = utc_now()
    for begin in range(0, len(contents), _AT_ONCE):
        batch = enumerate(contents[begin : begin + _AT_ONCE], start=begin)
        await asyncio.gather(*(_release(sboms, releases, number, purls, now) for number, purls in batch))


async def _release(
    sboms: SbomRepository, releases: ReleaseRepository, number: int, purls: Sequence[str], now: datetime
) -> None:
    project, subject = f"bench-{number % 50}", sha256_digest(f"release {number}".encode())
    components = indexed(purls)
    key = f"{project}|ev-{subject[7:39]}"
    await sboms.add(Sbom(key, project, key.partition("|")[2], (subject,), now, len(components)), components)
    await releases.save(
        Release(
            project=project,
            application=f"app-{number}",
            version="1.0",
            version_digest=subject,
            stage="prod",
            own_subjects=(subject,),
            context=Context(Criticality.HIGH, ("team",), now),
            source=None,
            released_at=now,
            state=TrustState(trust=Trust.TRUSTED, since=now),
            current=True,
            subjects=(subject,),
            sboms=(key,),
            components=len(components),
        )
    )


def _mib(process: Path, name: str) -> int:
    said = (process / "status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) // 1024 for line in said if line.startswith(f"{name}:")), 0)


def components(packages: Sequence[Package], releases: int, hot: dict[str, int], seed: int = 7) -> list[list[str]]:
    """What each release consists of; `hot` says in how many releases each of these packages is affected."""
    chosen = random.Random(seed)  # noqa: S311 - the same releases in every run
    found = [
        [f"{name}@{version if chosen.random() < _OLD else _NEWER}" for name, version in chosen.sample(packages, EACH)]
        for _ in range(releases)
    ]
    for package, affected in hot.items():
        for place, number in enumerate(chosen.sample(range(releases), min(2 * affected, releases))):
            version = f"1.{place}" if place < affected else f"2.{place}"
            found[number].append(f"pkg:pypi/{package}@{version}")
    return found


def advisory(name: str, package: str) -> dict[str, Any]:
    """Everything below 2.0 of a package is affected."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]
    return {
        "id": name,
        "modified": "2026-05-01T00:00:00Z",
        "summary": f"{package} is broken",
        "database_specific": {"severity": "HIGH"},
        "affected": [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": ranges}],
    }


def a_meta() -> Meta:
    """Of a message that nobody sent."""
    name = f"bench-{next(_numbers)}-{time.time_ns()}"
    return Meta(message_id=name, correlation_id=name, source="/bench", time=utc_now())
