"""What monitoring answers about metrics: from sums that are kept, never from all facts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.monitoring.v1.metrics import (
    CoverageReport,
    DeliveryReport,
    FlowReport,
    ShowCoverage,
    ShowDelivery,
    ShowFlow,
)
from contracts.monitoring.v1.queries import ShowMetrics
from contracts.monitoring.v1.views import DeliveryMetrics
from contracts.vocabulary import PromotionKind
from services.monitoring import wire_flow
from services.monitoring.domain.bands import Year
from services.monitoring.domain.buckets import Period, Span, a_zone, spans, to_quarters
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.delivery_sums import DeliverySums
from services.monitoring.domain.sums import Sums
from services.monitoring.domain.tiles import Tile, by_part, tiles
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.rights import require_member_of
from services.monitoring.storage.aggregates import Kind, scope_of
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.wire_metrics import CITED, Measured, delivery_metrics, delivery_period
from shared.mongo import Document

WINDOW = timedelta(days=90)
EXACT = 400
"""Percentiles are exact while a window has no more lengths of time than that: they are all read then."""
_NAMED = 2 * CITED
"""Deployments that are read to name the first releases among them."""
COVERED = 50
"""Stages in one page."""


@dataclass(frozen=True)
class Asked:
    """A question about a window, put together."""

    scope: str
    where: Document
    window: Window
    zone: ZoneInfo
    parts: tuple[Span, ...]
    """The periods of the series; without one the window alone."""
    by: Period | None
    tiles: tuple[Tile, ...]

    @property
    def whole(self) -> Span:
        """The window as one period."""
        return Span(self.window.since, self.window.until)


@HANDLERS.query(ShowMetrics)
async def show_metrics(query: ShowMetrics, work: MonitoringWork) -> DeliveryMetrics:
    """How fast and how safely is delivered?"""
    require_member_of(work.unit.caller, query.project, query.application)
    asked = _asked(ShowDelivery(**query.model_dump()), work.unit.now)
    found, _ = await _delivery(asked, work, None)
    return DeliveryMetrics(
        project=query.project,
        application=query.application,
        since=asked.window.since,
        until=asked.window.until,
        metrics=delivery_metrics(found),
    )


@HANDLERS.query(ShowDelivery)
async def show_delivery(query: ShowDelivery, work: MonitoringWork) -> DeliveryReport:
    """How fast and how safely is delivered, over time?"""
    require_member_of(work.unit.caller, query.project, query.application)
    asked = _asked(query, work.unit.now)
    found, series = await _delivery(asked, work, Year(query.bands.value))
    return DeliveryReport(
        project=query.project,
        application=query.application,
        since=asked.window.since,
        until=asked.window.until,
        zone=query.zone,
        bands=f"dora-{query.bands.value}",
        metrics=delivery_metrics(found),
        by=query.by,
        series=tuple(map(delivery_period, asked.parts, series)) if query.by else (),
    )


@HANDLERS.query(ShowFlow)
async def show_flow(query: ShowFlow, work: MonitoringWork) -> FlowReport:
    """Where does time go between stages?"""
    require_member_of(work.unit.caller, query.project, query.application)
    asked = _asked(query, work.unit.now)
    whole, sums = await work.sums.sums(Kind.FLOW, asked.scope, asked.tiles, work.unit.now, each=asked.by is not None)
    reasons = wire_flow.denials(whole.counts)
    return FlowReport(
        project=query.project,
        application=query.application,
        since=asked.window.since,
        until=asked.window.until,
        zone=query.zone,
        whole=wire_flow.flow_period(asked.whole, whole),
        denials=reasons[: wire_flow.MAX_REASONS],
        denial_reasons=len(reasons),
        waiting=wire_flow.waiting(await work.journeys.waiting(asked.where)),
        by=query.by,
        series=tuple(map(wire_flow.flow_period, asked.parts, by_part(sums, asked.parts))) if asked.by else (),
    )


@HANDLERS.query(ShowCoverage)
async def show_coverage(query: ShowCoverage, work: MonitoringWork) -> CoverageReport:
    """Which evidence is there for what stands, and which debts are open?"""
    work.unit.caller.require_member(query.project, query.application)
    now = work.unit.now
    window = Window(query.since or now - WINDOW, now)
    where = _where(query.project, query.application)
    standing, following = await work.coverage.standing(
        query.project, query.application, after=query.after, limit=min(query.limit, COVERED)
    )
    named = {str(place): (query.project, (one.digest or "",)) for place, one in enumerate(standing)}
    subjects = await work.versions.subjects_of_each(named)
    kinds = await work.coverage.kinds_of_each(query.project, [subjects[name] for name in named])
    ages, ends = await work.waiver_debts.debt(where, now)
    return CoverageReport(
        project=query.project,
        application=query.application,
        at=now,
        stages=tuple(wire_flow.stage_coverage(one, seen, now) for one, seen in zip(standing, kinds, strict=True)),
        waivers=wire_flow.debts(ages, ends),
        remediation=wire_flow.remediations(await work.coverage.remediation(where, window)),
        since=window.since,
        next=following,
    )


def _asked(query: ShowDelivery | ShowFlow, now: datetime) -> Asked:
    zone = a_zone(query.zone)
    # Its end first: a window of 90 days until now stays one of 90 days.
    until = to_quarters(
        Window(query.until - timedelta(1), query.until) if query.until else Window(now - timedelta(1), now)
    ).until
    window = to_quarters(Window(query.since or until - WINDOW, until))
    parts: tuple[Span, ...] = (Span(window.since, window.until),)
    by = Period(query.by.value) if query.by else None
    if by:
        parts = spans(window, by, zone)
        window = Window(parts[0].since, window.until)
    return Asked(
        scope_of(query.project, query.application),
        _where(query.project, query.application),
        window,
        zone,
        parts,
        by,
        tiles(parts, zone, series=by is not None),
    )


def _where(project: str | None, application: str | None) -> Document:
    named = {"project": project, "application": application}
    return {name: value for name, value in named.items() if value is not None}


async def _delivery(asked: Asked, work: MonitoringWork, year: Year | None) -> tuple[Measured, list[DeliverySums]]:
    whole, sums = await work.sums.sums(
        Kind.DELIVERY, asked.scope, asked.tiles, work.unit.now, each=asked.by is not None
    )
    restored = sum(whole.cells.get("restore", {}).values())
    limits = _most(whole.counts.get("deployments", 0)), _most(whole.counts.get("open", 0) + restored)
    deployed, failed, causes = await asyncio.gather(
        work.failures.deployed(asked.where, asked.window, limits[0]),
        work.failures.failed(asked.where, asked.window, limits[1]),
        work.failures.causes(asked.where, asked.window, CITED),
    )
    leads = [(one.deployment.at, one.seconds) for one in deployed if one.seconds is not None]
    restores = [(one.at, (link.ended_at - one.at).total_seconds()) for one, link in failed if link.ended_at]
    exact = Exact(
        leads if len(deployed) <= EXACT < limits[0] else None, restores if len(failed) <= EXACT < limits[1] else None
    )
    measured = Measured(
        window=asked.window,
        zone=asked.zone,
        sums=exact.within(asked.whole, whole),
        deployments=tuple(one.deployment.id for one in deployed),
        releases=tuple(one.deployment.id for one in deployed if one.deployment.kind is PromotionKind.RELEASE),
        failures=tuple(fault.id for fault, _ in failed),
        causes=tuple(causes),
        year=year,
    )
    parts = asked.parts if asked.by else ()
    return measured, [exact.within(*one) for one in zip(parts, by_part(sums, parts), strict=True)]


def _most(known: int) -> int:
    # Where there are too many for exact percentiles, only as many are read as are named.
    return EXACT + 1 if known <= EXACT else _NAMED


@dataclass(frozen=True)
class Exact:
    """The lengths of time of a window with their moments, where all of them were read."""

    leads: Sequence[tuple[datetime, float]] | None
    restores: Sequence[tuple[datetime, float]] | None

    def within(self, part: Span, sums: Sums) -> DeliverySums:
        """What happened in a part of the window."""
        return DeliverySums(sums, _within(part, self.leads), _within(part, self.restores))


def _within(part: Span, values: Sequence[tuple[datetime, float]] | None) -> list[float] | None:
    if values is None:
        return None
    return [value for moment, value in values if part.since <= moment < part.until]
