"""One message's work in monitoring, with everything monitoring owns."""

from __future__ import annotations

from dataclasses import dataclass

from services.monitoring.storage import (
    advisories,
    alerts,
    delivery,
    distrusted,
    exploitation,
    match_clock,
    releases,
    sboms,
    sla_tables,
    versions,
)
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {
    match_clock.COLLECTION: (),
    **advisories.INDEXES,
    **alerts.INDEXES,
    **delivery.INDEXES,
    **distrusted.INDEXES,
    **exploitation.INDEXES,
    **releases.INDEXES,
    **sboms.INDEXES,
    **sla_tables.INDEXES,
    **versions.INDEXES,
}


@dataclass
class MonitoringWork:
    """The repositories of monitoring, inside one unit of work."""

    unit: UnitOfWork

    def __post_init__(self) -> None:
        collection = self.unit.collection
        self.match_clock = match_clock.MatchClock(collection(match_clock.COLLECTION))
        self.advisories = advisories.AdvisoryRepository(
            collection(advisories.ADVISORIES), collection(advisories.COUNTERS)
        )
        self.alerts = alerts.AlertRepository(collection(alerts.ALERTS))
        self.sla_tables = sla_tables.SlaTableRepository(collection(sla_tables.SLA_TABLES))
        self.exploitation = exploitation.ExploitationRepository(
            collection(exploitation.EXPLOITATION), collection(exploitation.FEEDS)
        )
        self.sboms = sboms.SbomRepository(collection(sboms.SBOMS), collection(sboms.COMPONENTS))
        self.distrusted = distrusted.DistrustedRepository(collection(distrusted.DISTRUSTED))
        self.versions = versions.VersionRepository(collection(versions.VERSIONS))
        self.applications = versions.ApplicationRepository(collection(versions.APPLICATIONS))
        self.releases = releases.ReleaseRepository(collection(releases.RELEASES), collection(releases.STANDING))
        self.delivery = delivery.DeliveryRepository(
            collection(delivery.DEPLOYMENTS), collection(delivery.INCIDENTS), collection(delivery.EPISODES)
        )
        self.promotions = delivery.PromotionRepository(collection(delivery.PROMOTIONS))
