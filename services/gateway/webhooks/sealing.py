"""Secrets of webhooks at rest: sealed with a key that comes of the gateway's identity key.

Signing needs the secrets themselves, so hashes would not do; but a copy of the database alone gives none of them away.
All gateways of an installation have the same identity key, so each of them can open what another has sealed.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import Conflict

_NONCE = 12


class Sealer:
    """Seals and opens secrets."""

    def __init__(self, identity: Ed25519PrivateKey) -> None:
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hallmark webhook secrets v1")
        self._cipher = AESGCM(derivation.derive(identity.private_bytes_raw()))

    def seal(self, webhook_id: str, secret: bytes) -> bytes:
        """What may be stored for that webhook and no other."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, webhook_id.encode())

    def open(self, webhook_id: str, sealed: bytes) -> bytes:
        """The secret. Raises `Conflict` when it was sealed with another identity key or for another webhook."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], webhook_id.encode())
        except InvalidTag as error:
            raise Conflict(
                "webhook_secret_unreadable",
                "The secret was sealed with another identity key of the gateway.",
                remedy="Rotate the webhook's secret.",
            ) from error
