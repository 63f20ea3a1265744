"""Keys that sign C2SP notes, and keys of witnesses that cosign them, in their one-line form.

- The form is `<name>+<key id>+<base64 of a type byte and the key>`; names have no spaces and no plus signs.
- The four bytes of the key id bind name, type and key; a line whose key id is another one is refused.
- Types: 0x01 Ed25519 and 0x02 ECDSA P-256 sign the text of a note, 0x04 Ed25519 cosigns a checkpoint at a time.
  The same key has another id under each type, so no signature can pose as one of another type.

Source: C2SP signed-note.md, tlog-cosignature.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.crypto import keys
from shared.errors import Invalid

KEY_ID_BYTES = 4

_ED25519 = 0x01
_ECDSA = 0x02
_COSIGNATURE = 0x04
_ED25519_BYTES = 32
_VERIFIER = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")


@dataclass(frozen=True)
class NoteKey:
    """A public key under the name that its owner signs notes with."""

    name: str
    public: Ed25519PublicKey | EllipticCurvePublicKey

    def __post_init__(self) -> None:
        _check_name(self.name)

    @property
    def id(self) -> bytes:
        """The four bytes that lead each signature by this key."""
        if isinstance(self.public, Ed25519PublicKey):
            return _named_id(self.name, self._typed)
        return hashlib.sha256(keys.public_der(self.public)).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The key's one-line form: `<name>+<key id>+<base64>`."""
        return _line(self.name, self.id, self._typed)

    @property
    def _typed(self) -> bytes:
        if isinstance(self.public, Ed25519PublicKey):
            return bytes([_ED25519]) + _raw(self.public)
        return bytes([_ECDSA]) + keys.public_der(self.public)


@dataclass(frozen=True)
class WitnessKey:
    """A public key under the name that a witness cosigns checkpoints with."""

    name: str
    public: Ed25519PublicKey

    def __post_init__(self) -> None:
        _check_name(self.name)

    @property
    def id(self) -> bytes:
        """The four bytes that lead each cosignature by this key."""
        return _named_id(self.name, self._typed)

    def __str__(self) -> str:
        """The key's one-line form: `<name>+<key id>+<base64>`."""
        return _line(self.name, self.id, self._typed)

    @property
    def _typed(self) -> bytes:
        return bytes([_COSIGNATURE]) + _raw(self.public)


Key = TypeVar("Key", NoteKey, WitnessKey)


@lru_cache(maxsize=256)
def parse_key(line: str) -> NoteKey:
    """Read the line of a key that signs notes. Raises `Invalid` unless it is a sound Ed25519 or ECDSA P-256 key."""
    name, key_id, kind, encoded = _split(line)
    return _checked(NoteKey(name, _public(kind, encoded)), key_id)


def parse_witness_key(line: str) -> WitnessKey:
    """Read the line of a witness's key. Raises `Invalid` unless it is a sound Ed25519 key for cosignatures."""
    name, key_id, kind, encoded = _split(line)
    if kind != _COSIGNATURE or len(encoded) != _ED25519_BYTES:
        raise _malformed("it is no Ed25519 key for cosignatures")
    return _checked(WitnessKey(name, Ed25519PublicKey.from_public_bytes(encoded)), key_id)


def strict_base64(text: str) -> bytes | None:
    """The bytes behind the one canonical base64 form; None for anything else."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise Invalid(
            "note_key_name_malformed",
            f"{name!r} cannot name a note's key.",
            remedy="Use a name without spaces and plus signs.",
        )


def _split(line: str) -> tuple[str, str, int, bytes]:
    found = _VERIFIER.fullmatch(line)
    if found is None:
        raise _malformed("it is not <name>+<key id>+<base64>")
    typed = strict_base64(found[3])
    if typed is None or len(typed) <= 1:
        raise _malformed("its last part is not base64")
    return found[1], found[2], typed[0], typed[1:]


def _checked(key: Key, key_id: str) -> Key:
    if key.id.hex() != key_id:
        raise _malformed("the key id does not belong to the key")
    return key


def _public(kind: int, encoded: bytes) -> Ed25519PublicKey | EllipticCurvePublicKey:
    if kind == _ED25519 and len(encoded) == _ED25519_BYTES:
        return Ed25519PublicKey.from_public_bytes(encoded)
    if kind == _ECDSA:
        body = base64.b64encode(encoded).decode()
        public = keys.load_public(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
        if isinstance(public, EllipticCurvePublicKey):
            return public
    raise _malformed("it is neither Ed25519 nor ECDSA P-256")


def _named_id(name: str, typed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + typed).digest()[:KEY_ID_BYTES]


def _line(name: str, key_id: bytes, typed: bytes) -> str:
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode()}"


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _malformed(problem: str) -> Invalid:
    return Invalid(
        "note_key_malformed",
        f"The note key cannot be used: {problem}.",
        remedy="Copy the line that the log or the witness publishes.",
    )
