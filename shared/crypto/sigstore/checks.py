"""What can become of a signature: the closed list of codes, and the exception that carries one."""

from __future__ import annotations

from enum import StrEnum


class Check(StrEnum):
    """`verified`, or the check that failed; from the farthest from being believed to the nearest."""

    KEY_UNKNOWN = "key_unknown"
    """No key of a trust root made the signature."""
    AUTHORITY_MISSING = "authority_missing"
    """It names a certificate, and no trust root has an authority for certificates."""
    CERTIFICATE_UNUSABLE = "certificate_unusable"
    """The certificate cannot be read, is not for signing code, or names nobody."""
    ARTIFACT_NEEDED = "artifact_needed"
    """The algorithm signs whole artifacts, and only a digest is at hand."""
    SIGNATURE_INVALID = "signature_invalid"
    """The certified key did not make the signature."""
    LOG_ENTRY_MISSING = "log_entry_missing"
    """The authority names a log, and the bundle brings no entry."""
    LOG_UNKNOWN = "log_unknown"
    """The entry is of a log that the authority does not name."""
    LOG_ENTRY_UNSUPPORTED = "log_entry_unsupported"
    """The entry's kind cannot be bound to a signature."""
    LOG_ENTRY_MISMATCH = "log_entry_mismatch"
    """The entry is about another signature, key or digest."""
    INCLUSION_PROMISE_INVALID = "inclusion_promise_invalid"
    """The signed entry timestamp is missing where needed, or wrong."""
    INCLUSION_PROOF_INVALID = "inclusion_proof_invalid"
    """The inclusion proof is missing where needed, or leads to another root."""
    CHECKPOINT_INVALID = "checkpoint_invalid"
    """The checkpoint is not signed by the log, or is about another tree."""
    TIMESTAMP_INVALID = "timestamp_invalid"
    """An RFC 3161 timestamp is of another signature, of an unknown authority, out of its time, or there twice."""
    TIME_UNPROVEN = "time_unproven"
    """Nothing proves when the signature was made."""
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    """The certificate does not lead to the authority, or was not valid when the signature was made."""
    CERTIFICATE_NOT_LOGGED = "certificate_not_logged"
    """No certificate log that the authority names has signed for the certificate."""
    IDENTITY_NOT_ALLOWED = "identity_not_allowed"
    """All holds, and no trust root believes who signed."""
    VERIFIED = "verified"


class CheckFailed(Exception):
    """One check of a signature did not hold. Never leaves this package and its callers in the domain."""

    def __init__(self, check: Check, detail: str) -> None:
        super().__init__(detail)
        self.check = check
        self.detail = detail
