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
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.crypto import keys
from shared.crypto.merkle import HASH_BYTES
from shared.crypto.note_keys import KEY_ID_BYTES, NoteKey, parse_key, strict_base64
from shared.errors import Invalid, TooLarge

__all__ = [
    "Checkpoint",
    "NoteKey",
    "parse_checkpoint",
    "parse_key",
    "parts",
    "sign",
    "sign_checkpoint",
    "signature_line",
    "verify",
    "verify_checkpoint",
    "with_lines",
]

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 64

_SIGNATURE_LINE = re.compile(r"— (\S+) (\S+)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_MIN_CHECKPOINT_LINES = 3


@dataclass(frozen=True)
class Checkpoint:
    """What a log says about itself: who it is, how many entries it has, and the root hash over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(text: str, name: str, *privates: keys.PrivateKey) -> bytes:
    """A note over `text`, signed once by each key. Raises `Invalid` when text or name cannot stand in a note."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise _malformed("the text must end in a newline and hold no other control characters")
    lines = [
        signature_line(name, NoteKey(name, private.public_key()).id, keys.sign(private, text.encode()))
        for private in privates
    ]
    return with_lines(f"{text}\n".encode(), lines)


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """One signature as it stands in a note, without its newline."""
    return f"— {name} {base64.b64encode(key_id + signature).decode()}"


def with_lines(note: bytes, lines: Iterable[str]) -> bytes:
    """`note` with more signature lines at its end."""
    return note + "".join(f"{line}\n" for line in lines).encode()


def verify(note: bytes, known: Sequence[NoteKey]) -> tuple[str, tuple[str, ...]]:
    """The text of `note` and the names of the `known` keys that signed it, at least one.

    Raises `TooLarge` above `MAX_NOTE_BYTES` or `MAX_SIGNATURES`; `Invalid` when the note is malformed, when a
    known key's signature is bad, or when no known key signed.
    """
    text, signatures = parts(note)
    names = []
    for name, signature in signatures:
        for key in known:
            if key.name == name and key.id == signature[:KEY_ID_BYTES]:
                if not keys.verify(key.public, text.encode(), signature[KEY_ID_BYTES:]):
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
    root = strict_base64(encoded)
    if root is None or len(root) != HASH_BYTES:
        raise _checkpoint_malformed("its root is not the base64 of a SHA-256 hash")
    return Checkpoint(origin, int(size), root)


def sign_checkpoint(checkpoint: Checkpoint, *privates: keys.PrivateKey) -> bytes:
    """`checkpoint` as a note signed under its own origin as key name, by several keys while one follows another."""
    return sign(checkpoint.text(), checkpoint.origin, *privates)


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


def parts(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a note, and per signature line its name and bytes, nothing of it verified. Raises as `verify`."""
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
    signature = strict_base64(found[2]) if found else None
    if found is None or signature is None or len(signature) <= KEY_ID_BYTES:
        raise _malformed("a signature line is not `— <name> <base64>`")
    return found[1], signature


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
