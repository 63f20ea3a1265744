"""Trust that is not granted once: gate and monitoring together, on a real NATS and a real MongoDB.

A release stands for as long as what admitted it would admit it still; when that ends it is at risk, with a cause, an
owner, a deadline and an alert, and when it begins again all of that goes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.alerting import AlertKind, AlertState, ClosedBy
from contracts.facts import EvidenceItem, Facts
from contracts.gate.v1.rejudging import ReleaseRejudged
from contracts.monitoring.v1.alerts import AlertPage, AlertView, ListAlerts
from contracts.monitoring.v1.events import TrustChanged
from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import FailedRule, ReleaseTrust
from contracts.promotion.v1.events import ReleaseTrusted
from contracts.vocabulary import Outcome, PromotionKind, ReleaseStatus, Severity, Trust
from services.gate.app import SERVICE as GATE
from services.monitoring.app import SERVICE as MONITORING
from shared.clock import utc_now
from shared.errors import NotFound
from shared.service import Running, running
from tests.integration.gate_neighbours import (
    NEIGHBOURS,
    GateAtWork,
    TickingClock,
    digest_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.integration.gate_scenes import LIMIT, granted, revoked, scan_of, version_moved
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import trusted
from tests.support.system import a_system
from tests.unit.gate.gate_builders import document, failed, passed, rule

pytestmark = pytest.mark.servers
DAY = timedelta(days=1)
TESTS = rule("tests_passed", max_age="7d")
LIMIT_AT_PROD, TESTS_AT_PROD = "prod-entry/vulnerability-limit@prod", "prod-entry/tests-passed@prod"
HIGH_OF_LOW = 60 * DAY


@dataclass
class Watched:
    """A release that one policy admitted: tests no older than a week, and a waiver for what its scan found."""

    gate: GateAtWork
    release: ReleaseTrusted | None = None

    def found(self, name: str, facts: Facts) -> EvidenceItem:
        at = self.gate.clock()
        return piece(name, facts, made_at=at, received_at=at)

    async def hear(self, name: str, facts: Facts) -> None:
        await self.gate.hear(evidence_added(self.found(name, facts)))

    async def be_released(self) -> None:
        gate = self.gate
        await gate.apply(document(LIMIT, TESTS))
        await gate.hear(version_created())
        await self.hear("scan", scan_of(Severity.HIGH))
        await self.hear("tests", passed())

        async def known() -> int:
            return await gate.count("evidence") + await gate.count("applications")

        await eventually(known, lambda found: found == 3)
        await granted(gate, expires_at=gate.clock.now + 2 * DAY)
        await gate.hear(evaluate("p-1", deadline=gate.clock.now + DAY))
        verdict = await gate.verdict_on("p-1", Outcome.ALLOW)
        moved = version_moved(
            gate,
            "prod",
            promotion_id="p-1",
            kind=PromotionKind.RELEASE,
            release=True,
            release_status=ReleaseStatus.TRUSTED_RELEASE,
        )
        await gate.hear(moved)
        self.release = trusted(
            "1.0.0",
            at=gate.clock(),
            application="cart",
            version_digest=digest_of("1.0.0"),
            artifacts=(),
            promotion_id="p-1",
            verdict_id=verdict.verdict_id,
            criticality="low",
            owners=("olga",),
        )
        await gate.hear(self.release)
        await self.stands(Trust.TRUSTED, current=True)

    async def stands(self, trust: Trust, *failing: str, **like: Any) -> ReleaseTrust:
        """The release, once it is trusted so far and these rules fail."""

        query = ShowTrust(project="shop", application="cart", version="1.0.0")

        async def read() -> ReleaseTrust | None:
            with suppress(NotFound):
                return await self.gate.asker.ask(query, ReleaseTrust)
            return None

        def is_it(found: ReleaseTrust | None) -> bool:
            return (
                found is not None
                and found.trust is trust
                and {named(one) for one in found.rules} == set(failing)
                and all(getattr(found, name) == value for name, value in like.items())
            )

        found = await eventually(read, is_it)
        assert found is not None
        return found

    async def alerts(self, state: AlertState | None = None) -> tuple[AlertView, ...]:
        return (await self.gate.asker.ask(ListAlerts(project="shop", state=state), AlertPage)).alerts

    async def said(self) -> list[tuple[int, str]]:
        """What the gate said of the release, in order."""
        jetstream = (await self.gate.system.connect("provision")).jetstream()
        return [(one.revision, one.outcome.value) for one in await facts_on(jetstream, ReleaseRejudged)]


def named(one: FailedRule) -> str:
    return f"{one.policy}/{one.rule}@{one.stage}"


@asynccontextmanager
async def a_watched_release(directory: Path) -> AsyncIterator[Watched]:
    others = [one for one in NEIGHBOURS if one.name != "monitoring"]
    clock = TickingClock(utc_now())
    async with a_system(directory, GATE, MONITORING, *others, clock=clock) as system:
        await system.start(MONITORING)
        run: Running[Any] = await system.start(GATE)
        watched = Watched(GateAtWork(system, run, await system.asker(), clock, {}))
        await watched.be_released()
        yield watched


async def test_a_waiver_ends_and_another_is_granted(tmp_path: Path) -> None:
    async with a_watched_release(tmp_path) as watched:
        gate = watched.gate
        gate.clock.advance(days=3)
        at_risk = await watched.stands(Trust.AT_RISK, LIMIT_AT_PROD)
        [cause] = at_risk.rules
        assert (cause.outcome, len(cause.ended_waivers)) == (Outcome.DENY, 1)
        assert at_risk.deadline == cause.due == cause.since + HIGH_OF_LOW
        assert at_risk.owners == ("olga",)
        [alert] = await watched.alerts()
        assert (alert.kind, alert.name, alert.due) == (AlertKind.RULE, LIMIT_AT_PROD, cause.due)
        assert cause.ended_waivers[0] in alert.summary

        another = await granted(gate, expires_at=gate.clock.now + 30 * DAY)
        await watched.stands(Trust.TRUSTED, deadline=None)
        [closed] = await watched.alerts(AlertState.CLOSED)
        assert (closed.alert_id, closed.closed_by, closed.met) == (alert.alert_id, ClosedBy.WAIVER, True)
        assert another.waiver_id in closed.because

        await revoked(gate, another.waiver_id)
        again = await watched.stands(Trust.AT_RISK, LIMIT_AT_PROD)
        assert again.rules[0].ended_waivers == (another.waiver_id,)
        [second] = await watched.alerts()
        assert (second.follows, second.occurrence) == (alert.alert_id, 2)
        assert await watched.said() == [(1, "deny"), (2, "allow"), (3, "deny")]
        jetstream = (await gate.system.connect("provision")).jetstream()
        steps = [(one.from_trust, one.to_trust, len(one.rules)) for one in await facts_on(jetstream, TrustChanged)]
        assert steps == [
            ("none", "trusted", 0),
            ("trusted", "at_risk", 1),
            ("at_risk", "trusted", 0),
            ("trusted", "at_risk", 1),
        ]


async def test_evidence_gets_too_old_is_renewed_fails_and_passes_with_restarts_between(tmp_path: Path) -> None:
    others = [one for one in NEIGHBOURS if one.name != "monitoring"]
    clock = TickingClock(utc_now())
    async with a_system(tmp_path, GATE, MONITORING, *others, clock=clock) as system:
        await system.start(MONITORING)
        asker = await system.asker()

        @asynccontextmanager
        async def a_gate() -> AsyncIterator[Watched]:
            async with running(GATE, system.settings("gate"), clock) as run:
                yield Watched(GateAtWork(system, run, asker, clock, {}))

        async with a_gate() as watched:
            await watched.be_released()
            await granted(watched.gate, expires_at=clock.now + 60 * DAY)
        clock.advance(days=8)
        async with a_gate() as watched:
            aged = await watched.stands(Trust.AT_RISK, TESTS_AT_PROD)
            assert [one.outcome for one in aged.rules] == [Outcome.PENDING], "nothing stands against it: it is too old"
            await watched.hear("tests-2", passed())
            await watched.stands(Trust.TRUSTED)
            [closed] = await watched.alerts(AlertState.CLOSED)
            assert (closed.name, closed.closed_by) == (TESTS_AT_PROD, ClosedBy.EVIDENCE)
        await watched.hear("tests-3", failed())
        async with a_gate() as watched:
            broken = await watched.stands(Trust.AT_RISK, TESTS_AT_PROD)
            assert [one.outcome for one in broken.rules] == [Outcome.DENY]
            await watched.hear("scan-2", scan_of(Severity.CRITICAL))
            both = await watched.stands(Trust.AT_RISK, TESTS_AT_PROD, LIMIT_AT_PROD)
            assert len(await watched.alerts()) == len(both.rules) == 2
            await watched.hear("scan-3", scan_of(Severity.LOW))
            await watched.hear("tests-4", passed())
            await watched.stands(Trust.TRUSTED)
            assert await watched.alerts() == ()


async def test_what_is_heard_twice_or_late_changes_nothing(tmp_path: Path) -> None:
    async with a_watched_release(tmp_path) as watched:
        gate, release = watched.gate, watched.release
        assert release is not None
        gate.clock.advance(days=3)
        await watched.stands(Trust.AT_RISK, LIMIT_AT_PROD)
        await gate.handle(release, "again")
        await gate.hear(release)
        await granted(gate, expires_at=gate.clock.now + 30 * DAY)
        await watched.stands(Trust.TRUSTED)
        taken_back = version_moved(gate, "qa", kind=PromotionKind.DEMOTE, from_stage="prod", left=("prod",))
        await gate.handle(taken_back, "taken back")
        await gate.handle(release, "late")
        gate.clock.advance(days=40)
        await watched.stands(Trust.TRUSTED)
        assert await gate.run.database.collection("admissions").count({"look_at": {"$exists": True}}) == 0
        assert await watched.said() == [(1, "deny"), (2, "allow")]
