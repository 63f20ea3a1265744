"""Whether a signed envelope may be believed.

- In this order: parse the envelope, verify its signatures, check the payload type, parse the statement, ask the
  trust roots. What does not parse is refused outright, however well it is signed.
- A root believes when it vouches for the predicate type in the signed payload, is valid at the moment of receipt,
  and at least as many of its keys verified as its threshold asks for. One such root is enough.
- Only the signers of roots that believe are reported: any other key has vouched for nothing here.
- `Verified` can be made only in this module. What holds one needs no second look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime
from enum import StrEnum

from contracts.facts import Signer
from services.evidence.domain import statement as in_toto
from services.evidence.domain.statement import Statement
from services.evidence.domain.trust import TrustRoot
from shared.crypto import dsse

_SEAL = object()


class Problem(StrEnum):
    """Why evidence is kept without counting, from the farthest from being believed to the nearest."""

    PAYLOAD_TYPE_UNSUPPORTED = "payload_type_unsupported"
    NO_TRUSTED_SIGNATURE = "no_trusted_signature"
    PREDICATE_NOT_ALLOWED = "predicate_not_allowed"
    KEY_NOT_YET_VALID = "key_not_yet_valid"
    KEY_DISTRUSTED = "key_distrusted"
    THRESHOLD_NOT_MET = "threshold_not_met"


_ORDER = tuple(Problem)


@dataclass(frozen=True)
class Verified:
    """A statement that at least one trust root believes.

    One signer per key and believing root: a key that two roots hold appears once for each role, so quorums count
    distinct key ids.
    """

    statement: Statement
    signers: tuple[Signer, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only judge() makes verified evidence")


@dataclass(frozen=True)
class Unverified:
    """A well-formed envelope that no trust root believes: kept and shown, never counted.

    `statement` is None when the payload is no in-toto statement.
    """

    statement: Statement | None
    problem: Problem


Verification = Verified | Unverified


def judge(data: bytes, roots: Sequence[TrustRoot], at: datetime) -> Verification:
    """Judge the envelope `data`, received at `at`, by the `roots` that are in force for its project.

    Raises `Invalid` or `TooLarge` when the envelope or the statement in it is malformed.
    """
    envelope = dsse.parse(data)
    verified = frozenset(dsse.verify(envelope, (key.public for root in roots for key in root.keys)))
    if not in_toto.is_statement(envelope.payload_type):
        return Unverified(None, Problem.PAYLOAD_TYPE_UNSUPPORTED)
    statement = in_toto.parse(envelope.payload)
    problems = []
    signers: list[Signer] = []
    for root in roots:
        answer = _ask(root, verified, statement.predicate_type, at)
        if isinstance(answer, Problem):
            problems.append(answer)
        else:
            signers.extend(answer)
    if signers:
        return Verified(statement, tuple(signers), _SEAL)
    return Unverified(statement, max(problems, key=_ORDER.index, default=Problem.NO_TRUSTED_SIGNATURE))


def _ask(root: TrustRoot, verified: frozenset[str], predicate_type: str, at: datetime) -> Problem | tuple[Signer, ...]:
    signers = tuple(
        Signer(key_id=key.key_id, trust_root=root.name, role=root.role) for key in root.keys if key.key_id in verified
    )
    if not signers:
        return Problem.NO_TRUSTED_SIGNATURE
    if not root.vouches_for(predicate_type):
        return Problem.PREDICATE_NOT_ALLOWED
    if at < root.valid_from:
        return Problem.KEY_NOT_YET_VALID
    if root.distrust_after is not None and at > root.distrust_after:
        return Problem.KEY_DISTRUSTED
    if len(signers) < root.threshold:
        return Problem.THRESHOLD_NOT_MET
    return signers
