"""Facts of one application, by day and hour of a made-up month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.delivery import Deployment, Incident

START = datetime(2026, 6, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def release(version: str, at: float, *, committed: float | None = None, application: str = "shop") -> Deployment:
    commit = None if committed is None else day(committed)
    return Deployment(f"{application}-{version}@{at}", application, version, day(at), PromotionKind.RELEASE, commit)


def rollback(version: str, at: float, *, application: str = "shop") -> Deployment:
    return Deployment(f"back-{version}@{at}", application, version, day(at), PromotionKind.ROLLBACK)


def incident(
    name: str, opened: float, resolved: float | None = None, version: str | None = None, application: str = "shop"
) -> Incident:
    return Incident(name, application, day(opened), None if resolved is None else day(resolved), version)
