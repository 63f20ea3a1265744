"""Filing, in the background and once, entries of the log from before they could be looked for by kind and project."""

from __future__ import annotations

from services.evidence.storage.log_search import file_older
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.logs import log
from shared.service import Running


async def file_older_entries(run: Running[EvidenceWork]) -> None:
    """File them all, and end."""
    while filed := await file_older(run.database):
        log.info("entries of the log filed by kind and project", count=filed)
