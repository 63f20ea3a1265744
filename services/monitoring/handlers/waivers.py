"""What monitoring hears of the exceptions that gates make."""

from __future__ import annotations

from contracts.gate.v1.waivers import WaiverEnded, WaiverGranted
from services.monitoring import wire_exposure as wire
from services.monitoring.handlers import HANDLERS
from services.monitoring.storage.unit_of_work import MonitoringWork


@HANDLERS.on(WaiverGranted)
async def waiver_granted(event: WaiverGranted, work: MonitoringWork) -> None:
    """Show it beside what it covers, from now on."""
    await work.waivers.granted(wire.held_waiver(event))


@HANDLERS.on(WaiverEnded)
async def waiver_ended(event: WaiverEnded, work: MonitoringWork) -> None:
    """Show it no more, also when its grant is heard only later."""
    await work.waivers.ended(wire.held_waiver(event))
