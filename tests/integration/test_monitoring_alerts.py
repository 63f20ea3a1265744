"""Alerts and their deadlines on a real NATS and a real MongoDB: one per cause, none lost, each step told once."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.alerting import AlertState, ClosedBy
from contracts.answers import Applied
from contracts.message import Command
from contracts.monitoring.v1.alerts import (
    AcknowledgeAlert,
    AlertChanged,
    AlertClosed,
    AlertOpened,
    AlertPage,
    AlertView,
    AssignAlert,
    ListAlerts,
    ShowAlert,
    SnoozeAlert,
)
from contracts.monitoring.v1.commands import RevokeRelease, TrustRevoked
from contracts.monitoring.v1.exploitation import ExploitationImported, ImportExploitation, KevCatalogue
from contracts.monitoring.v1.sla import ApplySlaTable, ListSlaTables, ShowSlaTable, SlaTableAnswer, SlaTableList
from contracts.vocabulary import PromotionKind, Role, Severity
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.integration.test_monitoring_distrust import rejudged
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, digest, moved, trusted

pytestmark = pytest.mark.servers
DAY = timedelta(days=1)


async def alerts(scene: Scene, project: str = "shop", **more: Any) -> tuple[AlertView, ...]:
    return (await scene.asker.ask(ListAlerts(project=project, **more), AlertPage)).alerts


async def the_alert(scene: Scene, **like: Any) -> AlertView:
    """The only one that is not closed, once it is like this."""

    def is_it(found: tuple[AlertView, ...]) -> bool:
        return len(found) == 1 and all(getattr(found[0], name) == value for name, value in like.items())

    return (await eventually(lambda: alerts(scene), is_it))[0]


async def do(scene: Scene, kind: type[Command], about: AlertView, token: str | None = None, **more: Any) -> AlertView:
    command = kind.model_validate(
        {"command_id": uuid4().hex, "project": "shop", "alert_id": about.alert_id, "reason": "Because."} | more
    )
    return await scene.asker.ask(command, AlertView, token=token)


async def told(scene: Scene, count: int) -> list[str]:
    """What was announced of the alerts of `shop`, in order, once there is as much of it."""
    jetstream = (await scene.system.connect("provision")).jetstream()

    async def all_of_it() -> list[str]:
        found: list[str] = []
        last = (await jetstream.stream_info("HALLMARK_EVT")).state.last_seq
        for sequence in range(1, last + 1):
            message = await jetstream.get_msg("HALLMARK_EVT", sequence)
            for kind in (AlertOpened, AlertChanged, AlertClosed):
                if (message.subject or "").startswith(f"{kind.subject}.shop."):
                    fact = kind.model_validate_json(message.data or b"")
                    found.append(getattr(fact, "change", "") or getattr(fact, "closed_by", "opened"))
        return found

    return await eventually(all_of_it, lambda found: len(found) >= count)


async def a_release_with_a_flaw(scene: Scene) -> AlertView:
    scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
    await scene.deliver(moved("1.0", NOW))
    await scene.deliver(trusted())
    await scene.deliver(bom("e1", digest("shop", "1.0")))
    for _ in range(2):
        await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-2026-00001"]))
        await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-2026-00001"]), advisory("A-9", "elsewhere"))
    return await the_alert(scene)


async def dealt_with(scene: Scene, one: AlertView) -> None:
    """People who may, and no others, say that they deal with it."""
    team = scene.system.token("tim", Role.CONTRIBUTOR, project="shop")
    viewer = scene.system.token("vic", Role.VIEWER, project="shop")
    for kind, token, more in (
        (AcknowledgeAlert, viewer, {}),
        (AssignAlert, viewer, {"assignee": "vic"}),
        (SnoozeAlert, team, {"until": NOW + DAY}),
    ):
        with pytest.raises(Forbidden):
            await do(scene, kind, one, token, **more)
    with pytest.raises(Invalid) as long:
        await do(scene, SnoozeAlert, one, until=NOW + 15 * DAY)
    assert long.value.code == "snooze_long"
    assert (await do(scene, AcknowledgeAlert, one, team)).acknowledged_by == "tim"
    assert (await do(scene, AcknowledgeAlert, one, team)).state is AlertState.ACKNOWLEDGED, "again changes nothing"
    assert (await do(scene, AssignAlert, one, team, assignee="tim")).assignee == "tim"


async def test_the_life_of_an_alert(tmp_path: Path) -> None:
    clock = FrozenClock(NOW)
    async with a_scene(tmp_path, clock) as scene:
        one = await a_release_with_a_flaw(scene)
        assert (one.name, one.aliases, one.component) == ("CVE-2026-00001", ("GHSA-1",), "pkg:pypi/lib@1.5")
        assert (one.state, one.due, one.owners) == (AlertState.OPEN, NOW + 14 * DAY, ("team-web",))

        await dealt_with(scene, one)

        # Exploitation begins: another alert, although somebody deals with the first.
        listed = {"vulnerability": "CVE-2026-00001", "kev": {"date_added": "2026-06-01"}}
        edition = KevCatalogue(feed="kev", catalogue_version="2026.06.01")
        clock.advance(days=1)
        await scene.asker.ask(
            ImportExploitation(command_id=uuid4().hex, edition=edition, entries=(listed,)), ExploitationImported
        )
        raised = await the_alert(scene, exploited=True)
        assert (raised.follows, raised.state, raised.assignee) == (one.alert_id, AlertState.OPEN, "tim")
        assert raised.due == NOW + 8 * DAY, "seven days from when it became known"
        shown = await scene.trust()
        assert (shown.deadline, shown.causes[0].due, shown.causes[0].exploited) == (raised.due, raised.due, True)

        await do(scene, SnoozeAlert, raised, until=NOW + 3 * DAY)
        assert await alerts(scene, state=AlertState.SNOOZED) == await alerts(scene, assignee="tim", owner="team-web")
        clock.advance(days=3)
        await the_alert(scene, state=AlertState.OPEN)
        clock.advance(days=5)
        late = await the_alert(scene, state=AlertState.ESCALATED)
        assert (late.overdue, late.escalated_at) == (True, clock())
        assert await alerts(scene, overdue=True, severity=Severity.HIGH) == (late,)
        with pytest.raises(Conflict) as overdue:
            await do(scene, SnoozeAlert, late, until=NOW + 20 * DAY)
        assert overdue.value.code == "alert_overdue"

        # A new version takes its place; brought back, the flaw is back with the deadline it had.
        await scene.deliver(moved("2.0", clock()))
        await scene.deliver(trusted("2.0", at=clock()))
        assert await alerts(scene) == ()
        replaced = await scene.asker.ask(ShowAlert(project="shop", alert_id=late.alert_id), AlertView)
        assert (replaced.closed_by, replaced.met, replaced.closed_at) == (ClosedBy.REPLACED, False, clock())
        assert [entry.change for entry in replaced.history] == ["opened", "snoozed", "woken", "escalated", "closed"]
        with pytest.raises(Conflict) as over:
            await do(scene, AcknowledgeAlert, late)
        assert over.value.code == "alert_closed"
        clock.advance(hours=1)
        await scene.deliver(moved("1.0", clock(), kind=PromotionKind.ROLLBACK))
        back = await the_alert(scene, state=AlertState.ESCALATED)
        assert (back.follows, back.occurrence, back.due) == (late.alert_id, 3, late.due)

        gone = {"modified": "2026-07-01T00:00:00Z", "withdrawn": "2026-07-01T00:00:00Z"}
        await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-2026-00001"], **gone))
        closed = {found.occurrence: found for found in await alerts(scene, state=AlertState.CLOSED)}
        ends = {number: found.closed_by for number, found in closed.items()}
        assert ends == {1: ClosedBy.RAISED, 2: ClosedBy.REPLACED, 3: ClosedBy.WITHDRAWN}
        assert closed[1].history == (), "lists leave it out"
        assert await told(scene, 12) == [
            *("opened", "acknowledged", "assigned", "raised", "opened", "snoozed", "woken", "escalated", "replaced"),
            *("opened", "escalated", "withdrawn"),
        ]


async def test_tables_of_deadlines_distrust_and_revocation(tmp_path: Path) -> None:
    clock = FrozenClock(NOW)
    async with a_scene(tmp_path, clock) as scene:
        one = await a_release_with_a_flaw(scene)
        security = scene.system.token("sue", Role.SECURITY, project="shop")
        stranger = scene.system.token("eve", Role.SECURITY, project="bank")

        def table(**more: Any) -> ApplySlaTable:
            return ApplySlaTable(command_id=uuid4().hex, project="shop", **more)

        async def shown() -> SlaTableAnswer:
            return await scene.asker.ask(ShowSlaTable(project="shop"), SlaTableAnswer)

        assert ((await shown()).origin, (await shown()).days["high"]["high"]) == ("default", 14)
        for refused, token in ((table(), stranger), (table(shared=True), security)):
            with pytest.raises(Forbidden):
                await scene.asker.ask(refused, Applied, token=token)
        with pytest.raises(Invalid) as upside_down:
            await scene.asker.ask(table(days={"high": {"critical": 30}}), Applied)
        assert upside_down.value.code == "sla_not_monotone"

        everybody = table(shared=True, days={"high": {"high": 10}})
        assert (await scene.asker.ask(everybody, Applied)).change == "created"
        assert (await the_alert(scene, due=NOW + 10 * DAY)).alert_id == one.alert_id, "the same alert, due earlier"
        calendar = {"time_zone": "Europe/Berlin", "holidays": ["2026-06-04"]}
        mine = table(days={"high": {"high": 8, "critical": 5}}, calendar=calendar)
        assert (await scene.asker.ask(mine, Applied, token=security)).change == "created"
        repeat = mine.model_copy(update={"command_id": uuid4().hex})
        assert (await scene.asker.ask(repeat, Applied, token=security)).change == "unchanged"
        # Monday the first; eight working days, of which the fourth of June is none.
        await the_alert(scene, due=NOW + 11 * DAY)
        assert (await scene.trust()).deadline == NOW + 11 * DAY
        listed = await scene.asker.ask(ListSlaTables(limit=1), SlaTableList)
        rest = await scene.asker.ask(ListSlaTables(after=listed.next), SlaTableList, token=security)
        assert [found.origin for found in (*listed.tables, *rest.tables)] == ["shared", "project"]
        none = await scene.asker.ask(ListSlaTables(after="*"), SlaTableList, token=stranger)
        assert none.tables == ()

        added = bom("e2", digest("elsewhere"))
        scene.boms["e2"] = []
        await scene.deliver(added)
        await scene.deliver(trusted(at=NOW + timedelta(hours=1), evidence_digests=(added.item.content_digest,)))
        await scene.deliver(rejudged(added))
        [vulnerable, distrusted] = sorted(await alerts(scene), key=lambda found: found.kind, reverse=True)
        assert (distrusted.kind, distrusted.name, distrusted.severity) == ("distrust", "e2", "high")
        await scene.deliver(trusted(at=NOW + timedelta(hours=2), evidence_digests=(digest("new"),)))
        assert await alerts(scene) == (vulnerable,)

        revoke = RevokeRelease(
            command_id=uuid4().hex, project="shop", application="web", version="1.0", reason="The key was stolen."
        )
        await scene.asker.ask(revoke, TrustRevoked)
        assert await alerts(scene) == ()
        ended = {found.name: found.closed_by for found in await alerts(scene, state=AlertState.CLOSED)}
        assert ended == {"e2": ClosedBy.RECERTIFIED, "CVE-2026-00001": ClosedBy.REVOKED}
        with pytest.raises(NotFound) as unknown:
            await scene.asker.ask(ShowAlert(project="bank", alert_id=one.alert_id), AlertView)
        assert unknown.value.code == "alert_unknown"
        with pytest.raises(Forbidden):
            await scene.asker.ask(ShowAlert(project="shop", alert_id=one.alert_id), AlertView, token=stranger)


def a_feed(size: int) -> list[dict[str, Any]]:
    """Two records about every other flaw, some of them of unknown severity."""
    records = []
    for number in range(size):
        name = f"CVE-2026-{number:05d}"
        records.append(advisory(f"GHSA-{number}", f"lib{number}", aliases=[name]))
        if number % 2:
            records.append(advisory(name, f"lib{number}", aliases=[f"GHSA-{number}"], database_specific={}))
    return records


def parts(records: list[dict[str, Any]], size: int) -> Iterable[list[dict[str, Any]]]:
    return (records[first : first + size] for first in range(0, len(records), size))


async def test_a_whole_feed_imported_twice_at_once_and_backwards_makes_one_alert_per_cause(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        size = 40
        scene.boms["e1"] = [f"pkg:pypi/lib{number}@1.5" for number in range(size)]
        feed = a_feed(size)

        async def facts() -> None:
            await scene.deliver(trusted())
            await scene.deliver(bom("e1", digest("shop", "1.0")))

        async def bring(records: list[dict[str, Any]]) -> None:
            for part in parts(records, 15):
                await scene.import_(*part)

        await asyncio.gather(bring(feed), bring(feed[::-1]), facts())
        pages: list[AlertView] = []
        after = None
        while True:
            page = await scene.asker.ask(ListAlerts(project="shop", after=after, limit=7), AlertPage)
            pages += page.alerts
            after = page.next
            if after is None:
                break
        assert sorted(one.name for one in pages) == [f"CVE-2026-{number:05d}" for number in range(size)]
        assert [one.due for one in pages] == sorted(one.due for one in pages)
        kept = {one["_id"]: one["revision"] async for one in scene.run.database.collection("alerts").stream({})}
        assert len(kept) == size
        await bring(feed)
        again = {one["_id"]: one["revision"] async for one in scene.run.database.collection("alerts").stream({})}
        assert again == kept, "nothing was even written"
        jetstream = (await scene.system.connect("provision")).jetstream()
        opened = await eventually(lambda: facts_on(jetstream, AlertOpened), lambda found: len(found) >= size)
        assert len({one.alert_id for one in opened}) == len(opened) == size
