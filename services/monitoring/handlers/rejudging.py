"""What the gate says of releases that it judged again."""

from __future__ import annotations

from contracts.gate.v1.rejudging import ReleaseRejudged
from services.monitoring import wire_rejudging as wire
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.watching import judge_admission
from services.monitoring.storage.unit_of_work import MonitoringWork


@HANDLERS.on(ReleaseRejudged)
async def release_rejudged(event: ReleaseRejudged, work: MonitoringWork) -> None:
    """A release would not be admitted any more, or would be again. It may come before the release itself."""
    await work.match_clock.touch(event.project)
    if not await work.rejudgements.keep(wire.rejudgement(event)):
        return
    release = await work.releases.find(event.project, event.application, event.version)
    if release is not None:
        await judge_admission(work, release)
