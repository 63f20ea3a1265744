"""What the gate says of releases that it judged again, in whatever order monitoring hears it."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from contracts.alerting import AlertState, ClosedBy
from contracts.gate.v1.rejudging import FailingRule, ReleaseRejudged, WaivedRule
from contracts.message import Event
from contracts.monitoring.v1.alerts import AlertPage, AlertView, ListAlerts
from contracts.monitoring.v1.events import TrustChanged
from contracts.vocabulary import Outcome, PromotionKind, Trust
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, digest, moved, trusted

pytestmark = pytest.mark.servers
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def failing(rule: str = "tests", **changes: Any) -> FailingRule:
    fields: dict[str, Any] = {
        "policy": "prod-entry",
        "rule": rule,
        "stage": "prod",
        "title": "Tests passed",
        "outcome": Outcome.DENY,
        "observed": "1 test failed.",
        "remedy": "Mend it.",
        "since": NOW,
    }
    return FailingRule(**(fields | changes))


def judged(revision: int, *rules: FailingRule, project: str = "shop", **changes: Any) -> ReleaseRejudged:
    fields: dict[str, Any] = {
        "project": project,
        "application": "web",
        "version": "1.0",
        "version_digest": digest(project, "1.0"),
        "verdict_id": "v",
        "released_at": NOW,
        "revision": revision,
        "outcome": Outcome.DENY if rules else Outcome.ALLOW,
        "failing": rules,
        "failing_count": len(rules),
        "at": NOW,
    }
    return ReleaseRejudged(**(fields | changes))


async def alerts(scene: Scene, **more: Any) -> tuple[AlertView, ...]:
    return (await scene.asker.ask(ListAlerts(project="shop", **more), AlertPage)).alerts


async def test_the_newest_word_counts_in_whatever_order_it_is_heard(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        for number, order in enumerate(permutations(range(4))):
            project = f"p{number}"
            said = (judged(1, failing()), judged(2), judged(3, failing("scan"), failing("tests", since=NOW + HOUR)))
            heard: tuple[Event, ...] = (
                trusted(project=project),
                *(one.model_copy(update={"project": project}) for one in said),
            )
            for place in order:
                await scene.deliver(heard[place])
                await scene.deliver(heard[place])
            found = await scene.trust(project)
            assert found.trust is Trust.AT_RISK, order
            assert [(one.rule, one.since) for one in found.rules] == [("scan", NOW), ("tests", NOW + HOUR)]
            assert found.deadline == NOW + 14 * DAY, "as a high flaw of a high application, from the first of them"
            assert (await scene.risk(project)).releases[0].rules == found.rules
        jetstream = (await scene.system.connect("provision")).jetstream()
        last = {
            one.project: one
            for one in await eventually(lambda: facts_on(jetstream, TrustChanged), lambda found: len(found) >= 48)
        }
        assert {(one.to_trust, len(one.rules)) for one in last.values()} == {(Trust.AT_RISK, 2)}
        assert {one.because for one in last.values()} == {
            "It would not be admitted any more by prod-entry/scan@prod, prod-entry/tests@prod: 1 test failed."
        }


async def test_it_concerns_the_admission_that_was_judged_and_no_other(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.deliver(moved("1.0", NOW))
        await scene.deliver(trusted())
        await scene.deliver(judged(1, failing(), released_at=NOW - DAY))
        assert (await scene.trust()).trust is Trust.TRUSTED, "it is about an earlier release"
        await scene.deliver(judged(1, failing()))
        [alert] = await alerts(scene)
        assert (alert.name, alert.severity, alert.due) == ("prod-entry/tests@prod", "high", NOW + 14 * DAY)
        assert alert.summary == "Tests passed: 1 test failed. Mend it."

        certified: dict[str, Any] = {"kind": PromotionKind.RECERTIFY, "at": NOW + HOUR}
        await scene.deliver(trusted(**certified))
        assert (await scene.trust()).trust is Trust.TRUSTED
        [closed] = await alerts(scene, state=AlertState.CLOSED)
        assert closed.closed_by is ClosedBy.RECERTIFIED
        await scene.deliver(judged(9, failing()))
        assert (await scene.trust()).trust is Trust.TRUSTED, "what was said of the release before is over"
        await scene.deliver(judged(1, failing(), released_at=NOW + HOUR))
        [second] = await alerts(scene)
        assert (second.follows, (await scene.trust()).trust) == (alert.alert_id, Trust.AT_RISK)
        await scene.deliver(moved("1.0", NOW + DAY, kind=PromotionKind.RECERTIFY, trusted=False))
        untrusted = await scene.trust()
        assert (untrusted.trust, untrusted.rules, await alerts(scene)) == (Trust.NONE, (), ())


async def test_each_rule_goes_by_what_lets_it_pass_and_flaws_stay(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        for fact in (moved("1.0", NOW), trusted(), bom("e1", digest("shop", "1.0"))):
            await scene.deliver(fact)
        await scene.import_(advisory("A-1", "lib"))
        await scene.deliver(judged(1, failing("scan", ended_waivers=("wv-1",)), failing("tests")))
        assert {one.name for one in await alerts(scene)} == {"A-1", "prod-entry/scan@prod", "prod-entry/tests@prod"}
        waived = WaivedRule(policy="prod-entry", rule="scan", stage="prod", waivers=("wv-2",))
        await scene.deliver(judged(2, waived=(waived,)))
        ended = {one.name: one.closed_by for one in await alerts(scene, state=AlertState.CLOSED)}
        assert ended == {"prod-entry/scan@prod": ClosedBy.WAIVER, "prod-entry/tests@prod": ClosedBy.EVIDENCE}
        left = await scene.trust()
        assert (left.trust, left.cause_count, left.rules) == (Trust.AT_RISK, 1, ()), "a waiver is no VEX"
        assert [one.name for one in await alerts(scene)] == ["A-1"]
