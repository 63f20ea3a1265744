"""What one message may change in the evidence service."""

from __future__ import annotations

from services.evidence.keyring import Keyring
from services.evidence.storage import blobs, journal, records, rejudging, trust_roots
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {
    **blobs.INDEXES,
    **records.INDEXES,
    **rejudging.INDEXES,
    **trust_roots.INDEXES,
    **journal.INDEXES,
    "passages": (Index((("project", 1), ("promotion_id", 1), ("attempt", -1))),),
}


class EvidenceWork:
    """The evidence service's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.records = records.Records(unit)
        self.rejudgings = rejudging.Rejudgings(unit)
        self.trust_roots = trust_roots.TrustRoots(unit)
        self.journal = journal.Journal(unit)
        self.passages = unit.collection("passages")

    @property
    def keyring(self) -> Keyring:
        """Hallmark's own key."""
        keyring: Keyring = self.unit.equipment
        return keyring
