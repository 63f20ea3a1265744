"""Whether a piece of signed evidence may be believed.

- In this order: parse the envelope or bundle, verify its signatures, check the payload type, parse the statement, ask
  the trust roots. What does not parse is refused outright, however well it is signed.
- A root believes when it vouches for the predicate type in the signed payload, is valid at the moment of receipt,
  and at least as many of its signers verified as its threshold asks for. One such root is enough.
- Only the signers of roots that believe are reported: any other key has vouched for nothing here. What became of each
  signature is reported in any case.
- `Verified` can be made only in this module. What holds one needs no second look.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass
from datetime import datetime
from enum import StrEnum

from contracts.facts import SignatureCheck, Signer
from shared.crypto import dsse, strict_json
from shared.crypto.sigstore import certificate
from shared.crypto.sigstore.bundle import Bundle, MessageSignature
from shared.crypto.sigstore.checks import CheckFailed
from shared.trust import signatures
from shared.trust import statement as in_toto
from shared.trust.roots import TrustRoot
from shared.trust.statement import Statement

_SEAL = object()


class Problem(StrEnum):
    """Why evidence is kept without counting, from the farthest from being believed to the nearest."""

    PAYLOAD_TYPE_UNSUPPORTED = "payload_type_unsupported"
    NO_TRUSTED_SIGNATURE = "no_trusted_signature"
    IDENTITY_NOT_ALLOWED = "identity_not_allowed"
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
    checks: tuple[SignatureCheck, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only judge() makes verified evidence")


@dataclass(frozen=True)
class Unverified:
    """Well-formed evidence that no trust root believes: kept and shown, never counted.

    `statement` is None when the payload is no in-toto statement.
    """

    statement: Statement | None
    problem: Problem
    checks: tuple[SignatureCheck, ...] = ()


Verification = Verified | Unverified


def judge(data: bytes, roots: Sequence[TrustRoot], at: datetime) -> Verification:
    """Judge the envelope or Sigstore bundle `data`, received at `at`, by the `roots` in force for its project.

    Raises `Invalid` or `TooLarge` when the evidence or the statement in it is malformed.
    """
    evidence = signatures.read(strict_json.loads_object(data, max_bytes=dsse.MAX_ENVELOPE_BYTES))
    examined = signatures.examine(evidence, roots)
    statement = _statement(evidence)
    if statement is None:
        return Unverified(None, Problem.PAYLOAD_TYPE_UNSUPPORTED, examined.checks)
    problems = []
    signers: list[Signer] = []
    for place, root in enumerate(roots):
        answer = _ask(root, examined.signers[place], statement.predicate_type, at)
        if not isinstance(answer, Problem):
            signers.extend(answer)
        elif answer is Problem.NO_TRUSTED_SIGNATURE and place in examined.refused:
            problems.append(Problem.IDENTITY_NOT_ALLOWED)
        else:
            problems.append(answer)
    if signers:
        return Verified(statement, tuple(signers), examined.checks, _SEAL)
    nearest = max(problems, key=_ORDER.index, default=Problem.NO_TRUSTED_SIGNATURE)
    return Unverified(statement, nearest, examined.checks)


def _statement(evidence: signatures.Evidence) -> Statement | None:
    if not isinstance(evidence, Bundle):
        return _of_envelope(evidence)
    if isinstance(evidence.content, MessageSignature):
        return in_toto.of_signature(evidence.content.digest, _about_signature(evidence))
    return _of_envelope(evidence.content)


def _of_envelope(envelope: dsse.Envelope) -> Statement | None:
    return in_toto.parse(envelope.payload) if in_toto.is_statement(envelope.payload_type) else None


def _about_signature(bundle: Bundle) -> dict[str, str]:
    about = {"mediaType": bundle.media_type}
    if bundle.certificate is not None:
        with suppress(CheckFailed):
            holder = certificate.read(bundle.certificate).holder
            about |= {"identity": holder.identity, "issuer": holder.issuer}
    return about


def _ask(
    root: TrustRoot, signers: tuple[Signer, ...], predicate_type: str, at: datetime
) -> Problem | tuple[Signer, ...]:
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
