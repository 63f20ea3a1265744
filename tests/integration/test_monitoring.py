"""Monitoring on a real NATS and a real MongoDB, with scripted neighbours."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from contracts.message import Event
from contracts.monitoring.v1.commands import RevokeRelease, TrustRevoked
from contracts.monitoring.v1.events import TrustChanged
from contracts.monitoring.v1.queries import ShowMetrics
from contracts.monitoring.v1.views import DeliveryMetrics, ReleaseTrust
from contracts.registry.v1.events import ApplicationApplied, IncidentOpened, IncidentResolved
from contracts.vocabulary import Artifact, Criticality, Maturity, PromotionKind, Role, Trust
from shared.errors import Conflict, Forbidden, NotFound
from shared.messaging.inbox import AlreadyHandledError
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import NOW, Scene, a_meta, a_scene, advisory, bom, created, digest, moved, trusted

pytestmark = pytest.mark.servers


async def changes(scene: Scene) -> list[tuple[str, str, int, int]]:
    """What was announced about trust, in order: from, to, how many causes were added and removed."""
    jetstream = (await scene.system.connect("provision")).jetstream()
    return [
        (event.from_trust.value, event.to_trust.value, len(event.added), len(event.removed))
        for event in await facts_on(jetstream, TrustChanged)
    ]


async def said(scene: Scene, count: int) -> list[tuple[str, str, int, int]]:
    return await eventually(lambda: changes(scene), lambda found: len(found) >= count)


async def test_every_order_of_arrival_finds_the_same(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        for number, order in enumerate(permutations(("bom", "release", "advisory"))):
            project, package = f"p{number}", f"lib{number}"
            image = digest(project, "1.0", "image")
            scene.boms[project] = [f"pkg:pypi/{package}@1.5", "pkg:pypi/fine@1.0", "pkg:npm/fine@1.0"]

            async def say_bom(project: str = project, image: str = image) -> None:
                await scene.deliver(bom(project, image, project=project))

            async def say_release(project: str = project) -> None:
                await scene.deliver(trusted(project=project))

            async def say_advisory(package: str = package) -> None:
                await scene.import_(advisory(f"A-{package}", package))

            steps: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "bom": say_bom,
                "release": say_release,
                "advisory": say_advisory,
            }
            for step in order:
                await steps[step]()

            found = await scene.trust(project)
            assert found.trust is Trust.AT_RISK, order
            assert [(one.advisory, one.component, one.fixed_in) for one in found.causes] == [
                (f"A-{package}", f"pkg:pypi/{package}@1.5", "2.0")
            ]
            assert found.components == 3
            assert found.deadline == found.causes[0].due == NOW + timedelta(days=14)
            assert found.steps[-1].to_trust is Trust.AT_RISK
            assert (await scene.risk(project)).releases == (found.model_copy(update={"steps": (), "imports": None}),), (
                "short in lists"
            )
        assert sorted(set(await said(scene, 12))) == [("none", "trusted", 0, 0), ("trusted", "at_risk", 1, 0)]


async def test_facts_that_arrive_at_the_same_time_do_not_overlook_each_other(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        projects = [f"p{number}" for number in range(6)]
        for project in projects:
            scene.boms[project] = [f"pkg:pypi/lib-{project}@1.5"]
        facts: list[Event] = [bom(project, digest(project, "1.0", "image"), project=project) for project in projects]
        facts += [trusted(project=project) for project in projects]

        await asyncio.gather(
            *(scene.say(fact) for fact in facts),
            *(scene.import_(advisory(f"A-{project}", f"lib-{project}")) for project in projects),
        )

        assert len(await said(scene, 12)) == 12
        assert {(await scene.trust(project)).trust for project in projects} == {Trust.AT_RISK}
        assert (await scene.risk("p0")).advisories == 6


async def test_advisories_are_revised_joined_withdrawn_and_refused_one_by_one(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        await scene.deliver(bom("e1", digest("shop", "1.0")))
        await scene.deliver(trusted())

        first = await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-1"]), {"id": "bad", "modified": "soon"})
        assert (first.added, first.updated, first.unchanged, first.releases_touched) == (1, 0, 0, 1)
        assert [(one.id, one.where) for one in first.refused] == [("bad", "modified")]
        again = await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-1"]))
        assert (again.added, again.updated, again.unchanged, again.releases_touched) == (0, 0, 1, 0)

        await scene.import_(advisory("CVE-1", "lib", fixed="1.9"))
        [cause] = (await scene.trust()).causes
        assert (cause.advisory, cause.aliases, cause.fixed_in) == ("CVE-1", ("GHSA-1",), "2.0")

        later = {"modified": "2026-05-02T00:00:00Z"}
        gone = {"withdrawn": "2026-05-02T00:00:00Z", **later}
        await scene.import_(advisory("CVE-1", "other", **later), advisory("GHSA-1", "lib", **gone))
        healed = await scene.trust()
        assert (healed.trust, healed.causes, healed.deadline) == (Trust.TRUSTED, (), None)
        page = await scene.risk(all=True)
        assert (page.advisories, page.last_import) == (2, NOW)
        assert [one[:2] for one in await said(scene, 4)] == [
            ("none", "trusted"),
            ("trusted", "at_risk"),
            ("at_risk", "at_risk"),
            ("at_risk", "trusted"),
        ]


async def test_only_the_newest_verified_bill_of_materials_counts(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms |= {"old": ["pkg:pypi/lib@1.5"], "new": ["pkg:pypi/lib@2.5"], "forged": []}
        image, inner = digest("shop", "1.0", "image"), digest("inner")
        await scene.import_(advisory("A-1", "lib"))
        await scene.deliver(trusted())
        assert (await scene.trust()).components == 0
        await scene.deliver(bom("old", image))
        await scene.deliver(bom("forged", image, verified=False, made_at=NOW + timedelta(days=2)))
        assert (await scene.trust()).trust is Trust.AT_RISK
        await scene.deliver(bom("new", image, made_at=NOW + timedelta(days=1)))
        assert (await scene.trust()).trust is Trust.TRUSTED
        await scene.import_(advisory("A-2", "lib", fixed="1.9"))
        assert (await scene.trust()).trust is Trust.TRUSTED

        # A contained version brings its own bill of materials along, whenever its containment becomes known.
        scene.boms["inner"] = ["pkg:pypi/lib@1.0"]
        await scene.deliver(bom("inner", inner))
        parts: dict[str, Any] = {"artifacts": (Artifact(purl="pkg:oci/web@1", digest=image),), "nested": (inner,)}
        await scene.deliver(created("1.0", **parts))
        found = await scene.trust()
        assert (found.trust, found.components, found.cause_count) == (Trust.AT_RISK, 2, 2)


async def test_revocation_is_final_and_rights_are_checked(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.deliver(trusted())
        revoke = RevokeRelease(
            command_id="c1", project="shop", application="web", version="1.0", reason="The key was stolen."
        )
        viewer = scene.system.token("bob", Role.VIEWER, project="shop")
        security = scene.system.token("sue", Role.SECURITY, project="shop")
        for refused in (
            scene.asker.ask(revoke, TrustRevoked, token=viewer),
            scene.import_(advisory("A-1", "lib"), token=viewer),
            scene.asker.ask(
                ShowMetrics(project="shop"), DeliveryMetrics, token=scene.system.token("eve", project="bank")
            ),
        ):
            with pytest.raises(Forbidden):
                await refused
        with pytest.raises(NotFound) as unknown:
            await scene.trust(version="9.9")
        assert unknown.value.code == "release_unknown"

        first = await scene.asker.ask(revoke, TrustRevoked, token=security)
        repeat = await scene.asker.ask(revoke, TrustRevoked, token=security)
        assert first == repeat
        assert first.changed
        second = await scene.asker.ask(revoke.model_copy(update={"command_id": "c2"}), TrustRevoked, token=security)
        assert not second.changed
        with pytest.raises(Conflict):
            await scene.asker.ask(revoke.model_copy(update={"version": "2.0"}), TrustRevoked, token=security)

        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        await scene.import_(advisory("A-1", "lib"))
        await scene.deliver(bom("e1", digest("shop", "1.0")))
        await scene.deliver(trusted(at=NOW + timedelta(days=1)))
        found = await scene.trust()
        assert (found.trust, found.revoked_because) == (Trust.REVOKED, "The key was stolen.")
        steps = [(one.from_trust, one.to_trust, one.because, one.by) for one in found.steps]
        assert steps[1:] == [(Trust.TRUSTED, Trust.REVOKED, "The key was stolen.", "sue")]
        assert (steps[0][:2], steps[0][3]) == ((Trust.NONE, Trust.TRUSTED), None)
        assert [one[:2] for one in await said(scene, 2)] == [("none", "trusted"), ("trusted", "revoked")]


async def test_risk_is_listed_by_urgency_page_by_page(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms |= {"b1": ["pkg:pypi/lib@1.0"], "b2": ["pkg:pypi/worse@1.0"]}
        await scene.deliver(bom("b1", digest("shop", "1.0")))
        await scene.deliver(bom("b2", digest("shop", "2.0")))
        for day, version in enumerate(("1.0", "2.0", "3.0")):
            await scene.deliver(trusted(version, at=NOW + timedelta(days=day)))
        await scene.import_(
            advisory("A-1", "lib"), advisory("A-2", "worse", database_specific={"severity": "CRITICAL"})
        )

        async def page(**more: Any) -> tuple[list[tuple[str, bool]], str | None]:
            found = await scene.risk(**more)
            return [(one.version, one.current) for one in found.releases], found.next

        assert await page() == ([("2.0", False), ("1.0", False)], None)
        everything, after = await page(all=True, limit=2)
        assert everything == [("2.0", False), ("1.0", False)]
        assert await page(all=True, limit=2, after=after) == ([("3.0", True)], None)
        assert await page(application="other", all=True) == ([], None)

        applied = ApplicationApplied(
            project="shop",
            application="web",
            criticality=Criticality.LOW,
            maturity=Maturity.PRODUCTION,
            owners=("new-team",),
            labels={},
            lifecycle="default",
            packages=(),
            revision=2,
            digest=digest("app"),
            by="ann",
            at=NOW + timedelta(days=9),
        )
        await scene.deliver(applied)
        later = await scene.trust(version="2.0")
        assert (later.owners, later.deadline) == (("new-team",), NOW + timedelta(days=30))


async def metrics(
    scene: Scene, application: str | None = "web"
) -> dict[str, tuple[float | None, float | None, float | None]]:
    answer = await scene.asker.ask(ShowMetrics(project="shop", application=application), DeliveryMetrics)
    return {one.name: (one.value, one.numerator, one.denominator) for one in answer.metrics}


async def test_delivery_metrics_come_from_recorded_facts_heard_once(tmp_path: Path) -> None:
    clock = FrozenClock(NOW + timedelta(days=30))
    async with a_scene(tmp_path, clock) as scene:
        nothing = await metrics(scene)
        assert {nothing[name][0] for name in ("lead_time", "change_failure_rate", "time_to_restore")} == {None}

        about = {"project": "shop", "application": "web", "incident_id": "i-1", "by": "pager"}
        facts = [
            moved("1.0", NOW),
            moved("2.0", NOW + timedelta(days=1)),
            moved("1.0", NOW + timedelta(days=2), kind=PromotionKind.ROLLBACK),
            moved("3.0", NOW + timedelta(days=12)),
            # Over before it is known to have begun: the order of two subjects is nobody's promise.
            IncidentResolved(**about, at=NOW + timedelta(days=13, hours=2)),
            IncidentOpened(**about, version="3.0", at=NOW + timedelta(days=13)),
        ]
        for fact in facts:
            meta = a_meta()
            await scene.deliver(fact, meta)
            with pytest.raises(AlreadyHandledError):
                await scene.deliver(fact, meta)

        found = await metrics(scene)
        assert found["deployment_frequency"] == (4 / 90, 4, 90)
        assert found["change_failure_rate"] == (0.5, 2, 4)
        assert found["rework_rate"][:2] == (0.25, 1)
        assert found["time_to_restore"][0] == timedelta(hours=2).total_seconds()
        lead = timedelta(hours=6) + timedelta(days=1)
        assert found["lead_time"][0] == lead.total_seconds()


async def test_time_at_risk_counts_as_a_failure_of_what_stands(tmp_path: Path) -> None:
    clock = FrozenClock(NOW + timedelta(hours=1))
    async with a_scene(tmp_path, clock) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        heard = (moved("1.0", NOW), trusted(), bom("e1", digest("shop", "1.0", "image")))
        for fact in heard:
            meta = a_meta()
            await scene.deliver(fact, meta)
            with pytest.raises(AlreadyHandledError):
                await scene.deliver(fact, meta)
        await scene.import_(advisory("A-1", "lib"))
        clock.advance(hours=3)
        gone = {"modified": "2026-05-03T00:00:00Z", "withdrawn": "2026-05-03T00:00:00Z"}
        await scene.import_(advisory("A-1", "lib", **gone))
        clock.advance(hours=1)

        found = await metrics(scene)
        assert found["change_failure_rate"] == (1.0, 1, 1)
        assert found["time_to_restore"][0] == timedelta(hours=3).total_seconds()
        shown: ReleaseTrust = await scene.trust()
        assert shown.trust is Trust.TRUSTED


async def test_what_one_import_puts_at_risk_in_several_applications_is_counted_soon(tmp_path: Path) -> None:
    clock = FrozenClock(NOW + timedelta(hours=1))
    async with a_scene(tmp_path, clock) as scene:
        for application in ("web", "api"):
            own: dict[str, Any] = {"application": application, "version_digest": digest("shop", application)}
            image = digest("shop", application, "image")
            scene.boms[f"e-{application}"] = ["pkg:pypi/lib@1.5"]
            await scene.deliver(moved("1.0", NOW, promotion_id=f"p-{application}", **own))
            await scene.deliver(trusted(artifacts=(image,), **own))
            await scene.deliver(bom(f"e-{application}", image))

        assert (await scene.import_(advisory("A-1", "lib"))).releases_touched == 2

        assert {one.trust for one in (await scene.risk()).releases} == {Trust.AT_RISK}
        await eventually(lambda: metrics(scene, None), lambda now: now["change_failure_rate"] == (1.0, 2, 2))
        gone = {"modified": "2026-05-03T00:00:00Z", "withdrawn": "2026-05-03T00:00:00Z"}
        clock.advance(hours=3)
        await scene.import_(advisory("A-1", "lib", **gone))
        restored = (await metrics(scene, None))["time_to_restore"]
        assert restored[0] == timedelta(hours=3).total_seconds()
