"""What the gate brings along at start: the key that it signs verdicts and clearances with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.clearance import Clearance, GateSignature, SignedClearance
from contracts.gate.v1.views import VerdictSignature
from shared.crypto import keys
from shared.digests import JsonValue
from shared.errors import Unauthenticated
from shared.gate_keys import GateKeys, load_gate_keys
from shared.identity import load_identity_key
from shared.rego.pool import RegoPool
from shared.settings import ServiceSettings
from shared.verdict_signature import sign_clearance, sign_verdict


@dataclass(frozen=True)
class GateEquipment:
    """Of one process."""

    key: keys.PrivateKey
    issuers: GateKeys = field(default_factory=GateKeys)
    """Keys that verdicts may be signed with beside `key`: it may have taken over from another one."""
    rego: RegoPool = field(default_factory=RegoPool)
    """Its workers start with the first question; without Rego rules there are none."""

    def sign(self, body: Mapping[str, JsonValue]) -> VerdictSignature:
        """The gate's signature over a verdict as it is announced."""
        key_id, value = sign_verdict(body, self.key)
        return VerdictSignature(key_id=key_id, value=value)

    def signed(self, body: Mapping[str, JsonValue], signature: VerdictSignature | None) -> bool:
        """Whether the gate signed exactly this verdict."""
        for known in (GateKeys(self.key.public_key()), self.issuers):
            try:
                known.check_verdict(body, signature)
            except Unauthenticated:
                continue
            return True
        return False

    def clear(self, clearance: Clearance) -> SignedClearance:
        """The clearance with the gate's signature."""
        key_id, value = sign_clearance(clearance.model_dump(mode="json"), self.key)
        return SignedClearance(clearance=clearance, signature=GateSignature(key_id=key_id, value=value))


async def end_equipment(equipment: GateEquipment) -> None:
    """End the Rego workers."""
    await equipment.rego.aclose()


def load_equipment(settings: ServiceSettings) -> GateEquipment:
    """What the settings name. Raises `ValueError` without an identity key, `OSError` for one that cannot be read."""
    if settings.identity_key is None:
        raise ValueError("HALLMARK_IDENTITY_KEY is not set: the gate signs its verdicts with it")
    return GateEquipment(load_identity_key(settings.identity_key), load_gate_keys(settings))
