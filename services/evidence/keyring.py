"""Hallmark's own key, as the rest of the service needs it."""

from __future__ import annotations

from dataclasses import dataclass

from services.evidence.domain.statement import PAYLOAD_TYPE
from services.evidence.settings import EvidenceSettings
from shared.crypto import dsse, keys, note
from shared.errors import Invalid

OWN_ROOT = "hallmark"
"""Name under which Hallmark's own signatures appear as a signer."""


@dataclass(frozen=True, repr=False)
class Keyring:
    """Signs as Hallmark. Contains a private key, hence no repr."""

    private: keys.PrivateKey
    origin: str
    max_evidence_bytes: int

    @property
    def key_id(self) -> str:
        """Digest of the public half."""
        return keys.key_id(self.private.public_key())

    @property
    def public_pem(self) -> str:
        """The public half."""
        return keys.public_pem(self.private.public_key())

    @property
    def verifier_key(self) -> str:
        """The log's verifier key in C2SP form."""
        return str(note.NoteKey(self.origin, self.private.public_key()))

    def envelope(self, statement: bytes) -> bytes:
        """A statement signed by Hallmark."""
        return dsse.sign(PAYLOAD_TYPE, statement, [self.private], hints=False)

    def checkpoint(self, size: int, root: bytes) -> bytes:
        """The log's signed state. A log must never sign two states of one size: only the sequencer calls this."""
        return note.sign_checkpoint(note.Checkpoint(self.origin, size, root), self.private)


def load_keyring(settings: EvidenceSettings) -> Keyring:
    """The keyring. Raises `Invalid` without a key, `OSError` for an unreadable one."""
    if settings.signing_key is None:
        raise Invalid(
            "signing_key_missing",
            "HALLMARK_SIGNING_KEY is not set: the evidence service has no key to sign with.",
            remedy="Make one with `python -m deploy.secrets`, and point HALLMARK_SIGNING_KEY at it.",
        )
    return Keyring(keys.read_private(settings.signing_key), settings.log_origin, settings.max_evidence_bytes)
