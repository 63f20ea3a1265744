"""Instances that fetch from a publisher, and die in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from services.monitoring.feeds.duty import Collector
from services.monitoring.settings import MonitoringSettings
from shared.mongo import Lease
from shared.service import Running
from tests.support.eventually import eventually
from tests.support.monitoring_scenes import Scene
from tests.support.publisher import HERE, Publisher


def settings_of(scene: Scene, publisher: Publisher, folder: Path, *, instance: str, **more: Any) -> MonitoringSettings:
    """Of an instance that may fetch from this publisher; `more` says what."""
    return MonitoringSettings(
        **dict(scene.system.settings("monitoring", instance=instance)),
        **more,
        advisory_allowed_networks=",".join(map(str, HERE)),
        advisory_ca_file=publisher.certificate,
        advisory_spool_dir=folder,
    )


def collector(scene: Scene, settings: MonitoringSettings) -> Collector:
    """An instance that fetches when it is told to, once it holds the lease."""
    lease = Lease(scene.run.database, "advisory-feeds", "one")
    return Collector(scene.run, settings, lease)


async def dies_after(run: Running[Any], steps: int, doing: Callable[[], Awaitable[object]]) -> None:
    """Cancel it once so many transactions of it are committed: as if the process had been killed there."""
    before = run.dispatcher.commits
    task = asyncio.ensure_future(doing())

    async def committed() -> bool:
        return run.dispatcher.commits >= before + steps or task.done()

    await eventually(committed)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
