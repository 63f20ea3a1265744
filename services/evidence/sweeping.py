"""Removing, in the background, large uploads that no evidence refers to."""

from __future__ import annotations

import asyncio

from services.evidence.storage.unit_of_work import EvidenceWork
from services.evidence.storage.uploads import sweep
from shared.logs import log
from shared.service import Running

EVERY_SECONDS = 600.0


async def sweep_uploads(run: Running[EvidenceWork]) -> None:
    """Sweep what has expired, for ever."""
    while True:
        while swept := await sweep(run.database, run.clock()):
            log.info("expired uploads removed", count=swept)
        await asyncio.sleep(EVERY_SECONDS)
