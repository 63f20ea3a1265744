"""What one message may change in the gate."""

from __future__ import annotations

from services.gate.equipment import GateEquipment
from services.gate.storage import (
    admissions,
    dossiers,
    evaluations,
    evidence,
    exploitation,
    policies,
    readiness,
    signing_keys,
    surroundings,
    templates,
    verdicts,
    versions,
    waivers,
)
from shared.messaging.unit_of_work import UnitOfWork

_ROOMS = (
    versions,
    evidence,
    surroundings,
    exploitation,
    waivers,
    policies,
    templates,
    evaluations,
    verdicts,
    readiness,
    signing_keys,
    admissions,
)
INDEXES = {name: indexes for room in _ROOMS for name, indexes in room.INDEXES.items()}


class GateWork:
    """The gate's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.policies = policies.Policies(unit)
        self.dossiers = dossiers.Dossiers(unit)
        self.evaluations = evaluations.Evaluations(unit)
        self.verdicts = verdicts.Verdicts(unit)
        self.readiness = readiness.Readiness(unit)
        self.signing_keys = signing_keys.SigningKeys(unit)
        self.templates = templates.Templates(unit)
        self.admissions = admissions.Admissions(unit)

    @property
    def equipment(self) -> GateEquipment:
        """What the gate signs with."""
        equipment: GateEquipment = self.unit.equipment
        return equipment
