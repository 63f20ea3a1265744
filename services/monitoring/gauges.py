"""The newest metrics of each project as Prometheus gauges, renewed once a minute by every instance.

Labels are bounded: one project each, and no more than `MOST` projects, the first ones by name of which a release or an
incident is known. What a metric has no value for has no series.
"""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from contracts.headers import Meta
from contracts.monitoring.v1.metrics import DeliveryReport, FlowReport, ShowDelivery, ShowFlow
from contracts.vocabulary import Actor, ActorKind, Role
from services.monitoring.handlers.metrics import show_delivery, show_flow
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.identity import EVERYWHERE, Caller
from shared.messaging.unit_of_work import UnitOfWork
from shared.service import Running

MOST = 50
EVERY_SECONDS = 60.0
_PROJECT = ("project",)
_ITSELF = Caller(Actor(subject="monitoring", kind=ActorKind.SERVICE), {EVERYWHERE: frozenset({Role.VIEWER})})
_DELIVERY = {
    "deployment_frequency": Gauge(
        "hallmark_delivery_deployments_per_day", "Releases and rollbacks a day, over 90 days.", _PROJECT
    ),
    "lead_time": Gauge("hallmark_delivery_lead_time_seconds", "Median lead time for changes, over 90 days.", _PROJECT),
    "change_failure_rate": Gauge(
        "hallmark_delivery_change_failure_ratio", "Deployments that failed, over 90 days.", _PROJECT
    ),
    "time_to_restore": Gauge(
        "hallmark_delivery_time_to_restore_seconds", "Median time to restore, over 90 days.", _PROJECT
    ),
    "rework_rate": Gauge("hallmark_delivery_rework_ratio", "Deployments that were rework, over 90 days.", _PROJECT),
}
_TOOK = Gauge("hallmark_flow_promotion_seconds", "Median length of a promotion, over 90 days.", _PROJECT)
_QUEUE = Gauge("hallmark_flow_promotion_queue_length", "Promotions that wait for their turn.", _PROJECT)
_AGE = Gauge("hallmark_flow_promotion_queue_age_seconds", "How long the first of them has waited.", _PROJECT)


async def keep_gauges(run: Running[MonitoringWork]) -> None:
    """A duty: renew the gauges for ever."""
    while True:
        await renew_gauges(run)
        await asyncio.sleep(EVERY_SECONDS)


async def renew_gauges(run: Running[MonitoringWork]) -> None:
    """Set every gauge to what is known now."""
    now = run.clock()
    meta = Meta(message_id="gauges", correlation_id="gauges", source="/hallmark/monitoring", time=now)
    work = MonitoringWork(UnitOfWork("monitoring", run.database, None, meta, now, _ITSELF))
    for project in await work.failures.projects(MOST):
        _set_delivery(project, await show_delivery(ShowDelivery(project=project), work))
        _set_flow(project, await show_flow(ShowFlow(project=project), work))


def _set_delivery(project: str, report: DeliveryReport) -> None:
    for one in report.metrics:
        _set(_DELIVERY[one.name], project, one.value)


def _set_flow(project: str, report: FlowReport) -> None:
    _set(_TOOK, project, report.whole.took.median)
    queue = next((one for one in report.waiting if one.on == "queue"), None)
    _set(_QUEUE, project, queue.count if queue else 0)
    age = (report.until - queue.oldest_since).total_seconds() if queue else 0
    _set(_AGE, project, max(0, age))


def _set(gauge: Gauge, project: str, value: float | None) -> None:
    if value is not None:
        gauge.labels(project).set(value)
    else:
        gauge.remove(project)
