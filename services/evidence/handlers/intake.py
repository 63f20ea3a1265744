"""Evidence on its way in: examined on arrival, put on record and logged with whatever else arrives meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.evidence.v1.commands import (
    BatchReceipt,
    EvidencePublished,
    Receipt,
    SubmissionOutcome,
    SubmitEvidence,
    SubmitEvidenceBatch,
)
from contracts.vocabulary import Role
from services.evidence.domain.record import Record, record_of
from services.evidence.handlers import HANDLERS
from services.evidence.handlers.recording import Submission, put_on_record
from services.evidence.storage.blobs import read_blob
from services.evidence.storage.journal import Pending
from services.evidence.storage.records import stage_components
from services.evidence.storage.trust_roots import forget_roots, roots_lately, roots_state
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.clock import utc_now
from shared.errors import HallmarkError, Invalid, NotFound, TooLarge, Transient
from shared.identity import Caller
from shared.messaging.dispatcher import Outside, Turn
from shared.messaging.grouping import MOST_WAITING
from shared.messaging.handlers import Spread
from shared.trust.verification import judge

INTAKE = "intake"
"""The group in which submissions wait for their commit."""
LARGE_BYTES = 512 * 1024
"""Above this, an envelope is examined in a thread: the loop has other messages to attend to."""
_LARGE_AT_ONCE = asyncio.Semaphore(2)
"""Documents in memory take several times their length."""
SUBMITTERS = (Role.CONTRIBUTOR, Role.SECURITY, Role.RELEASE_MANAGER)
_LONGEST_COMMAND_ID = 120
Submitted = SubmitEvidence | EvidencePublished


@dataclass(frozen=True)
class Examined:
    """An envelope, judged by the trust roots that were in force."""

    data: bytes
    """Empty when it lies in the blob store already."""
    size: int
    record: Record
    roots_state: str
    staged: bool = False
    """Whether its components are stored already."""


async def examine(message: Submitted, outside: Outside) -> Examined:
    """Verify and read outside of the transaction: that is work for the processor, not for the database.

    Raises `Invalid` or `TooLarge` for what is no sound envelope: nothing of it is kept.
    """
    outside.caller.require(message.project, *SUBMITTERS, application=message.application)
    data = await _content(message, outside)
    if len(data) > outside.equipment.max_evidence_bytes:
        raise TooLarge(
            "evidence_too_large",
            f"The envelope has {len(data)} bytes, above {outside.equipment.max_evidence_bytes}.",
            remedy="Hand in less at once.",
        )
    seen = await roots_lately(outside.database, message.project)
    at, by = utc_now(), outside.caller.actor.subject

    def judged() -> Record:
        return record_of(message.project, data, judge(data, seen.roots, at), at, by=by)

    if len(data) <= LARGE_BYTES:
        return Examined(data if message.envelope else b"", len(data), judged(), seen.state)
    async with _LARGE_AT_ONCE:
        record = await asyncio.to_thread(judged)
    staged = await stage_components(outside.database, message.project, record)
    return Examined(b"", len(data), record, seen.state, staged)


async def _content(message: Submitted, outside: Outside) -> bytes:
    digest = message.content_digest if isinstance(message, SubmitEvidence) else None
    if (message.envelope is None) == (digest is None):
        raise Invalid(
            "evidence_absent", "Hand in an envelope or the digest of an uploaded one.", remedy="Give one of the two."
        )
    if message.envelope is not None:
        return message.envelope.encode()
    data = await read_blob(outside.database, message.project, str(digest))
    if data is None:
        raise NotFound("blob_unknown", f"Nothing with the digest {digest} was uploaded.", remedy="Upload it first.")
    return data


# More than may wait in the group, so that those beyond are told to slow down instead of waiting unseen.
HANDLERS.grouped(SubmitEvidence, INTAKE, prepare=examine, workers=2 * MOST_WAITING)
HANDLERS.grouped(EvidencePublished, INTAKE, prepare=examine, workers=64)


def admit(batch: SubmitEvidenceBatch, caller: Caller) -> None:
    """Raises `Forbidden` for whoever may hand in nothing at all."""
    caller.require(batch.project, *SUBMITTERS, application=batch.application)


def parts_of(batch: SubmitEvidenceBatch) -> list[SubmitEvidence]:
    """The submissions that a batch stands for."""
    return [
        SubmitEvidence(
            command_id=f"{batch.command_id[:_LONGEST_COMMAND_ID]}.{place}",
            project=batch.project,
            application=batch.application,
            envelope=envelope,
        )
        for place, envelope in enumerate(batch.envelopes)
    ]


def batch_receipt(outcomes: Sequence[dict[str, Any] | BaseException]) -> BatchReceipt:
    """What became of each. Raises what is neither a receipt nor an error of Hallmark's."""
    return BatchReceipt(outcomes=tuple(_outcome(one) for one in outcomes))


def _outcome(one: dict[str, Any] | BaseException) -> SubmissionOutcome:
    match one:
        case HallmarkError():
            again = isinstance(one, Transient)
            return SubmissionOutcome(code=one.code, message=one.message, remedy=one.remedy, again=again)
        case BaseException():
            raise one
        case _:
            return SubmissionOutcome(receipt=Receipt.model_validate(one))


HANDLERS.spread(SubmitEvidenceBatch, Spread(admit, parts_of, batch_receipt))


async def take_in(
    turns: Sequence[Turn], work: EvidenceWork, *, hopeful: bool
) -> list[tuple[Receipt | HallmarkError, Pending | None]]:
    """Put submissions on record, believed or not; for each what to answer, and the entry that the log still needs.

    One whose trust roots have changed since it was examined is told to come again. `hopeful` as in `put_on_record`.
    """
    submissions = [_submission(turn) for turn in turns]
    states = {project: await roots_state(work.unit, project) for project in {one.project for one in submissions}}
    current = [
        one for turn, one in zip(turns, submissions, strict=True) if _prepared(turn).roots_state == states[one.project]
    ]
    for project in {one.project for one in submissions} - {one.project for one in current}:
        forget_roots(work.unit.database, project)
    recorded = dict(zip(map(id, current), await put_on_record(work, current, hopeful=hopeful), strict=True))
    changed = Transient("trust_roots_changed", "The trust roots changed while the evidence was examined.")
    return [recorded.get(id(one), (changed, None)) for one in submissions]


def _prepared(turn: Turn) -> Examined:
    examined: Examined = turn.joined.prepared
    return examined


def _submission(turn: Turn) -> Submission:
    message, examined = turn.joined.message, _prepared(turn)
    if not isinstance(message, Submitted):
        raise TypeError(f"{type(message).__name__} is no submission")
    return Submission(
        message.project,
        message.application,
        examined.data,
        examined.size,
        examined.record,
        roots_state=examined.roots_state,
        unit=turn.unit,
        staged=examined.staged,
    )
