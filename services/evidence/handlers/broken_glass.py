"""What the log keeps of promotions that were let through a freeze: an entry for each of the two people."""

from __future__ import annotations

from contracts.evidence.v1.commands import RecordBrokenGlass
from contracts.vocabulary import utc
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.handlers import HANDLERS, LOGGED
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.digests import JsonValue, canonical_digest


@HANDLERS.on(RecordBrokenGlass, **LOGGED)
async def record_broken_glass(tell: RecordBrokenGlass, work: EvidenceWork) -> None:
    """Enter who asked for it, or who confirmed it, and why."""
    body: dict[str, JsonValue] = {
        "v": 1,
        "promotion": tell.promotion_id,
        "version_digest": tell.version_digest,
        "stage": tell.stage,
        "freeze": tell.freeze,
        "by": tell.by,
        "is_confirmed": tell.is_confirmed,
        "reason": tell.reason,
        "until": utc(tell.until),
        "at": utc(tell.at),
    }
    entry = LogEntry(
        EntryKind.BROKEN_GLASS,
        tell.project,
        tell.application,
        tell.promotion_id,
        canonical_digest(body),
        recorded_at=work.unit.now,
    )
    # About nothing that a bundle asks for: whoever verifies one need not know of freezes.
    await work.journal.enter(entry)
