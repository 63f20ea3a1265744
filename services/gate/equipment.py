"""What the gate brings along at start: the key that it signs verdicts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.gate.v1.views import VerdictSignature
from shared.crypto import keys
from shared.digests import JsonValue
from shared.errors import Unauthenticated
from shared.identity import load_identity_key
from shared.rego.pool import RegoPool
from shared.settings import ServiceSettings
from shared.verdict_signature import sign_verdict, verify_verdict


@dataclass(frozen=True)
class GateEquipment:
    """Of one process."""

    key: keys.PrivateKey
    rego: RegoPool = field(default_factory=RegoPool)
    """Its workers start with the first question; without Rego rules there are none."""

    def sign(self, body: Mapping[str, JsonValue]) -> VerdictSignature:
        """The gate's signature over a verdict as it is announced."""
        key_id, value = sign_verdict(body, self.key)
        return VerdictSignature(key_id=key_id, value=value)

    def disowns(self, body: Mapping[str, JsonValue], signature: VerdictSignature) -> bool:
        """Whether a signature names this key and is not its signature over `body`; other keys are not judged."""
        public = self.key.public_key()
        if signature.key_id != keys.key_id(public):
            return False
        try:
            verify_verdict(body, signature.key_id, signature.value, [public])
        except Unauthenticated:
            return True
        return False


async def end_equipment(equipment: GateEquipment) -> None:
    """End the Rego workers."""
    await equipment.rego.aclose()


def load_equipment(settings: ServiceSettings) -> GateEquipment:
    """What the settings name. Raises `ValueError` without an identity key, `OSError` for one that cannot be read."""
    if settings.identity_key is None:
        raise ValueError("HALLMARK_IDENTITY_KEY is not set: the gate signs its verdicts with it")
    return GateEquipment(load_identity_key(settings.identity_key))
