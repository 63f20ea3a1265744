"""The log's own storage, looked at page by page: what proofs cannot show from outside."""

from __future__ import annotations

from contracts.evidence.v1.log import InspectLog, LogInspection
from contracts.vocabulary import Role
from services.evidence.domain import fsck
from services.evidence.domain.log import EVERY_PROJECT
from services.evidence.handlers import HANDLERS
from services.evidence.storage.unit_of_work import EvidenceWork

_MOST = 50


@HANDLERS.query(InspectLog)
async def inspect_log(query: InspectLog, work: EvidenceWork) -> LogInspection:
    """Compare stored rows and tiles with each other; on the last page the ends as well."""
    work.unit.caller.require(EVERY_PROJECT, Role.SECURITY)
    size = await work.inspection.size()
    first = query.after + 1
    count = min(query.limit, size - first)
    rows = await work.inspection.rows(first, count)
    problems = fsck.check_rows(first, rows, await work.inspection.tiles(fsck.tiles_for(first, count)))
    if len(rows) < count:
        problems.append(f"entry {first + len(rows)} is missing")
    if first + count < size:
        return LogInspection(size=size, problems=tuple(problems[:_MOST]), next=first + count - 1)
    problems += await work.inspection.ends()
    return LogInspection(size=size, problems=tuple(problems[:_MOST]))
