"""DSSE 1.0.2 envelopes: a payload, its type, and signatures over both.

- What is signed is the pre-authentication encoding of type and payload, so neither can be exchanged alone.
- The envelope is parsed once; the bytes that verified are the bytes handed on.
- Keys come from the caller. Nothing in the envelope is ever used as a key, and `keyid` is not even consulted:
  nobody signed it.
- A bad signature is skipped. What counts is how many different keys verified, not how many signatures.
- Base64 is standard or URL-safe, never both in one text, padded, and has exactly one spelling per value.

Source: secure-systems-lab/dsse protocol.md, envelope.md.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.crypto import base64_text, keys, strict_json
from shared.digests import canonical_json
from shared.errors import Invalid, TooLarge

MAX_ENVELOPE_BYTES = 64 * 2**20
MAX_SIGNATURES = 16
"""Each is tried with each candidate key, so that their number is a cost that a stranger chooses."""


@dataclass(frozen=True)
class Signature:
    """One signature. `keyid` is a hint that nobody vouches for."""

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A parsed envelope. That it parsed says nothing about who signed it."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: the exact bytes that are signed. Lengths are in bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse(data: bytes, *, max_bytes: int = MAX_ENVELOPE_BYTES) -> Envelope:
    """Read an envelope's JSON form; unknown fields are ignored.

    Raises `TooLarge` above `max_bytes` or `MAX_SIGNATURES`, `Invalid` when it is no envelope in strict JSON.
    """
    return read(strict_json.loads_object(data, max_bytes=max_bytes))


def read(document: dict[str, Any]) -> Envelope:
    """Read an envelope out of parsed JSON. Raises as `parse` does."""
    listed = document.get("signatures")
    if not isinstance(listed, list):
        raise _malformed("signatures", "is not a list")
    if len(listed) > MAX_SIGNATURES:
        raise TooLarge(
            "envelope_signatures_many",
            f"The envelope carries {len(listed)} signatures; at most {MAX_SIGNATURES} are tried.",
            remedy="Send only the signatures that count.",
        )
    return Envelope(
        payload_type=_text(document, "payloadType", "payloadType"),
        payload=_decoded(document, "payload", "payload"),
        signatures=tuple(_signature(item, f"signatures[{place}]") for place, item in enumerate(listed)),
    )


def sign(payload_type: str, payload: bytes, signers: Sequence[keys.PrivateKey], *, hints: bool = True) -> bytes:
    """An envelope around `payload`, signed by each of `signers`. Raises `Invalid` when there are none.

    Without `hints` the key ids are empty: some verifiers name keys in another way (Go's, by SSH fingerprint) and pass
    over a signature whose key id is not theirs.
    """
    if not signers:
        raise Invalid("envelope_unsigned", "An envelope needs a signature.", remedy="Name a signing key.")
    message = pae(payload_type, payload)
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [
                {
                    "keyid": keys.key_id(signer.public_key()) if hints else "",
                    "sig": base64.b64encode(keys.sign(signer, message)).decode(),
                }
                for signer in signers
            ],
        }
    )


def verify(envelope: Envelope, candidates: Iterable[keys.PublicKey]) -> tuple[str, ...]:
    """The key ids of the distinct `candidates` that verified; empty when none did.

    A threshold is the caller's to compare with the length of the answer.
    """
    given = tuple(candidates)
    verified = {name for names in verify_each(envelope, given) for name in names}
    return tuple(name for name in dict.fromkeys(map(keys.key_id, given)) if name in verified)


def verify_each(envelope: Envelope, candidates: Iterable[keys.PublicKey]) -> tuple[tuple[str, ...], ...]:
    """Per signature of `envelope`, in its order: the key ids of the distinct `candidates` that verified it."""
    message = pae(envelope.payload_type, envelope.payload)
    distinct = {keys.key_id(candidate): candidate for candidate in candidates}
    return tuple(
        tuple(name for name, public in distinct.items() if keys.verify(public, message, signature.sig))
        for signature in envelope.signatures
    )


def _signature(item: Any, where: str) -> Signature:
    if not isinstance(item, dict):
        raise _malformed(where, "is not an object")
    keyid = item.get("keyid")
    if keyid is not None and not isinstance(keyid, str):
        raise _malformed(f"{where}.keyid", "is not a text")
    return Signature(keyid=keyid or "", sig=_decoded(item, "sig", f"{where}.sig"))


def _text(holder: dict[str, Any], name: str, where: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str):
        raise _malformed(where, "is missing or not a text")
    return value


def _decoded(holder: dict[str, Any], name: str, where: str) -> bytes:
    text = _text(holder, name, where)
    value = base64_text.decode(text)
    if value is None:
        raise _malformed(where, "is not base64 in its canonical spelling")
    return value


def _malformed(where: str, problem: str) -> Invalid:
    return Invalid(
        "envelope_malformed",
        f"The envelope's {where} {problem}.",
        remedy="Send a DSSE envelope in its JSON form, as the signing tool wrote it.",
    )
