"""Entries of transparency logs: that the log holds them, and that they are about this very signature.

- An entry is bound by digest, signature and key, each compared with the bundle's own; an entry of another signature
  by the same key does not count.
- Bundles of version 0.1 need the log's promise (signed entry timestamp), later ones an inclusion proof with a
  checkpoint. Whatever else an entry brings is checked too: nothing that can be checked is passed over.
- A checkpoint is signed by the log under its own host name, and is about the tree of the proof.
- The log's own time counts only when its promise covers it.

Source: sigstore/rekor types (hashedrekord 0.0.1, dsse 0.0.1, intoto 0.0.2), rekor-tiles (hashedrekord 0.0.2,
dsse 0.0.2), sigstore client specification; C2SP tlog-checkpoint.md.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.crypto import keys, merkle, note
from shared.crypto.sigstore.authority import Log
from shared.crypto.sigstore.bundle import InclusionProof, LogEntry
from shared.crypto.sigstore.checks import Check, CheckFailed
from shared.crypto.sigstore.logged import Signed, check_about
from shared.digests import canonical_json
from shared.errors import HallmarkError

_PROMISED_ONLY = (0, 1)


@dataclass(frozen=True)
class Logged:
    """An entry that holds: by which log, and when, if the log's promise says so."""

    log: Log
    at: datetime | None


def check(entry: LogEntry, signed: Signed, logs: Sequence[Log], version: tuple[int, int]) -> Logged:
    """Check `entry` against the `logs` of the authority. Raises `CheckFailed` for the first thing that is wrong."""
    log = next((one for one in logs if one.id == entry.log_id), None)
    if log is None:
        raise CheckFailed(Check.LOG_UNKNOWN, f"No configured log has the id {entry.log_id.hex()}.")
    check_about(entry, signed)
    at = _check_promise(entry, log) if entry.promise is not None else None
    if at is None and version == _PROMISED_ONLY:
        raise _promise("is missing, and a bundle of version 0.1 needs it")
    if entry.proof is not None:
        _check_proof(entry, entry.proof, log, version)
    elif version != _PROMISED_ONLY:
        raise CheckFailed(Check.INCLUSION_PROOF_INVALID, "The inclusion proof is missing.")
    return Logged(log, at)


def _check_promise(entry: LogEntry, log: Log) -> datetime:
    try:
        promised = canonical_json(
            {
                "body": base64.b64encode(entry.body).decode(),
                "integratedTime": entry.integrated_at,
                "logID": entry.log_id.hex(),
                "logIndex": entry.index,
            }
        )
        at = datetime.fromtimestamp(entry.integrated_at, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _promise("is about no possible time or place") from error
    if not keys.verify(log.public, promised, entry.promise or b""):
        raise _promise("is not the log's")
    if at not in log.period:
        raise _promise("is of a time in which the log is not trusted")
    return at


def _check_proof(entry: LogEntry, proof: InclusionProof, log: Log, version: tuple[int, int]) -> None:
    leaf = merkle.leaf_hash(entry.body)
    included = proof.index < proof.size and merkle.verify_inclusion(
        leaf, proof.index, proof.size, proof.hashes, proof.root
    )
    if not included:
        raise CheckFailed(Check.INCLUSION_PROOF_INVALID, "The inclusion proof does not lead to its root.")
    if entry.promise is None and entry.index != proof.index:
        raise CheckFailed(Check.INCLUSION_PROOF_INVALID, "The inclusion proof is of another place in the log.")
    if proof.checkpoint is not None:
        _check_checkpoint(proof, proof.checkpoint, log)
    elif version != _PROMISED_ONLY:
        raise CheckFailed(Check.CHECKPOINT_INVALID, "The checkpoint is missing.")


def _check_checkpoint(proof: InclusionProof, checkpoint: str, log: Log) -> None:
    if isinstance(log.public, RSAPublicKey):
        raise CheckFailed(Check.CHECKPOINT_INVALID, "Checkpoints signed with RSA are not supported.")
    try:
        text, _ = note.verify(checkpoint.encode(), [note.NoteKey(log.host, log.public)])
        signed = note.parse_checkpoint(text)
    except HallmarkError as error:
        raise CheckFailed(Check.CHECKPOINT_INVALID, error.message) from error
    # The older log names its tree beside its host.
    if signed.origin.partition(" - ")[0] != log.host:
        raise CheckFailed(Check.CHECKPOINT_INVALID, f"The checkpoint is of {signed.origin[:200]!r}.")
    if (signed.size, signed.root) != (proof.size, proof.root):
        raise CheckFailed(Check.CHECKPOINT_INVALID, "The checkpoint is about another tree than the inclusion proof.")


def _promise(problem: str) -> CheckFailed:
    return CheckFailed(Check.INCLUSION_PROMISE_INVALID, f"The signed entry timestamp {problem}.")
