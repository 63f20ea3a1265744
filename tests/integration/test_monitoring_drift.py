"""What runs and what should, from both sides and in every order, on a real NATS and a real MongoDB."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from contracts.evidence.v1.events import EvidenceAdded
from contracts.facts import DeploymentFacts, EvidenceItem
from contracts.message import Event
from contracts.monitoring.v1.commands import RevokeRelease, TrustRevoked
from contracts.monitoring.v1.running import DriftFound, DriftGone, DriftPage, ListDrift, ListRunning, RunningPage
from contracts.registry.v1.deliveries import ServiceChange
from contracts.registry.v1.events import LifecycleApplied
from contracts.registry.v1.views import StageView
from contracts.vocabulary import PromotionKind, Role
from shared.errors import Forbidden
from shared.messaging.inbox import AlreadyHandledError
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import (
    NOW,
    Scene,
    a_meta,
    a_scene,
    created,
    deployed,
    digest,
    moved,
    stands,
    trusted,
)

pytestmark = pytest.mark.servers
PROD = StageView(name="prod", title="", release=True)
QA = StageView(name="qa", title="", release=False)


def evidence(project: str, subject: str, *, verified: bool = True, application: str | None = None) -> EvidenceAdded:
    item = EvidenceItem(
        evidence_id=f"ev-{project}-{verified}",
        content_digest=digest(project, "evidence"),
        predicate_type="https://hallmark.dev/attestation/deployment/v1",
        subjects=(subject,),
        verified=verified,
        signers=(),
        made_at=NOW,
        received_at=NOW,
        facts=DeploymentFacts(environment="eu-1", stage="prod", deployed_at=NOW, by="flux"),
    )
    return EvidenceAdded(project=project, application=application, item=item, positions={subject: 1}, submitted_by="ci")


def lifecycle(project: str, revision: int = 1, *stages: StageView) -> LifecycleApplied:
    return LifecycleApplied(
        project=project,
        lifecycle="default",
        stages=stages or (QA, PROD),
        revision=revision,
        digest=digest("lifecycle"),
        by="ann",
        at=NOW,
    )


async def drifts(scene: Scene, project: str) -> list[tuple[str, str, str, str | None]]:
    page = await scene.asker.ask(ListDrift(project=project), DriftPage)
    return sorted((one.kind.value, one.environment, one.version, one.expected) for one in page.drifts)


async def told(scene: Scene, project: str, count: int) -> list[tuple[str, str, str]]:
    """What was announced of a project: began or ended, kind and version."""
    jetstream = (await scene.system.connect("provision")).jetstream()

    async def read() -> list[tuple[str, str, str]]:
        return [
            (type(one).__name__.removeprefix("Drift"), one.drift.kind.value, one.drift.version)
            for kind in (DriftFound, DriftGone)
            for one in await facts_on(jetstream, kind)
            if one.project == project
        ]

    return await eventually(read, lambda found: len(found) >= count)


async def hear(scene: Scene, facts: Sequence[Event]) -> None:
    for fact in facts:
        await scene.deliver(fact)


async def whatever_arrives_first_the_same_is_found(scene: Scene) -> None:
    ends = []
    for number, order in enumerate(permutations(range(5))):
        if number % 8:
            continue  # some of the orders: each fact comes first, last and in between
        project = f"p{number}"
        facts = [
            created("2.0", project=project),
            trusted("1.0", project=project),
            stands("1.0", project=project),
            deployed(None, project=project, artifact_digest=digest(project, "2.0", "image")),
            lifecycle(project),
        ]
        await hear(scene, [facts[place] for place in order])
        ends.append(await drifts(scene, project))
    assert ends[0] == [
        ("outdated", "prod", "2.0", "1.0"),
        ("undeployed", "", "1.0", None),
        ("untrusted", "prod", "2.0", None),
    ]
    assert all(end == ends[0] for end in ends)
    found = await told(scene, "p0", 3)
    assert sorted(one for one in found if one[0] == "Found" and one[1] != "unknown") == [
        ("Found", "outdated", "2.0"),
        ("Found", "undeployed", "1.0"),
        ("Found", "untrusted", "2.0"),
    ]


async def two_sides_at_the_same_time_do_not_overlook_each_other(scene: Scene) -> None:
    projects = [f"same{number}" for number in range(5)]
    sides: list[Event] = []
    for project in projects:
        await hear(scene, [lifecycle(project), created("1.0", project=project), created("2.0", project=project)])
        sides += [deployed("1.0", project=project), stands("2.0", project=project), trusted("2.0", project=project)]
    await asyncio.gather(*(scene.deliver(one) for one in sides))
    expected = [("outdated", "prod", "1.0", "2.0"), ("undeployed", "", "2.0", None), ("untrusted", "prod", "1.0", None)]
    assert [await drifts(scene, project) for project in projects] == [expected] * 5


async def each_begins_and_ends_once_from_either_side(scene: Scene) -> None:
    project = "sides"
    await hear(scene, [lifecycle(project), created("1.0", project=project), created("2.0", project=project)])
    await hear(scene, [trusted("1.0", project=project), stands("1.0", project=project)])
    running = deployed("1.0", project=project)
    meta = a_meta()
    await scene.deliver(running, meta)
    with pytest.raises(AlreadyHandledError):
        await scene.deliver(running, meta)
    assert await drifts(scene, project) == []

    # The stage moves on, then what runs follows; news that come late change nothing.
    later = NOW + timedelta(hours=1)
    await hear(
        scene,
        [trusted("2.0", project=project, at=later), stands("2.0", project=project, at=NOW + timedelta(minutes=60))],
    )
    assert await drifts(scene, project) == [("outdated", "prod", "1.0", "2.0"), ("undeployed", "", "2.0", None)]
    await scene.deliver(
        deployed("2.0", project=project, change=ServiceChange.UPGRADED, at=later + timedelta(minutes=5))
    )
    await scene.deliver(deployed("1.0", project=project, at=later))
    await scene.deliver(stands("1.0", project=project, at=NOW + timedelta(minutes=30)))
    assert await drifts(scene, project) == []

    revoke = RevokeRelease(command_id="r", project=project, application="web", version="2.0", reason="Key stolen.")
    await scene.asker.ask(revoke, TrustRevoked)
    assert await drifts(scene, project) == [("revoked", "prod", "2.0", None)]
    await scene.deliver(deployed(None, project=project, change=ServiceChange.REMOVED, at=later + timedelta(minutes=9)))
    assert await drifts(scene, project) == []

    # It runs again, and somebody takes the release back: two sides, one after the other.
    await scene.deliver(deployed("1.0", project=project, at=later + timedelta(minutes=20)))
    back = moved(
        "1.0", later + timedelta(hours=2), kind=PromotionKind.DEMOTE, project=project, to_stage="qa", release=False
    )
    await scene.deliver(back)
    assert await drifts(scene, project) == [("outdated", "prod", "1.0", "2.0"), ("untrusted", "prod", "1.0", None)]

    began_and_ended = await told(scene, project, 8)
    assert sorted(began_and_ended) == [
        ("Found", "outdated", "1.0"),
        ("Found", "outdated", "1.0"),
        ("Found", "revoked", "2.0"),
        ("Found", "undeployed", "2.0"),
        ("Found", "untrusted", "1.0"),
        ("Gone", "outdated", "1.0"),
        ("Gone", "revoked", "2.0"),
        ("Gone", "undeployed", "2.0"),
    ]


async def a_stage_that_is_no_release_stage_may_run_anything(scene: Scene) -> None:
    project = "stages"
    await hear(scene, [created("1.0", project=project), deployed("1.0", "qa", project=project)])
    assert await drifts(scene, project) == [("untrusted", "qa", "1.0", None)], "nobody knows of a stage qa yet"
    await scene.deliver(lifecycle(project))
    assert await drifts(scene, project) == []
    await scene.deliver(lifecycle(project, 2, QA.model_copy(update={"release": True})))
    assert await drifts(scene, project) == [("untrusted", "qa", "1.0", None)]
    await scene.deliver(lifecycle(project))
    assert await drifts(scene, project) == [("untrusted", "qa", "1.0", None)], "an older revision"
    await scene.deliver(deployed("7.0", "qa", project=project, service="other"))
    assert ("unknown", "qa", "7.0", None) in await drifts(scene, project)
    await scene.deliver(created("7.0", project=project))
    assert ("unknown", "qa", "7.0", None) not in await drifts(scene, project)


async def signed_evidence_says_what_runs_before_or_after_the_version_is_known(scene: Scene) -> None:
    for project, first in (("early", True), ("late", False)):
        image = digest(project, "1.0", "image")
        told_first = [evidence(project, image), created("1.0", project=project)]
        await hear(scene, told_first if first else told_first[::-1])
        page = await scene.asker.ask(ListRunning(project=project), RunningPage)
        [one] = page.services
        assert (one.application, one.running.version, one.running.environment) == ("web", "1.0", "eu-1")
        assert (one.running.stage, one.running.source, one.running.by) == ("prod", "evidence", "flux")
        assert one.running.evidence_id == f"ev-{project}-True"
    await scene.deliver(evidence("forged", digest("forged", "1.0"), verified=False, application="web"))
    assert (await scene.asker.ask(ListRunning(project="forged"), RunningPage)).services == ()


async def what_runs_is_told_page_by_page_to_members_alone(scene: Scene) -> None:
    project = "paged"
    await hear(scene, [deployed(f"{n}.0", f"env-{n}", project=project, application=f"app-{n % 2}") for n in range(5)])
    found, after = [], None
    while True:
        page = await scene.asker.ask(ListRunning(project=project, limit=2, after=after), RunningPage)
        found += [(one.application, one.running.environment) for one in page.services]
        after = page.next
        if after is None:
            break
    assert found == [("app-0", "env-0"), ("app-0", "env-2"), ("app-0", "env-4"), ("app-1", "env-1"), ("app-1", "env-3")]
    only = await scene.asker.ask(ListRunning(project=project, application="app-1"), RunningPage)
    assert len(only.services) == 2
    first = await scene.asker.ask(ListDrift(project=project, limit=3), DriftPage)
    rest = await scene.asker.ask(ListDrift(project=project, limit=3, after=first.next), DriftPage)
    assert len({one.drift_id for one in (*first.drifts, *rest.drifts)}) == 5
    assert rest.next is None
    stranger = scene.system.token("eve", Role.VIEWER, project="elsewhere")
    for query, answer in ((ListRunning(project=project), RunningPage), (ListDrift(project=project), DriftPage)):
        with pytest.raises(Forbidden):
            await scene.asker.ask(query, answer, token=stranger)


async def test_drift_is_found_and_gone_whichever_side_changes(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await whatever_arrives_first_the_same_is_found(scene)
        await two_sides_at_the_same_time_do_not_overlook_each_other(scene)
        await each_begins_and_ends_once_from_either_side(scene)
        await a_stage_that_is_no_release_stage_may_run_anything(scene)
        await signed_evidence_says_what_runs_before_or_after_the_version_is_known(scene)
        await what_runs_is_told_page_by_page_to_members_alone(scene)
