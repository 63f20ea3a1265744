"""C2SP signed notes and tree checkpoints.

- A note is text that ends in a newline, an empty line, and signature lines that start with an em dash.
- Text and signatures part at the last empty line; the text keeps its own last newline.
- Only keys that the reader brought count. Signatures by other keys are ignored.
- No known signature, or a bad one under a known key: the note is refused.
- A checkpoint is a note of three lines: origin, tree size, root hash. Extension lines are allowed and ignored.

Source: C2SP signed-note.md, tlog-checkpoint.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.crypto import keys
from shared.crypto.merkle import HASH_BYTES
from shared.errors import Invalid, TooLarge

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 64

_ED25519 = 0x01
_ECDSA = 0x02
_ED25519_BYTES = 32
_KEY_ID_BYTES = 4
_SIGNATURE_LINE = re.compile(r"— (\S+) (\S+)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_VERIFIER = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")
_MIN_CHECKPOINT_LINES = 3


@dataclass(frozen=True)
class NoteKey:
    """A public key under the name that its owner signs notes with."""

    name: str
    public: Ed25519PublicKey | EllipticCurvePublicKey

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(character.isspace() for character in self.name):
            raise Invalid(
                "note_key_name_malformed",
                f"{self.name!r} cannot name a note's key.",
                remedy="Use a name without spaces and plus signs.",
            )

    @property
    def id(self) -> bytes:
        """The four bytes that lead each signature by this key."""
        if isinstance(self.public, Ed25519PublicKey):
            return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:_KEY_ID_BYTES]
        return hashlib.sha256(keys.public_der(self.public)).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """The key's one-line form: `<name>+<key id>+<base64>`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self._typed).decode()}"

    @property
    def _typed(self) -> bytes:
        if isinstance(self.public, Ed25519PublicKey):
            return bytes([_ED25519]) + self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return bytes([_ECDSA]) + keys.public_der(self.public)


@dataclass(frozen=True)
class Checkpoint:
    """What a log says about itself: who it is, how many entries it has, and the root hash over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_key(line: str) -> NoteKey:
    """Read a key's one-line form. Raises `Invalid` unless it is a sound Ed25519 or ECDSA P-256 key."""
    found = _VERIFIER.fullmatch(line)
    if found is None:
        raise _key_malformed("it is not <name>+<key id>+<base64>")
    typed = _base64(found[3])
    if typed is None or len(typed) <= 1:
        raise _key_malformed("its last part is not base64")
    key = NoteKey(found[1], _public(typed[0], typed[1:]))
    if key.id.hex() != found[2]:
        raise _key_malformed("the key id does not belong to the key")
    return key


def sign(text: str, name: str, private: keys.PrivateKey) -> bytes:
    """A note over `text` with one signature. Raises `Invalid` when text or name cannot stand in a note."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise _malformed("the text must end in a newline and hold no other control characters")
    key = NoteKey(name, private.public_key())
    signature = base64.b64encode(key.id + keys.sign(private, text.encode())).decode()
    return f"{text}\n— {name} {signature}\n".encode()


def verify(note: bytes, known: Sequence[NoteKey]) -> tuple[str, tuple[str, ...]]:
    """The text of `note` and the names of the `known` keys that signed it, at least one.

    Raises `TooLarge` above `MAX_NOTE_BYTES` or `MAX_SIGNATURES`; `Invalid` when the note is malformed, when a
    known key's signature is bad, or when no known key signed.
    """
    text, signatures = _parts(note)
    names = []
    for name, signature in signatures:
        for key in known:
            if key.name == name and key.id == signature[:_KEY_ID_BYTES]:
                if not keys.verify(key.public, text.encode(), signature[_KEY_ID_BYTES:]):
                    raise _unverified(f"the signature of {name} is wrong")
                names.append(name)
    if not names:
        raise _unverified("no known key signed it")
    return text, tuple(dict.fromkeys(names))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text, signed or not. Raises `Invalid` when it is malformed."""
    lines = text.split("\n")
    if len(lines) <= _MIN_CHECKPOINT_LINES or lines[-1]:
        raise _checkpoint_malformed("it needs three lines, each ended by a newline")
    origin, size, encoded = lines[:_MIN_CHECKPOINT_LINES]
    if not origin:
        raise _checkpoint_malformed("its origin is empty")
    if not _SIZE.fullmatch(size) or int(size) >= 2**63:
        raise _checkpoint_malformed("its size is not a plain decimal number")
    root = _base64(encoded)
    if root is None or len(root) != HASH_BYTES:
        raise _checkpoint_malformed("its root is not the base64 of a SHA-256 hash")
    return Checkpoint(origin, int(size), root)


def sign_checkpoint(checkpoint: Checkpoint, private: keys.PrivateKey) -> bytes:
    """`checkpoint` as a note signed under its own origin as key name."""
    return sign(checkpoint.text(), checkpoint.origin, private)


def verify_checkpoint(note: bytes, known: Sequence[NoteKey], *, origin: str) -> Checkpoint:
    """The checkpoint in `note`, signed by one of `known` and made for the log `origin`.

    Raises as `verify` and `parse_checkpoint` do, and `Invalid` for another log's checkpoint.
    """
    text, _ = verify(note, known)
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != origin:
        raise Invalid(
            "checkpoint_origin_wrong",
            f"The checkpoint is of the log {checkpoint.origin!r}, not of {origin!r}.",
            remedy="Use a checkpoint of the log that holds the entry.",
        )
    return checkpoint


def _parts(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > MAX_NOTE_BYTES:
        raise TooLarge("note_too_large", f"The note has {len(note)} bytes.", remedy="Send the checkpoint alone.")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("it is not UTF-8") from error
    if _CONTROL.search(whole):
        raise _malformed("it holds control characters")
    text, separator, block = whole.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise _malformed("it has no signature lines after an empty line")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise TooLarge(
            "note_signatures_many", f"The note has {len(lines)} signatures.", remedy="Send fewer signatures."
        )
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE_LINE.fullmatch(line)
    signature = _base64(found[2]) if found else None
    if found is None or signature is None or len(signature) <= _KEY_ID_BYTES:
        raise _malformed("a signature line is not `— <name> <base64>`")
    return found[1], signature


def _public(kind: int, encoded: bytes) -> Ed25519PublicKey | EllipticCurvePublicKey:
    if kind == _ED25519 and len(encoded) == _ED25519_BYTES:
        return Ed25519PublicKey.from_public_bytes(encoded)
    if kind == _ECDSA:
        body = base64.b64encode(encoded).decode()
        public = keys.load_public(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
        if isinstance(public, EllipticCurvePublicKey):
            return public
    raise _key_malformed("it is neither Ed25519 nor ECDSA P-256")


def _base64(text: str) -> bytes | None:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None


def _malformed(problem: str) -> Invalid:
    return Invalid("note_malformed", f"The note cannot be read: {problem}.", remedy="Send the note as it was signed.")


def _unverified(problem: str) -> Invalid:
    return Invalid(
        "note_unverified",
        f"The note is not believed: {problem}.",
        remedy="Compare the key with the log's published one.",
    )


def _checkpoint_malformed(problem: str) -> Invalid:
    return Invalid(
        "checkpoint_malformed",
        f"The checkpoint cannot be read: {problem}.",
        remedy="Fetch the checkpoint again.",
    )


def _key_malformed(problem: str) -> Invalid:
    return Invalid(
        "note_key_malformed",
        f"The note key cannot be used: {problem}.",
        remedy="Copy the line that the log publishes.",
    )
