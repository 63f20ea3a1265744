"""The gate's signatures over verdicts and clearances, so that nobody who can publish on NATS can allow anything.

- What is signed is the DSSE pre-authentication encoding of a payload type of its own and the canonical JSON: of the
  verdict without its signature, or of the clearance. The encoding keeps the two apart, and both from everything else
  that the same key signs.
- The key is the gate's identity key, named by the digest of its SubjectPublicKeyInfo.
- Either counts when one of the given keys has that name and signed exactly these bytes.

Source: secure-systems-lab/dsse protocol.md.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from shared.crypto import base64_text, dsse, keys
from shared.digests import JsonValue, canonical_json
from shared.errors import Unauthenticated

PAYLOAD_TYPE = "application/vnd.hallmark.verdict+json"
CLEARANCE_TYPE = "application/vnd.hallmark.clearance+json"


def sign_verdict(body: Mapping[str, JsonValue], key: keys.PrivateKey) -> tuple[str, str]:
    """The key's id and the signature in base64, over a verdict without its signature.

    Raises `ValueError` for a body that has no canonical form.
    """
    return _signature(PAYLOAD_TYPE, body, key)


def sign_clearance(body: Mapping[str, JsonValue], key: keys.PrivateKey) -> tuple[str, str]:
    """The same over a clearance."""
    return _signature(CLEARANCE_TYPE, body, key)


def verify_verdict(
    body: Mapping[str, JsonValue], key_id: str, value: str, candidates: Iterable[keys.PublicKey]
) -> None:
    """Pass when the named one of the candidates signed this body. Raises `Unauthenticated` otherwise."""
    if wrong := _problem(PAYLOAD_TYPE, body, key_id, value, candidates):
        raise invalid_signature(f"the verdict {wrong}")


def verify_clearance(
    body: Mapping[str, JsonValue], key_id: str, value: str, candidates: Iterable[keys.PublicKey]
) -> None:
    """The same for a clearance."""
    if wrong := _problem(CLEARANCE_TYPE, body, key_id, value, candidates):
        raise Unauthenticated(
            "clearance_signature_invalid",
            f"The clearance's signature does not prove that the gate gave it: it {wrong}.",
            remedy="Compare the gate's identity key with the issuers folder, and find out who told it.",
        )


def invalid_signature(why: str) -> Unauthenticated:
    """The error for a verdict that nobody has proven to be the gate's."""
    return Unauthenticated(
        "verdict_signature_invalid",
        f"The verdict's signature does not prove that the gate gave it: {why}.",
        remedy="Compare the gate's identity key with the issuers folder; the gate is asked again by itself.",
    )


def _signature(payload_type: str, body: Mapping[str, JsonValue], key: keys.PrivateKey) -> tuple[str, str]:
    signature = keys.sign(key, _signed(payload_type, body))
    return keys.key_id(key.public_key()), base64.b64encode(signature).decode()


def _problem(
    payload_type: str, body: Mapping[str, JsonValue], key_id: str, value: str, candidates: Iterable[keys.PublicKey]
) -> str:
    signature = base64_text.decode(value)
    named = [public for public in candidates if keys.key_id(public) == key_id]
    if signature is None or not named:
        return "is signed by no known key of the gate"
    try:
        message = _signed(payload_type, body)
    except ValueError:
        return "has no canonical form"
    return "" if any(keys.verify(public, message, signature) for public in named) else "is not what was signed"


def _signed(payload_type: str, body: Mapping[str, JsonValue]) -> bytes:
    return dsse.pae(payload_type, canonical_json(body))
