"""What monitoring hears of the exceptions that gates make."""

from __future__ import annotations

from contracts.gate.v1.waivers import WaiverEnded, WaiverGranted, WaiverRefused, WaiverRequested
from services.monitoring import wire_exposure as wire
from services.monitoring.handlers import HANDLERS, flow
from services.monitoring.storage.unit_of_work import MonitoringWork


@HANDLERS.on(WaiverRequested)
async def waiver_requested(event: WaiverRequested, work: MonitoringWork) -> None:
    """It counts for nothing yet."""
    await flow.waiver(event, work)


@HANDLERS.on(WaiverGranted)
async def waiver_granted(event: WaiverGranted, work: MonitoringWork) -> None:
    """A debt begins; it is shown beside what it covers, from now on."""
    await flow.waiver(event, work)
    await work.waivers.granted(wire.held_waiver(event))


@HANDLERS.on(WaiverRefused)
async def waiver_refused(event: WaiverRefused, work: MonitoringWork) -> None:
    """There will be no debt."""
    await flow.waiver(event, work)


@HANDLERS.on(WaiverEnded)
async def waiver_ended(event: WaiverEnded, work: MonitoringWork) -> None:
    """The debt is over; it is shown no more, also when its grant is heard only later."""
    await flow.waiver(event, work)
    await work.waivers.ended(wire.held_waiver(event))
