"""A record: one envelope or bundle that a project was handed, what it says, and whether that counts.

- The id is computed from project and envelope: the same envelope again is the same record.
- Nobody's trust root can vouch for approvals, not even with `*`: Hallmark signs those itself, for people it has seen
  signing in.
- A statement's own time counts, but never a later one than its receipt.
- The stage it was made for is `stage` in the signed predicate, of whatever type, when that is a stage's name.
- Who handed it in first stays who handed it in: no duplicate and no judgement changes that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.facts import Component, EvidenceItem, OtherFacts, SignatureCheck, Signer
from contracts.vocabulary import Digest, StageName
from services.evidence.domain import kinds
from services.evidence.domain.fitting import fitted, room_for_facts
from services.evidence.domain.kinds.reading import Reading
from shared.crypto.sigstore.checks import Check
from shared.digests import sha256_digest
from shared.trust.statement import APPROVAL_TYPE, Statement
from shared.trust.verification import Problem, Unverified, Verification, Verified

UNKNOWN_PREDICATE = "unknown:payload"
_STAGE: TypeAdapter[StageName] = TypeAdapter(StageName)
REMEDIES = {
    Problem.PAYLOAD_TYPE_UNSUPPORTED: "Sign an in-toto statement (payload type application/vnd.in-toto+json).",
    Problem.NO_TRUSTED_SIGNATURE: "Sign with a key that a trust root of the project holds, or apply such a trust root.",
    Problem.IDENTITY_NOT_ALLOWED: "Sign as an identity that a trust root of the project names, or have it named.",
    Problem.PREDICATE_NOT_ALLOWED: "Sign with a key whose trust root may vouch for this predicate type.",
    Problem.KEY_NOT_YET_VALID: "Wait until the trust root is valid, or sign with another key.",
    Problem.KEY_DISTRUSTED: "Sign with a key that is still trusted.",
    Problem.THRESHOLD_NOT_MET: "Have as many keys of the trust root sign as its threshold asks for.",
}


@dataclass(frozen=True)
class Record:
    """What is kept of one envelope."""

    item: EvidenceItem
    components: tuple[Component, ...]


def evidence_id(project: str, content_digest: Digest) -> str:
    """The id of this envelope in this project."""
    return "ev-" + hashlib.sha256(f"{project}\n{content_digest}".encode()).hexdigest()[:32]


def record_of(project: str, data: bytes, verification: Verification, at: datetime, *, by: str = "") -> Record:
    """The record of an envelope that `by` handed in, received at `at`."""
    statement = verification.statement
    reading = kinds.read(statement.predicate_type, statement.predicate, at) if statement else Reading(OtherFacts())
    problem, signers = _believed(verification)
    return _record(
        project, data, statement, reading, problem=problem, signers=signers, checks=verification.checks, at=at, by=by
    )


def own_record(
    project: str, data: bytes, statement: Statement, signer: Signer, at: datetime, *, by: str = ""
) -> Record:
    """The record of a statement that Hallmark itself has just signed, for `by`."""
    reading = kinds.read(statement.predicate_type, statement.predicate, at)
    checks = (SignatureCheck(signer=signer.key_id, outcome=Check.VERIFIED.value),)
    return _record(project, data, statement, reading, problem=None, signers=(signer,), checks=checks, at=at, by=by)


def _believed(verification: Verification) -> tuple[Problem | None, tuple[Signer, ...]]:
    match verification:
        case Unverified(_, problem):
            return problem, ()
        case Verified(statement, signers):
            if statement.predicate_type == APPROVAL_TYPE:
                return Problem.PREDICATE_NOT_ALLOWED, ()
            return None, signers


def _record(
    project: str,
    data: bytes,
    statement: Statement | None,
    reading: Reading,
    *,
    problem: Problem | None,
    signers: tuple[Signer, ...],
    checks: tuple[SignatureCheck, ...],
    at: datetime,
    by: str,
) -> Record:
    content_digest = sha256_digest(data)
    subjects = statement.digests if statement else ()
    item = EvidenceItem(
        evidence_id=evidence_id(project, content_digest),
        content_digest=content_digest,
        predicate_type=statement.predicate_type if statement else UNKNOWN_PREDICATE,
        subjects=subjects,
        verified=problem is None,
        problem=problem.value if problem else None,
        signers=signers,
        checks=checks,
        made_at=min(reading.claimed_at or at, at),
        received_at=at,
        facts=fitted(reading.facts, room_for_facts(subjects, signers, checks)),
        submitted_by=by,
        made_for=_made_for(statement.predicate) if statement else None,
    )
    return Record(item, reading.components)


def _made_for(predicate: Mapping[str, Any]) -> StageName | None:
    try:
        return _STAGE.validate_python(predicate.get("stage"))
    except ValidationError:
        return None
