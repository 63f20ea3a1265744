"""The gate's signature over a verdict, so that nobody who can publish on NATS can allow anything.

- What is signed is the DSSE pre-authentication encoding of a payload type of its own and the verdict's canonical JSON
  without its signature. The encoding keeps it apart from everything else that the same key signs.
- The key is the gate's identity key, named by the digest of its SubjectPublicKeyInfo.
- A verdict counts when one of the given keys has that name and signed exactly these bytes.

Source: secure-systems-lab/dsse protocol.md.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from shared.crypto import base64_text, dsse, keys
from shared.digests import JsonValue, canonical_json
from shared.errors import Unauthenticated

PAYLOAD_TYPE = "application/vnd.hallmark.verdict+json"


def sign_verdict(body: Mapping[str, JsonValue], key: keys.PrivateKey) -> tuple[str, str]:
    """The key's id and the signature in base64, over a verdict without its signature.

    Raises `ValueError` for a body that has no canonical form.
    """
    return keys.key_id(key.public_key()), base64.b64encode(keys.sign(key, _signed(body))).decode()


def verify_verdict(
    body: Mapping[str, JsonValue], key_id: str, value: str, candidates: Iterable[keys.PublicKey]
) -> None:
    """Pass when the named one of the candidates signed this body. Raises `Unauthenticated` otherwise."""
    signature = base64_text.decode(value)
    named = [public for public in candidates if keys.key_id(public) == key_id]
    if signature is None or not named:
        raise invalid_signature("no known key of the gate has made it")
    try:
        message = _signed(body)
    except ValueError as error:
        raise invalid_signature("the verdict has no canonical form") from error
    if not any(keys.verify(public, message, signature) for public in named):
        raise invalid_signature("the verdict is not what was signed")


def invalid_signature(why: str) -> Unauthenticated:
    """The error for a verdict that nobody has proven to be the gate's."""
    return Unauthenticated(
        "verdict_signature_invalid",
        f"The verdict's signature does not prove that the gate gave it: {why}.",
        remedy="Compare the gate's identity key with the issuers folder; the gate is asked again by itself.",
    )


def _signed(body: Mapping[str, JsonValue]) -> bytes:
    return dsse.pae(PAYLOAD_TYPE, canonical_json(body))
