"""Releases, what stands against them, and a small memory of alerts that follows the pure rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from contracts.alerting import ClosedBy
from contracts.vocabulary import Criticality, Severity, Trust
from services.monitoring.domain.alerting import Step, alarming, planned, reconciled
from services.monitoring.domain.alerts import Alert
from services.monitoring.domain.causes import VulnerabilityCause
from services.monitoring.domain.matching import Match
from services.monitoring.domain.release import Context, Release
from services.monitoring.domain.sla import DEFAULT, SlaTable
from services.monitoring.domain.trust import TrustState

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def flaw(
    name: str,
    *aliases: str,
    component: str = "pkg:pypi/lib@1.0",
    severity: Severity = Severity.MEDIUM,
    since: datetime = NOW,
    summary: str = "",
) -> VulnerabilityCause:
    match = Match(
        advisory_id=name, aliases=aliases, component=component, severity=severity, fixed_in=None, summary=summary
    )
    return VulnerabilityCause(match=match, since=since)


def release(*causes: VulnerabilityCause, current: bool = True, trust: Trust = Trust.AT_RISK) -> Release:
    return Release(
        project="shop",
        application="web",
        version="1.0",
        version_digest=DIGEST,
        stage="prod",
        own_subjects=(DIGEST,),
        context=Context(Criticality.HIGH, ("team",), NOW),
        source=None,
        released_at=NOW,
        state=TrustState(trust=trust, since=NOW, causes=causes),
        current=current,
    )


@dataclass
class Memory:
    """Everything that was kept, as the storage keeps it."""

    release: Release = field(default_factory=release)
    alerts: dict[str, Alert] = field(default_factory=dict)
    exploited: frozenset[str] = frozenset()
    table: SlaTable = DEFAULT

    def settle(
        self,
        *causes: VulnerabilityCause,
        at: datetime = NOW,
        current: bool = True,
        trust: Trust = Trust.AT_RISK,
        criticality: Criticality = Criticality.HIGH,
    ) -> list[Step]:
        """The release stands like this now; what becomes of its alerts."""
        context = replace(self.release.context, criticality=criticality)
        state = TrustState(trust=trust, since=NOW, causes=causes)
        after = replace(self.release, state=state, current=current, context=context)
        standing = after.standing(self.exploited)
        self.release = after.timed(standing, self.table, at)
        plan = planned(self.active, alarming(self.release, standing))
        past = [one for one in self.alerts.values() if not set(one.known_as).isdisjoint(plan.unheard)]
        steps = reconciled(self.release, plan, past, at, lambda _: (ClosedBy.FIXED, "It is gone."))
        self.take(steps)
        return steps

    def take(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.before is None:
                assert step.after.alert_id not in self.alerts, "an id is given once"
            else:
                assert self.alerts[step.after.alert_id] == step.before
            self.alerts[step.after.alert_id] = step.after

    @property
    def active(self) -> list[Alert]:
        return sorted((one for one in self.alerts.values() if one.active), key=lambda one: one.alert_id)
