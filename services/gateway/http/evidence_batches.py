"""Evidence in bulk: one envelope a line in, one outcome a line out, as they come.

- Each line counts for itself: what is wrong with one of them does not touch the others.
- Lines are asked about in batches, a few at a time, and answered in their order.
- An in-toto bundle (JSON lines) can be sent as it is.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from contracts.evidence.v1.commands import (
    MAX_BATCH,
    BatchReceipt,
    Receipt,
    SubmissionOutcome,
    SubmitEvidence,
    SubmitEvidenceBatch,
)
from contracts.vocabulary import ApplicationName, ProjectName
from services.gateway.asking import Asking
from services.gateway.auth import Here, SignedIn
from services.gateway.http.evidence import INLINE_BYTES
from services.gateway.offering import IdempotencyKey
from services.gateway.parts import Gateway
from shared.errors import HallmarkError, Invalid, TooLarge, Transient

router = APIRouter(tags=["evidence"])
MEDIA_TYPE = "application/x-ndjson"
BATCH_BYTES = 200 * 1024
"""Envelopes in one message, as JSON texts."""
AT_ONCE = 4
_BODY = {
    "requestBody": {
        "required": True,
        "description": "DSSE envelopes or Sigstore bundles, one a line.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@dataclass(frozen=True)
class _Sender:
    here: Gateway
    asking: Asking
    project: ProjectName
    application: ApplicationName | None
    key: str

    async def send(self, place: int, lines: list[bytes]) -> list[SubmissionOutcome]:
        """What became of some lines. Raises what refuses all of them alike."""
        command_id = f"{self.key}.{place}"
        if len(lines) == 1 and len(lines[0]) > INLINE_BYTES:
            return [await self._send_large(command_id, lines[0])]
        batch = SubmitEvidenceBatch(
            command_id=command_id,
            project=self.project,
            application=self.application,
            envelopes=tuple(line.decode() for line in lines),
        )
        return list((await self.asking.ask_as(batch, BatchReceipt)).outcomes)

    async def _send_large(self, command_id: str, line: bytes) -> SubmissionOutcome:
        async def content() -> AsyncIterator[bytes]:
            yield line

        try:
            digest = await self.here.blobs.put(
                self.project, content(), self.asking.actor_token(), application=self.application
            )
            submit = SubmitEvidence(
                command_id=command_id, project=self.project, application=self.application, content_digest=digest
            )
            return SubmissionOutcome(receipt=await self.asking.ask_as(submit, Receipt))
        except HallmarkError as error:
            return _refused(error)


@router.post(
    "/projects/{project}/evidence/batch",
    operation_id="SubmitEvidenceBatch",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "An outcome a line."}},
    openapi_extra=_BODY,
)
async def submit_evidence_batch(
    *,
    project: ProjectName,
    request: Request,
    here: Here,
    asking: SignedIn,
    application: Annotated[ApplicationName | None, Query()] = None,
    idempotency_key: IdempotencyKey = None,
) -> StreamingResponse:
    """Hand in signed evidence in bulk: one envelope a line. Each line is answered with its outcome, in order."""
    sender = _Sender(here, asking, project, application, (idempotency_key or uuid4().hex)[:100])
    outcomes = _outcomes(sender, _batches(_lines(request.stream(), here.settings.max_evidence_bytes)))
    # What refuses the first batch as a whole, such as a missing role, is the answer to the request.
    first = await anext(outcomes, None)
    if first is None:
        raise Invalid("envelope_missing", "The body is empty.", remedy="Send one DSSE envelope a line.")

    async def answer() -> AsyncIterator[bytes]:
        yield first.model_dump_json().encode() + b"\n"
        try:
            async for outcome in outcomes:
                yield outcome.model_dump_json().encode() + b"\n"
        except HallmarkError as error:
            yield _refused(error).model_dump_json().encode() + b"\n"

    return StreamingResponse(answer(), media_type=MEDIA_TYPE)


async def _outcomes(sender: _Sender, batches: AsyncIterator[list[bytes]]) -> AsyncIterator[SubmissionOutcome]:
    under_way: deque[asyncio.Task[list[SubmissionOutcome]]] = deque()
    place = 0
    try:
        async for batch in batches:
            under_way.append(asyncio.create_task(sender.send(place, batch)))
            place += 1
            if len(under_way) >= AT_ONCE:
                for outcome in await under_way.popleft():
                    yield outcome
        while under_way:
            for outcome in await under_way.popleft():
                yield outcome
    finally:
        for task in under_way:
            task.cancel()


async def _batches(lines: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    async for line in lines:
        # Quotes grow inside a message.
        grown = len(json.dumps(line.decode(errors="replace"), ensure_ascii=False).encode())
        if batch and (size + grown > BATCH_BYTES or len(batch) == MAX_BATCH or len(line) > INLINE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += grown
        if len(line) > INLINE_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _lines(content: AsyncIterator[bytes], longest: int) -> AsyncIterator[bytes]:
    rest = b""
    async for part in content:
        *lines, rest = (rest + part).split(b"\n")
        for line in (*lines,):
            if line.strip():
                yield _text(line)
        if len(rest) > longest:
            raise TooLarge("evidence_too_large", f"A line is longer than {longest} bytes.", remedy="Send less at once.")
    if rest.strip():
        yield _text(rest)


def _text(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise Invalid(
            "envelope_malformed", "A line is not UTF-8 text.", remedy="Send one DSSE envelope as JSON a line."
        ) from error
    return line.strip()


def _refused(error: HallmarkError) -> SubmissionOutcome:
    again = isinstance(error, Transient)
    return SubmissionOutcome(code=error.code, message=error.message, remedy=error.remedy, again=again)
