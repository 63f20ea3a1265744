"""Metrics on a real NATS, a real MongoDB and a real gateway: kept as facts come in, asked as people ask."""

import asyncio
import csv
import io
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from prometheus_client import generate_latest

from contracts.facts import ProvenanceFacts
from contracts.gate.v1.commands import Passage
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.waivers import WaiverEnded, WaiverGranted
from contracts.message import Answer, Message, Query
from contracts.monitoring.v1.metrics import (
    CoverageReport,
    DeliveryReport,
    FlowReport,
    ShowCoverage,
    ShowDelivery,
    ShowFlow,
)
from contracts.promotion.v1.events import PromotionAdvanced, PromotionCompleted, PromotionEnded, PromotionRequested
from contracts.registry.v1.events import IncidentOpened, IncidentResolved
from contracts.vocabulary import GateKind, Outcome, PromotionKind, PromotionState, Role, SourceCommit
from deploy.examples import example_of
from services.monitoring.app import SERVICE
from services.monitoring.domain import metrics
from services.monitoring.domain.coverage import KindSeen
from services.monitoring.domain.delivery import Deployment, History, Incident, Window
from services.monitoring.gauges import renew_gauges
from services.monitoring.storage.coverage import ALERTS, EVIDENCE, STANDINGS, CoverageRepository, Seen
from shared.errors import Forbidden, Invalid
from shared.service import Running
from tests.integration.gateway_door import Door, a_door
from tests.support.clock import FrozenClock
from tests.support.monitoring_scenes import NOW, a_meta, bom, digest, moved, neighbours
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
S = PromotionState
WINDOW = Window(NOW, NOW + timedelta(days=30))
ASKED = {"since": "2026-06-01T12:00:00Z", "until": "2026-07-01T12:00:00Z"}


async def test_metrics_are_kept_as_facts_come_in_and_asked_for(tmp_path: Path) -> None:
    others, clock = neighbours({"e1": []}), FrozenClock(WINDOW.until)
    async with a_system(tmp_path, SERVICE, *others, clock=clock) as system, a_door(system) as door:
        for other in others:
            await system.start(other)
        run = await system.start(SERVICE)
        await _delivery_in_any_order(run, door)
        await _series_in_a_zone_and_tables(run, door)
        await _rights(system)
        await _flow(run, door)
        await _coverage(run, door)
        await _refusals(door)
        await _gauges(run)


async def hear(run: Running[Any], *messages: Message) -> None:
    for message in messages:
        await run.dispatcher.dispatch(run.service.handlers.heard[type(message)], message, a_meta(), None)


async def _delivery_in_any_order(run: Running[Any], door: Door) -> None:
    shipped: list[Deployment] = []
    failed: list[Incident] = []
    for seed in range(5):
        chance, application = Random(seed), f"app-{seed}"  # noqa: S311 - no secret
        facts, deployments, incidents = _facts(chance, application)
        shipped, failed = [*shipped, *deployments], [*failed, *incidents]
        again = chance.sample(facts, 3)
        told = [*facts, *again]
        chance.shuffle(told)
        if seed == 0:
            # At the same time: whoever overlooks another one has to run again.
            await asyncio.gather(*(hear(run, one) for one in told))
        else:
            await hear(run, *told)
        mine = await _get(door, "/projects/shop/metrics/delivery", application=application, **ASKED)
        _same(mine, History(deployments, incidents))
    everything = History(shipped, failed)
    whole = await _get(door, "/projects/shop/metrics/delivery", **ASKED)
    _same(whole, everything)
    _same(await _get(door, "/metrics/delivery", **ASKED), everything)
    old = await _get(door, "/projects/shop/metrics", **ASKED)
    assert [one["value"] for one in old["metrics"]] == [one["value"] for one in whole["metrics"]]
    assert old["metrics"][0]["band"] == metrics.deployment_frequency(everything, WINDOW).bucket.value


def _facts(chance: Random, application: str) -> tuple[list[Message], list[Deployment], list[Incident]]:
    facts: list[Message] = []
    deployments, incidents = [], []
    for number in range(6):
        at = NOW + timedelta(hours=12 * chance.randrange(40))
        kind = chance.choice([PromotionKind.RELEASE, PromotionKind.RELEASE, PromotionKind.ROLLBACK])
        source = SourceCommit(repository="r", commit="a" * 40, committed_at=at - timedelta(hours=chance.randrange(90)))
        named: dict[str, Any] = {
            "application": application,
            "promotion_id": f"{application}-p{number}",
            "source": source,
        }
        event = moved(chance.choice("abc"), at, kind=kind, **named)
        facts.append(event)
        deployments.append(Deployment(event.promotion_id, application, event.version, at, kind, source.committed_at))
    for number in range(5):
        name, at = f"{application}-i{number}", NOW + timedelta(hours=12 * chance.randrange(40))
        version = chance.choice(["a", "b", None])
        ended = at + timedelta(hours=chance.randrange(100)) if chance.random() < 0.7 else None
        about = {"project": "shop", "application": application, "incident_id": name, "by": "pager"}
        facts.append(IncidentOpened(**about, version=version, at=at))
        if ended:
            facts.append(IncidentResolved(**about, at=ended))
        incidents.append(Incident(name, application, at, ended, version))
    return facts, deployments, incidents


def _same(report: dict[str, Any], history: History) -> None:
    """The answer is that of all facts."""
    found = {one["name"]: one for one in report["metrics"]}
    failed, rework = metrics.change_failure_rate(history, WINDOW), metrics.rework_rate(history, WINDOW)
    restore, lead = metrics.time_to_restore(history, WINDOW), metrics.lead_time(history, WINDOW)
    frequency = metrics.deployment_frequency(history, WINDOW)
    assert found["deployment_frequency"]["numerator"] == frequency.count
    assert found["deployment_frequency"]["value"] == frequency.per_day
    assert tuple(found["deployment_frequency"]["facts"]) == frequency.facts.ids
    assert f"{frequency.bucket.value} as Four Keys" in found["deployment_frequency"]["note"]
    assert (found["change_failure_rate"]["numerator"], found["change_failure_rate"]["value"]) == (
        failed.numerator,
        failed.ratio,
    )
    assert (found["rework_rate"]["numerator"], found["rework_rate"]["value"]) == (rework.numerator, rework.ratio)
    assert found["lead_time"]["value"] == lead.median_seconds
    assert found["time_to_restore"]["value"] == restore.median_seconds
    assert set(found["time_to_restore"]["facts"]) == set(restore.facts.ids)
    told = f"{restore.measured} measured, {restore.still_open} still open, {restore.rollbacks_alone} known"
    assert told in found["time_to_restore"]["note"]


async def _series_in_a_zone_and_tables(run: Running[Any], door: Door) -> None:
    # A quarter of an hour before and after midnight in Kathmandu, which is 18:15 in UTC.
    late, early = (NOW.replace(hour=18, minute=minute) + timedelta(days=1) for minute in (10, 20))
    for name, at in (("x", late), ("y", early)):
        await hear(run, moved(name, at, application="zoned", promotion_id=f"zoned-{name}", source=None))
    path = "/projects/shop/metrics/delivery"
    query = {"application": "zoned", "by": "day", "since": "2026-06-02T12:00:00Z", "until": "2026-06-03T20:00:00Z"}
    there = await _get(door, path, **query, zone="Asia/Kathmandu")
    assert [(one["since"], one["deployments"], one["partial"]) for one in there["series"]] == [
        ("2026-06-01T18:15:00Z", 1, False),
        ("2026-06-02T18:15:00Z", 1, False),
        ("2026-06-03T18:15:00Z", 0, True),
    ]
    here = await _get(door, path, **query)
    assert [one["deployments"] for one in here["series"]] == [2, 0]

    table = await door.ask("GET", path, params=query, headers={"accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    heading, *lines = list(csv.reader(io.StringIO(table.text)))
    assert [line[heading.index("deployments")] for line in lines] == ["2", "0"]
    assert (await door.ask("GET", path, params=query | {"format": "csv"})).text == table.text
    chosen = await door.ask("GET", path, params=query | {"format": "json"}, headers={"accept": "text/csv"})
    assert chosen.json() == here
    both = await door.ask("GET", path, params=query, headers={"accept": "application/json, text/csv"})
    assert both.json() == here


async def _rights(system: System) -> None:
    asker = await system.asker()
    mine = system.token("one", Role.VIEWER, project="shop")
    foreign = system.token("other", Role.ADMIN, project="bank")
    queries: list[tuple[Query, type[Answer]]] = [
        (ShowDelivery(project="shop"), DeliveryReport),
        (ShowFlow(project="shop"), FlowReport),
        (ShowCoverage(project="shop"), CoverageReport),
    ]
    for query, answer in queries:
        await asker.ask(query, answer, token=mine)
        with pytest.raises(Forbidden):
            await asker.ask(query, answer, token=foreign)
    for everything, answer in ((ShowDelivery(), DeliveryReport), (ShowFlow(), FlowReport)):
        with pytest.raises(Forbidden) as refused:
            await asker.ask(everything, answer, token=mine)
        assert refused.value.code == "role_missing"
        await asker.ask(everything, answer, token=system.token("eve", Role.VIEWER))
    with pytest.raises(Invalid) as unclear:
        await asker.ask(ShowFlow(application="web"), FlowReport)
    assert unclear.value.code == "project_missing"


async def _flow(run: Running[Any], door: Door) -> None:
    at = [NOW + timedelta(hours=hours) for hours in range(12)]
    about = {"project": "shop", "application": "web", "version": "1.0", "promotion_id": "pr-1"}
    whole = {**about, "version_digest": digest("1.0"), "kind": PromotionKind.PROMOTE, "to_stage": "qa"}

    def advanced(state: PromotionState, place: int, **more: Any) -> PromotionAdvanced:
        said = {"attempt": 1, "from_state": S.CHECKING, "because": "", "verdict_id": None, "outcome": None}
        return PromotionAdvanced.model_validate({**about, **said, "to_state": state, "at": at[place], **more})

    requested = example_of(PromotionRequested).model_copy(update={**whole, "at": at[0]})
    completed = example_of(PromotionCompleted).model_copy(update={**whole, "requested_at": at[0], "at": at[7]})
    facts: list[Message] = [
        requested,
        advanced(S.CHECKING, 1),
        advanced(S.AWAITING_APPROVAL, 2),
        advanced(S.AWAITING_APPROVAL, 4, frozen_by="winter", frozen_until=at[9]),
        advanced(S.APPLYING, 6),
        completed,
    ]
    finding = example_of(VerdictIssued).findings[0]
    denied = finding.model_copy(
        update={"policy": "qa-entry", "rule": "no.$bad", "stage": "qa", "gate": GateKind.ENTRY, "outcome": Outcome.DENY}
        | {"waived": (), "passes_at": None}
    )
    verdict = example_of(VerdictIssued).model_copy(
        update={
            **about,
            "promotion_id": "pr-2",
            "passages": (Passage(stage="qa", gate=GateKind.ENTRY), Passage(stage="dev", gate=GateKind.EXIT)),
            "outcome": Outcome.DENY,
            "findings": (denied,),
            "judged_at": at[1],
        }
    )
    ended = {"promotion_id": "pr-2", "state": S.DENIED, "requested_at": at[1], "at": at[1]}
    refused = example_of(PromotionEnded).model_copy(update=whole | ended)
    waits = requested.model_copy(update={"promotion_id": "pr-3", "at": at[3]})
    moves = [
        moved(
            "1.0", at[place], release=False, kind=PromotionKind.PROMOTE, promotion_id=f"m{place}", from_stage=source
        ).model_copy(update={"to_stage": stage})
        for place, source, stage in ((5, "dev", "qa"), (1, None, "dev"))
    ]
    Random(1).shuffle(facts)  # noqa: S311 - no secret
    await hear(run, *facts, refused, verdict, waits, *moves, *facts[:3])

    found = await _get(door, "/projects/shop/metrics/flow", application="web", by="week", **ASKED)
    waited = {one["on"]: one["total_seconds"] / 3600 for one in found["whole"]["waited"]}
    assert waited == {"queue": 1, "gates": 1, "approval": 2, "freeze": 2, "applying": 1}
    assert (found["whole"]["completed"], found["whole"]["denied"]) == (1, 1)
    assert [(one["stage"], one["gate"], one["passed"]) for one in found["whole"]["gates"]] == [
        ("dev", "exit", 1),
        ("qa", "entry", 0),
    ]
    assert found["denials"] == [{"policy": "qa-entry", "rule": "no.$bad", "promotions": 1}]
    assert [(one["on"], one["count"]) for one in found["waiting"]] == [("queue", 1)]
    [dwell] = found["whole"]["dwell"]
    assert (dwell["stage"], dwell["seconds"]["median"]) == ("dev", pytest.approx(4 * 3600, rel=0.01))
    assert [one["completed"] for one in found["series"]] == [1, 0, 0, 0, 0]
    table = (await door.ask("GET", "/projects/shop/metrics/flow", params=ASKED | {"format": "csv"})).text
    assert '"denied_by","qa-entry/no.$bad",1' in table


async def _coverage(run: Running[Any], door: Door) -> None:
    subject = digest("shop", "1.0")
    unsigned = bom("e2", subject, verified=False)
    provenance = ProvenanceFacts.model_validate(example_of(ProvenanceFacts))
    unsigned = unsigned.model_copy(update={"item": unsigned.item.model_copy(update={"facts": provenance})})
    await hear(run, bom("e1", subject, made_at=WINDOW.until - timedelta(days=2)), unsigned)
    known = example_of(WaiverGranted).model_copy(update={"project": "shop", "application": "web"})
    granted = [
        known.model_copy(update={"waiver_id": f"w{number}", "at": WINDOW.until - timedelta(days=age)}).model_copy(
            update={"expires_at": WINDOW.until + timedelta(days=left)}
        )
        for number, (age, left) in enumerate([(1, 3), (10, 3), (100, 200), (5, 1)])
    ]
    ended = example_of(WaiverEnded).model_copy(update={"project": "shop", "application": "web", "waiver_id": "w3"})
    await hear(run, ended, *granted)
    alert = {"project": "shop", "application": "web", "severity": "high"}
    closed = [(2, 3), (4, 3)]
    await run.database.collection(ALERTS).add_all(
        [
            {**alert, "_id": str(days), "opened_at": NOW, "closed_at": NOW + timedelta(days=days)}
            | {"due": NOW + timedelta(days=due)}
            for days, due in closed
        ]
    )

    found = await _get(door, "/projects/shop/metrics/coverage", application="web")
    stages = {one["stage"]: one for one in found["stages"]}
    assert set(stages) == {"dev", "qa"}
    assert [(one["kind"], one["count"], one["verified"]) for one in stages["qa"]["evidence"]] == [
        ("provenance", 1, 0),
        ("sbom", 1, 1),
    ]
    assert stages["qa"]["signed_share"] == 0.5
    assert stages["qa"]["sbom_age_seconds"] == timedelta(days=2).total_seconds()
    assert [one["since_granted"] for one in found["waivers"]] == [1, 1, 0, 1]
    assert [one["until_expiry"] for one in found["waivers"]] == [2, 0, 0, 1]
    [high] = found["remediation"]
    assert (high["closed"], high["in_time"], high["mean_seconds"]) == (2, 1, timedelta(days=3).total_seconds())
    # Page by page, and nothing after it was taken back.
    first = await _get(door, "/projects/shop/metrics/coverage", application="web", limit=1)
    rest = await _get(door, "/projects/shop/metrics/coverage", application="web", limit=1, after=first["next"])
    assert [*first["stages"], *rest["stages"]] == found["stages"]
    back = moved("1.0", WINDOW.until, release=False, kind=PromotionKind.DEMOTE, promotion_id="back", left=("qa",))
    await hear(run, back.model_copy(update={"from_stage": "qa", "to_stage": "dev"}))
    after = await _get(door, "/projects/shop/metrics/coverage", application="web")
    assert [one["stage"] for one in after["stages"]] == ["dev"]
    await _evidence_on_several_things(run)


async def _evidence_on_several_things(run: Running[Any]) -> None:
    """What is about two things counts once for whoever consists of one of them, of the other, or of both."""
    coverage = CoverageRepository(*(run.database.collection(name) for name in (EVIDENCE, STANDINGS, ALERTS)))
    shared = Seen("k1", ("sha256:a", "sha256:b", "sha256:z"), "sbom", "verified", 1, NOW)
    later = Seen("k2", ("sha256:b",), "sbom", "verified", 1, NOW + timedelta(days=1))
    unsigned = Seen("k3", ("sha256:b",), "tests", "unverified", 1, NOW)
    for one in (shared, later, unsigned):
        await coverage.seen("kinds", one)
    groups = [["sha256:a"], ["sha256:b"], ["sha256:a", "sha256:b"], ["sha256:c"], []]
    both = (KindSeen("sbom", 2, 2, later.made_at), KindSeen("tests", 1, 0, None))
    expected = ((KindSeen("sbom", 1, 1, NOW),), both, both, (), ())
    assert await coverage.kinds_of_each("kinds", groups) == expected
    assert await coverage.kinds_of_each("other", groups) == ((),) * 5


async def _refusals(door: Door) -> None:
    for query, code in (
        ({"zone": "Mars/Olympus"}, "zone_unknown"),
        ({"zone": "../../../etc/passwd"}, "zone_unknown"),
        ({"since": "1990-01-01T00:00:00Z"}, "window_too_long"),
        ({"since": "2024-01-01T00:00:00Z", "by": "day"}, "periods_too_many"),
        ({"since": "2026-07-02T00:00:00Z", "until": "2026-07-01T00:00:00Z"}, "window_empty"),
    ):
        for noun in ("delivery", "flow"):
            answer = await door.ask("GET", f"/projects/shop/metrics/{noun}", params=query)
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


async def _gauges(run: Running[Any]) -> None:
    await renew_gauges(run)
    shown = generate_latest().decode()
    assert 'hallmark_flow_promotion_queue_length{project="shop"} 1.0' in shown
    assert 'hallmark_delivery_deployments_per_day{project="shop"}' in shown
    assert 'hallmark_delivery_change_failure_ratio{project="shop"}' in shown


async def _get(door: Door, path: str, **query: Any) -> dict[str, Any]:
    answer = await door.ask("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
