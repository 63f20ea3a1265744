"""One message's work in monitoring, with everything monitoring owns."""

from __future__ import annotations

from dataclasses import dataclass

from services.monitoring.storage import (
    advisories,
    aggregates,
    alerts,
    coverage,
    delivery,
    distrusted,
    exploitation,
    exposure,
    failures,
    fetches,
    flow,
    imports,
    inventory,
    kept_sums,
    match_clock,
    outlook,
    rejudgements,
    releases,
    rematching,
    running,
    sboms,
    sla_tables,
    surveys,
    undecided,
    versions,
    vex,
    waivers,
)
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {
    match_clock.COLLECTION: (),
    **advisories.INDEXES,
    **aggregates.INDEXES,
    **coverage.INDEXES,
    **alerts.INDEXES,
    **delivery.INDEXES,
    **distrusted.INDEXES,
    **exploitation.INDEXES,
    **inventory.INDEXES,
    **kept_sums.INDEXES,
    **failures.INDEXES,
    **flow.INDEXES,
    **fetches.INDEXES,
    **imports.INDEXES,
    **rejudgements.INDEXES,
    **releases.INDEXES,
    **rematching.INDEXES,
    **running.INDEXES,
    **sboms.INDEXES,
    **undecided.INDEXES,
    **sla_tables.INDEXES,
    **versions.INDEXES,
    **waivers.INDEXES,
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
        self.alerts = alerts.AlertRepository(collection(alerts.ALERTS))
        self.sla_tables = sla_tables.SlaTableRepository(collection(sla_tables.SLA_TABLES))
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
        self.rejudgements = rejudgements.RejudgementRepository(collection(rejudgements.REJUDGEMENTS))
        self.rematches = rematching.RematchRepository(collection(rematching.REMATCHING))
        self.undecided = undecided.UndecidedRepository(collection(undecided.UNDECIDED))
        self.releases = releases.ReleaseRepository(collection(releases.RELEASES), collection(releases.STANDING))
        self.surveys = surveys.Surveys(collection(releases.RELEASES))
        self.delivery = delivery.DeliveryRepository(
            collection(delivery.DEPLOYMENTS), collection(delivery.INCIDENTS), collection(delivery.EPISODES)
        )
        self.promotions = delivery.PromotionRepository(collection(delivery.PROMOTIONS))
        self.inventory = inventory.InventoryRepository(collection(inventory.INVENTORY))
        self.running = running.RunningRepository(collection(running.RUNNING), collection(running.RAN))
        self.stands = running.StandingRepository(collection(running.CURRENTS), collection(running.STAGES))
        self.drifts = running.DriftRepository(collection(running.DRIFTS))
        self.waivers = waivers.WaiverRepository(collection(waivers.WAIVERS))
        self.exposure = exposure.ExposureReader(
            collection(advisories.ADVISORIES), collection(sboms.COMPONENTS), collection(inventory.INVENTORY)
        )
        self.outlook = outlook.OutlookReader(
            collection(releases.RELEASES), collection(alerts.ALERTS), collection(undecided.UNDECIDED)
        )
        self.failures = failures.FailureRepository(
            collection(delivery.DEPLOYMENTS), collection(failures.FAULTS), collection(failures.LINES)
        )
        self.buckets = aggregates.BucketRepository(collection(aggregates.METRIC_DAYS))
        self.sums = kept_sums.SumReader(self.buckets, collection(kept_sums.METRIC_SPANS))
        self.journeys = flow.JourneyRepository(collection(flow.JOURNEYS), collection(flow.WALKS))
        self.coverage = coverage.CoverageRepository(
            collection(coverage.EVIDENCE), collection(coverage.STANDINGS), collection(coverage.ALERTS)
        )
        self.waiver_debts = coverage.WaiverRepository(collection(coverage.WAIVERS))
