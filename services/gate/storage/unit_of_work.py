"""What one message may change in the gate."""

from __future__ import annotations

from services.gate.storage import dossiers, policies, verdicts
from shared.messaging.unit_of_work import UnitOfWork

INDEXES = {**dossiers.INDEXES, **policies.INDEXES, **verdicts.INDEXES}


class GateWork:
    """The gate's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.policies = policies.Policies(unit)
        self.dossiers = dossiers.Dossiers(unit)
        self.verdicts = verdicts.Verdicts(unit)
