"""What one message may change in the registry."""

from __future__ import annotations

from services.registry.storage import bindings, catalogue, deliveries, pipelines, standings, versions
from services.registry.storage.surveys import Surveys
from services.registry.storage.views import Views
from shared.gate_keys import GateKeys
from shared.messaging.unit_of_work import UnitOfWork

INDEXES = {
    **catalogue.INDEXES,
    **versions.INDEXES,
    **standings.INDEXES,
    **deliveries.INDEXES,
    **pipelines.INDEXES,
}


class RegistryWork:
    """The registry's repositories, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        self.catalogue = catalogue.Catalogue(unit)
        self.bindings = bindings.Bindings(unit)
        self.versions = versions.Versions(unit)
        self.standings = standings.Standings(unit)
        self.deliveries = deliveries.Deliveries(unit)
        self.pipelines = pipelines.PipelineIdentities(unit)
        self.views = Views(unit)
        self.surveys = Surveys(unit)

    @property
    def gate_keys(self) -> GateKeys:
        """Whose clearances are believed."""
        gate_keys: GateKeys = self.unit.equipment
        return gate_keys
