"""The keys whose verdicts are believed, and the one place that decides whether a verdict is.

- They are the gate's identity keys in the issuers folder: `gate.pem`, and beside it `gate-<name>.pem` while one key
  takes over from another. No other issuer's key counts, not even the gateway's.
- They are read at start, as all issuers are; without one, the service does not start.
"""

from __future__ import annotations

from pathlib import Path

from contracts.gate.v1.events import VerdictIssued
from shared.crypto import keys
from shared.messaging.dispatcher import Outside
from shared.settings import ServiceSettings
from shared.verdict_signature import invalid_signature, verify_verdict


class GateKeys:
    """The public keys that verdicts may be signed with."""

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

    def check(self, event: VerdictIssued) -> None:
        """Pass when the gate signed exactly this verdict. Raises `Unauthenticated`."""
        if event.signature is None:
            raise invalid_signature("there is none")
        body = event.model_dump(mode="json", exclude={"signature"})
        verify_verdict(body, event.signature.key_id, event.signature.value, self._public)


def load_gate_keys(settings: ServiceSettings) -> GateKeys:
    """The keys in the issuers folder. Raises as `GateKeys.from_folder`."""
    return GateKeys.from_folder(settings.issuers_dir)


async def believed(event: VerdictIssued, outside: Outside) -> None:
    """Refuse a verdict before anything is read for it. Raises `Unauthenticated`: it ends as a dead letter."""
    gate_keys: GateKeys = outside.equipment
    gate_keys.check(event)
