"""The keys whose verdicts and clearances are believed.

- They are the gate's identity keys in the issuers folder: `gate.pem`, and beside it `gate-<name>.pem` while one key
  takes over from another. No other issuer's key counts, not even the gateway's.
- They are read at start, as all issuers are; without one, a service that acts on verdicts does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from contracts.clearance import GateSignature, SignedClearance
from shared.crypto import keys
from shared.digests import JsonValue
from shared.settings import ServiceSettings
from shared.verdict_signature import invalid_signature, verify_clearance, verify_verdict


class GateKeys:
    """The public keys that the gate may have signed with."""

    def __init__(self, *public: keys.PublicKey) -> None:
        self._public = public

    @classmethod
    def from_folder(cls, folder: Path) -> GateKeys:
        """Read them. Raises `FileNotFoundError` when there is none, `Invalid` for a file that is no public key."""
        # Not `gate*`: the gateway is another issuer, which speaks for people and judges nothing.
        paths = sorted({*folder.glob("gate.pem"), *folder.glob("gate-*.pem")})
        if not paths:
            raise FileNotFoundError(f"no key of the gate in {folder}: no verdict could be believed")
        return cls(*(keys.load_public(path.read_bytes()) for path in paths))

    def check_verdict(self, body: Mapping[str, JsonValue], signature: GateSignature | None) -> None:
        """Pass when the gate signed exactly this verdict, given without its signature. Raises `Unauthenticated`."""
        if signature is None:
            raise invalid_signature("there is none")
        verify_verdict(body, signature.key_id, signature.value, self._public)

    def check_clearance(self, signed: SignedClearance) -> None:
        """Pass when the gate signed exactly this clearance. Raises `Unauthenticated`."""
        body = signed.clearance.model_dump(mode="json")
        verify_clearance(body, signed.signature.key_id, signed.signature.value, self._public)


def load_gate_keys(settings: ServiceSettings) -> GateKeys:
    """The keys in the issuers folder. Raises as `GateKeys.from_folder`."""
    return GateKeys.from_folder(settings.issuers_dir)
