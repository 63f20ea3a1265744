"""What one message may change in the evidence service."""

from __future__ import annotations

from services.evidence.domain.signing_keys import Succession
from services.evidence.keyring import Keyring, Signer
from services.evidence.storage import (
    blobs,
    checkpoints,
    inspection,
    journal,
    records,
    rejudging,
    signing_keys,
    trust_roots,
    witnesses,
)
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {
    **blobs.INDEXES,
    **records.INDEXES,
    **rejudging.INDEXES,
    **trust_roots.INDEXES,
    **journal.INDEXES,
    **checkpoints.INDEXES,
    signing_keys.COLLECTION: (),
    witnesses.COLLECTION: (),
    "passages": (Index((("project", 1), ("promotion_id", 1), ("attempt", -1))),),
    "withdrawals": (Index((("project", 1), ("promotion_id", 1), ("attempt", 1))),),
}


class EvidenceWork:
    """The evidence service's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.records = records.Records(unit)
        self.rejudgings = rejudging.Rejudgings(unit)
        self.trust_roots = trust_roots.TrustRoots(unit)
        self.journal = journal.Journal(unit)
        self.checkpoints = checkpoints.Checkpoints(unit, self.keyring)
        self.witnesses = witnesses.Witnesses(unit)
        self.inspection = inspection.Inspection(unit.database)
        self.passages = unit.collection("passages")
        self.withdrawals = unit.collection("withdrawals")

    @property
    def keyring(self) -> Keyring:
        """The keys this process was given."""
        keyring: Keyring = self.unit.equipment
        return keyring

    async def succession(self) -> Succession:
        """Hallmark's own keys, from the first to the one in force."""
        return await signing_keys.known_succession(self.unit.session or self.unit.database, self.keyring)

    async def signer(self) -> Signer:
        """Signs as Hallmark with the key in force. Raises `Transient` when this process does not hold it."""
        return self.keyring.signer((await self.succession()).in_force.verifier_key)
