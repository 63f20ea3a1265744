"""Hallmark's own keys, as the rest of the service needs them."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.evidence.given_out import GivenOut
from services.evidence.recent import RecentLog
from services.evidence.settings import EvidenceSettings
from shared.crypto import dsse, keys, note
from shared.errors import Invalid, Transient
from shared.gate_keys import GateKeys, load_gate_keys
from shared.trust.statement import PAYLOAD_TYPE


@dataclass(frozen=True, repr=False)
class Signer:
    """Signs as Hallmark with one key. Contains a private key, hence no repr."""

    private: keys.PrivateKey
    origin: str

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


@dataclass(frozen=True, repr=False)
class Keyring:
    """The keys this process was given, and the settings that go with them. Which key is in force, the log knows."""

    signers: tuple[Signer, ...]
    """The current one, and the next one where it is given."""
    origin: str
    max_evidence_bytes: int
    quorum: int
    given_out: GivenOut
    gate_keys: GateKeys
    """Whose clearances are believed."""
    recent: RecentLog = field(default_factory=RecentLog)

    @property
    def held(self) -> tuple[str, ...]:
        """Verifier keys of what this process can sign with."""
        return tuple(signer.verifier_key for signer in self.signers)

    def signer(self, verifier_key: str) -> Signer:
        """Signs with that key. Raises `Transient` when this process does not hold it: another instance may."""
        for signer in self.signers:
            if signer.verifier_key == verifier_key:
                return signer
        raise Transient(
            "signing_key_not_held",
            f"This process does not hold the log's key {verifier_key}.",
            remedy="Restart it with HALLMARK_SIGNING_KEY pointing at the key in force.",
        )


def load_keyring(settings: EvidenceSettings) -> Keyring:
    """The keyring. Raises `Invalid` without a key, `OSError` for an unreadable one and without any key of the gate."""
    if settings.signing_key is None:
        raise Invalid(
            "signing_key_missing",
            "HALLMARK_SIGNING_KEY is not set: the evidence service has no key to sign with.",
            remedy="Make one with `python -m deploy.secrets`, and point HALLMARK_SIGNING_KEY at it.",
        )
    paths = [settings.signing_key]
    if settings.next_signing_key and settings.next_signing_key.exists():
        paths.append(settings.next_signing_key)
    signers = tuple(Signer(keys.read_private(path), settings.log_origin) for path in paths)
    given_out = GivenOut(settings.checkpoint_dir, settings.instance)
    return Keyring(
        signers,
        settings.log_origin,
        settings.max_evidence_bytes,
        settings.witness_quorum,
        given_out,
        load_gate_keys(settings),
    )
