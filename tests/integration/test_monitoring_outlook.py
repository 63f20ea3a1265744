"""Where risk is over all projects, and how the alerts of one developed, on a real NATS and a real MongoDB."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.monitoring.v1.metrics import MetricPeriod
from contracts.monitoring.v1.outlook import RiskOutlook, RiskSurvey, ShowRiskOutlook, SurveyRisk
from contracts.vocabulary import Actor, ActorKind, Role, Severity, Trust
from services.monitoring.storage.alerts import ALERTS
from services.monitoring.storage.releases import RELEASES
from shared.errors import Forbidden
from shared.identity import Caller, issue_token
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, digest, moved, trusted

pytestmark = pytest.mark.servers
DAY = timedelta(days=1)


async def outlook(scene: Scene, token: str | None = None, **more: Any) -> RiskOutlook:
    asked = ShowRiskOutlook(**{"project": "shop", **more})
    return await scene.asker.ask(asked, RiskOutlook, token=token)


async def survey(scene: Scene, token: str | None = None, **more: Any) -> RiskSurvey:
    return await scene.asker.ask(SurveyRisk(**more), RiskSurvey, token=token)


async def released(scene: Scene, project: str, *purls: str) -> None:
    scene.boms[f"{project}-bom"] = list(purls)
    await scene.deliver(moved("1.0", NOW, project=project, version_digest=digest(project, "1.0")))
    await scene.deliver(trusted(project=project))
    await scene.deliver(bom(f"{project}-bom", digest(project, "1.0"), project=project))


async def test_risk_over_projects_and_over_time(tmp_path: Path) -> None:
    clock = FrozenClock(NOW)
    async with a_scene(tmp_path, clock) as scene:
        await _nothing_yet(scene)
        for project in ("shop", "bank", "calm"):
            libraries = ["pkg:pypi/lib@1.5", "pkg:pypi/other@1.0"] if project != "calm" else []
            await released(scene, project, *libraries)
        await scene.import_(advisory("A-1", "lib"), _by_commit("A-9", "other"))
        clock.now = NOW + 8 * DAY
        await scene.import_(advisory("A-2", "other", database_specific={"severity": "LOW"}))
        clock.now = NOW + 16 * DAY
        await scene.import_(advisory("A-2", "other", withdrawn="2026-06-16T00:00:00Z", modified="2026-06-16T00:00:00Z"))
        await _over_time(scene)
        await _over_projects(scene)
        await _rights(scene)
        await _indexed(scene)


def _by_commit(name: str, package: str) -> dict[str, Any]:
    ranges = [{"type": "GIT", "repo": "https://git.example/x", "events": [{"introduced": "0"}]}]
    return {
        **advisory(name, package),
        "affected": [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": ranges}],
    }


async def _nothing_yet(scene: Scene) -> None:
    found = await outlook(scene)
    assert (found.open, found.due, found.overdue, found.undecided) == ({}, (), 0, ())
    assert all((one.opened, one.closed, one.open) == ({}, {}, {}) for one in found.series)
    everywhere = await survey(scene)
    assert (everywhere.projects, everywhere.releases, everywhere.due) == ((), (), ())


async def _over_time(scene: Scene) -> None:
    found = await eventually(lambda: outlook(scene, since=NOW - DAY), lambda one: one.overdue == 1)
    assert found.open == {Severity.HIGH: 1}
    assert [(one.day, one.alerts) for one in found.due] == [((NOW + 14 * DAY).date(), {Severity.HIGH: 1})]
    told = [(one.opened, one.closed, one.met, one.open) for one in found.series]
    high, low = {Severity.HIGH: 1}, {Severity.LOW: 1}
    # NOW is a Monday: the week before it, and three weeks.
    assert told == [
        ({}, {}, 0, {}),
        (high, {}, 0, high),
        (low, {}, 0, high | low),
        ({}, low, 1, high),
    ]
    assert found.series[-1].partial
    assert [(one.application, one.version, one.total) for one in found.undecided] == [("web", "1.0", 1)]
    assert found.undecided_releases == 1
    by_day = await outlook(scene, since=NOW - DAY, by=MetricPeriod.DAY, application="web")
    assert len(by_day.series) == 18
    assert [sum(one.open.values()) for one in by_day.series] == [0, *[1] * 8, *[2] * 8, 1]
    assert (await outlook(scene, application="none")).open == {}


async def _over_projects(scene: Scene) -> None:
    found = await survey(scene)
    assert (found.at_risk, found.overdue, found.revoked, found.project_count) == (2, 2, 0, 2)
    assert [(one.project, one.overdue) for one in found.projects] == [("bank", 1), ("shop", 1)]
    assert found.projects[0].nearest == (NOW + 14 * DAY).date()
    assert found.due == (), "what is past is no deadline to come"
    assert [(one.project, one.trust) for one in found.releases] == [("bank", Trust.AT_RISK), ("shop", Trust.AT_RISK)]
    assert len((await survey(scene, most=1)).releases) == 1


async def _rights(scene: Scene) -> None:
    vic = scene.system.token("vic", Role.VIEWER, project="shop")
    found = await survey(scene, vic)
    assert ([one.project for one in found.projects], found.at_risk) == (["shop"], 1)
    assert [one.project for one in found.releases] == ["shop"]
    with pytest.raises(Forbidden):
        await outlook(scene, vic, project="bank")
    for application, seen in (("web", 1), ("other", 0)):
        caller = Caller(
            Actor(subject="run", kind=ActorKind.PIPELINE), {}, {"shop": {application: frozenset({Role.VIEWER})}}
        )
        confined = issue_token(scene.system.gateway_key, "gateway", caller, now=datetime.now(UTC))
        assert (await survey(scene, confined)).at_risk == seen
        with pytest.raises(Forbidden):
            await outlook(scene, confined)


async def _indexed(scene: Scene) -> None:
    """Counts are read from indexes alone."""
    database = scene.run.dispatcher.database
    where = {"project": "shop"}
    for collection, match, fields in (
        (RELEASES, {"urgency": {"$lt": "2|"}}, {"project": 1, "urgency": 1}),
        (RELEASES, {"$or": [{**where, "urgency": {"$lt": "2|"}}]}, {"project": 1, "urgency": 1}),
        (ALERTS, {**where, "active": True}, {"severity": 1, "due": 1}),
        (ALERTS, {**where, "opened_at": {"$gte": NOW}}, {"severity": 1, "opened_at": 1}),
        (ALERTS, {**where, "closed_at": {"$gte": NOW}}, {"severity": 1, "closed_at": 1, "met": 1}),
    ):
        plan = await database.collection(collection).handle.find(match, {"_id": 0, **fields}).explain()
        assert "FETCH" not in str(plan["queryPlanner"]["winningPlan"]), (collection, match)
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"]), (collection, match)
