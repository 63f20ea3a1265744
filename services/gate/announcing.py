"""Says at start which key verdicts are signed with, once per key: the log then vouches for it."""

from __future__ import annotations

from contracts.gate.v1.events import SigningKeyAnnounced
from contracts.headers import Meta
from services.gate.equipment import GateEquipment
from services.gate.storage.unit_of_work import GateWork
from shared.crypto import keys
from shared.messaging.inbox import AlreadyHandledError
from shared.service import Running


async def announce_key(run: Running[GateWork]) -> None:
    """Keep and announce the key of this process, unless another one has."""
    equipment: GateEquipment = run.dispatcher.equipment
    public = equipment.key.public_key()
    key_id, pem = keys.key_id(public), keys.public_pem(public)
    message_id = f"signing-key:{key_id}"
    meta = Meta(message_id=message_id, correlation_id=message_id, source="/hallmark/gate", time=run.clock())

    async def announce(work: GateWork) -> None:
        if await work.signing_keys.add(key_id, pem):
            work.unit.announce(
                SigningKeyAnnounced(project=None, application=None, key_id=key_id, pem=pem, at=work.unit.now)
            )

    try:
        await run.dispatcher.perform(announce, meta=meta, key=message_id)
    except AlreadyHandledError:
        return
