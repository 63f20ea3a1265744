"""One message's work in monitoring, with everything monitoring owns."""

from __future__ import annotations

from dataclasses import dataclass

from services.monitoring.storage import (
    advisories,
    delivery,
    distrusted,
    exploitation,
    fetches,
    imports,
    match_clock,
    releases,
    sboms,
    versions,
    vex,
)
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {
    match_clock.COLLECTION: (),
    **advisories.INDEXES,
    **delivery.INDEXES,
    **distrusted.INDEXES,
    **exploitation.INDEXES,
    **fetches.INDEXES,
    **imports.INDEXES,
    **releases.INDEXES,
    **sboms.INDEXES,
    **versions.INDEXES,
    **vex.INDEXES,
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
        self.exploitation = exploitation.ExploitationRepository(
            collection(exploitation.EXPLOITATION), collection(exploitation.FEEDS)
        )
        self.fetches = fetches.FetchRepository(collection(fetches.FETCHES))
        self.imports = imports.ImportRepository(
            collection(imports.IMPORTS), collection(imports.BATCHES), collection(imports.SOURCES)
        )
        self.quarantine = imports.QuarantineRepository(collection(imports.QUARANTINE))
        self.sboms = sboms.SbomRepository(collection(sboms.SBOMS), collection(sboms.COMPONENTS))
        self.distrusted = distrusted.DistrustedRepository(collection(distrusted.DISTRUSTED))
        self.versions = versions.VersionRepository(collection(versions.VERSIONS))
        self.vex = vex.VexRepository(collection(vex.VEX))
        self.applications = versions.ApplicationRepository(collection(versions.APPLICATIONS))
        self.releases = releases.ReleaseRepository(collection(releases.RELEASES), collection(releases.STANDING))
        self.delivery = delivery.DeliveryRepository(
            collection(delivery.DEPLOYMENTS), collection(delivery.INCIDENTS), collection(delivery.EPISODES)
        )
        self.promotions = delivery.PromotionRepository(collection(delivery.PROMOTIONS))
