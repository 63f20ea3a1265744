"""What is overheard of promotions on their way is counted in groups: it comes in bursts, and nobody waits for it."""

from __future__ import annotations

from services.monitoring.handlers import FLOW
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.messaging.working_off import work_off
from shared.service import Running


async def count_flow(run: Running[MonitoringWork]) -> None:
    """Count it, for ever."""
    await work_off(run.dispatcher, FLOW)
