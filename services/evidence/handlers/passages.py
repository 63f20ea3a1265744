"""What the evidence service signs about passages: that one takes place, and that one did not after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from contracts.evidence.v1.commands import AttestPassage, WithdrawPassage
from contracts.evidence.v1.events import PassageAttested, PassageWithdrawn
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.passage import (
    Passage,
    Resource,
    Withdrawal,
    levels_of,
    passage_statement,
    result_statement,
    withdrawal_statement,
)
from services.evidence.domain.record import evidence_id
from services.evidence.handlers import HANDLERS, LOGGED
from services.evidence.storage.blobs import keep_blobs
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.clearances import gates_of, require_clearance
from shared.digests import canonical_digest, sha256_digest
from shared.errors import Conflict
from shared.mongo import Document
from shared.trust.statement import Subject
from shared.version import VERSION


@HANDLERS.on(AttestPassage, **LOGGED)
async def attest_passage(tell: AttestPassage, work: EvidenceWork) -> None:
    """Sign that a version passed the gates that cleared it. It is announced once the log holds it, and told again.

    Raises `Conflict` (`clearance_invalid`) for what no gate has cleared.
    """
    gates = gates_of(tell.kind, tell.from_stage, tell.to_stage, release=tell.release)
    require_clearance(tell, tell.clearance, work.keyring.gate_keys, gates=gates)
    key = f"{tell.promotion_id}|{tell.attempt}"
    if withdrawn := await work.withdrawals.get(key):
        # The order to sign it was delivered late, or again: what holds is told.
        await _tell_again(withdrawn, tell.application, work)
        return
    if known := await work.passages.get(key):
        if (place := await work.journal.place_of(known["digest"])) is not None:
            work.unit.announce(_attested(tell, known["digest"], place, work.unit.now))
        return
    passage, own = _passage(tell), await work.signer()
    summary, result = (own.envelope(made(passage)) for made in (passage_statement, result_statement))
    await keep_blobs(work.unit, [(tell.project, data) for data in (summary, result)])
    digest, result_digest = sha256_digest(summary), sha256_digest(result)
    document = {
        "project": tell.project,
        "promotion_id": tell.promotion_id,
        "attempt": tell.attempt,
        "version": tell.version,
        "version_digest": tell.version_digest,
    }
    await work.passages.add(
        {**document, "_id": key, "digest": digest, "result_digest": result_digest, "at": work.unit.now}
    )
    entry = LogEntry(EntryKind.PASSAGE, tell.project, tell.application, key, result_digest, recorded_at=work.unit.now)
    # The result goes first: once the summary has its index and is announced, the log holds both.
    await work.journal.enter(entry, tell.promotion_id, tell.version_digest)
    attested = _attested(tell, digest, 0, work.unit.now)
    await work.journal.enter(replace(entry, digest=digest), tell.promotion_id, tell.version_digest, then=attested)


@HANDLERS.on(WithdrawPassage, **LOGGED)
async def withdraw_passage(tell: WithdrawPassage, work: EvidenceWork) -> None:
    """Sign that a passage on record did not take place. It is announced once the log holds it, and told again.

    Raises `Conflict` (`passage_unknown`) for a passage that is not on record for this attempt.
    """
    key = f"{tell.promotion_id}|{tell.attempt}"
    _require_on_record(tell, await work.passages.get(key))
    if known := await work.withdrawals.get(key):
        await _tell_again(known, tell.application, work)
        return
    name = f"{tell.project}/{tell.application}/{tell.version}"
    said = Withdrawal(
        Subject(tell.version_digest, name), tell.promotion_id, tell.attempt, tell.passage_digest, tell.because
    )
    data = (await work.signer()).envelope(withdrawal_statement(said, work.unit.now))
    await keep_blobs(work.unit, [(tell.project, data)])
    document: Document = {name: getattr(tell, name) for name in _KEPT}
    document |= {"_id": key, "digest": sha256_digest(data), "at": work.unit.now}
    await work.withdrawals.add(document)
    entry = LogEntry(
        EntryKind.WITHDRAWAL, tell.project, tell.application, key, document["digest"], recorded_at=work.unit.now
    )
    withdrawn = _withdrawn(document, tell.application, 0, work.unit.now)
    await work.journal.enter(entry, tell.promotion_id, tell.version_digest, then=withdrawn)


_KEPT = ("project", "promotion_id", "attempt", "version", "passage_digest")


def _require_on_record(tell: WithdrawPassage, known: Document | None) -> None:
    named = (tell.project, tell.passage_digest, tell.version_digest)
    # Passages from before their version was kept are of the version that the promotion names.
    if known is None or named != (known["project"], known["digest"], known.get("version_digest", tell.version_digest)):
        raise Conflict(
            "passage_unknown",
            f"The passage {tell.passage_digest} is not on record for attempt {tell.attempt} of {tell.promotion_id}.",
            remedy="Name the passage that was attested for this attempt.",
        )


async def _tell_again(known: Document, application: str, work: EvidenceWork) -> None:
    if (place := await work.journal.place_of(known["digest"])) is not None:
        work.unit.announce(_withdrawn(known, application, place, work.unit.now))


def _withdrawn(known: Document, application: str, log_index: int, at: datetime) -> PassageWithdrawn:
    return PassageWithdrawn(
        **{name: known[name] for name in _KEPT},
        application=application,
        withdrawal_digest=known["digest"],
        log_index=log_index,
        at=at,
    )


def _attested(tell: AttestPassage, digest: str, log_index: int, at: datetime) -> PassageAttested:
    return PassageAttested(
        project=tell.project,
        application=tell.application,
        version=tell.version,
        promotion_id=tell.promotion_id,
        attempt=tell.attempt,
        verdict_id=tell.verdict_id,
        passage_digest=digest,
        log_index=log_index,
        at=at,
    )


def _passage(tell: AttestPassage) -> Passage:
    project = tell.project
    name = f"{project}/{tell.application}/{tell.version}"
    policies = f"hallmark:{project}/policies"
    return Passage(
        subjects=(Subject(tell.version_digest, name), *(Subject(digest) for digest in tell.artifacts)),
        verdict_id=tell.verdict_id,
        verifier_id="https://hallmark.dev/gate",
        verifier_version=VERSION,
        verified_at=tell.judged_at,
        resource_uri=f"hallmark:{name}@{tell.to_stage}",
        policy_uri=policies,
        policy_digest=canonical_digest(sorted(tell.policy_digests)),
        policies=tuple(Resource(f"{policies}/{digest}", digest) for digest in tell.policy_digests),
        inputs=tuple(
            Resource(f"hallmark:{project}/evidence/{evidence_id(project, digest)}", digest)
            for digest in tell.evidence_digests
        ),
        passed=True,
        levels=levels_of(tell.to_stage, release=tell.release, trusted=tell.trusted),
        waivers=tell.waivers,
        kind=tell.kind,
    )
