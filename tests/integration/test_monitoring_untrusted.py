"""Releases that may not be called trusted, on a real NATS and a real MongoDB: watched, deployed, and never trusted."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from contracts.registry.v1.events import VersionCreated
from contracts.vocabulary import Artifact, PromotionKind, Trust
from tests.integration.test_monitoring import metrics, said
from tests.support.builders import a_message
from tests.support.clock import FrozenClock
from tests.support.monitoring_scenes import NOW, a_scene, advisory, bom, digest, moved, trusted

pytestmark = pytest.mark.servers
DAY = timedelta(days=1)


def created(version: str = "1.0") -> VersionCreated:
    image = Artifact(purl="pkg:oci/web@1.0", digest=digest("shop", version, "image"))
    named = {"project": "shop", "application": "web", "version": version}
    return a_message(VersionCreated, **named, version_digest=digest("shop", version), artifacts=(image,), nested=())


async def test_a_release_that_may_not_be_trusted_has_no_trust_and_counts_as_a_deployment(tmp_path: Path) -> None:
    async with a_scene(tmp_path, FrozenClock(NOW + DAY)) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        await scene.deliver(created())
        await scene.deliver(moved("1.0", NOW, trusted=False))
        await scene.deliver(bom("e1", digest("shop", "1.0", "image")))
        await scene.import_(advisory("A-1", "lib"))
        found = await scene.trust()
        assert (found.trust, found.current, found.components, found.cause_count) == (Trust.NONE, True, 1, 1)
        assert (await scene.risk()).releases == ()
        assert (await metrics(scene))["deployment_frequency"][1] == 1


async def test_the_newest_release_decides_in_whatever_order_it_is_heard(tmp_path: Path) -> None:
    first, back = trusted(), moved("1.0", NOW + DAY, kind=PromotionKind.ROLLBACK, trusted=False)
    async with a_scene(tmp_path, FrozenClock(NOW + 3 * DAY)) as scene:
        for order in permutations((first, back)):
            for fact in order:
                await scene.deliver(fact)
            assert (await scene.trust()).trust is Trust.NONE
            # A later trusted release brings the trust back, and what the image consists of is watched.
            again = trusted(at=NOW + 2 * DAY)
            await scene.deliver(again)
            assert (await scene.trust()).trust is Trust.TRUSTED
            for collection in ("releases", "standing"):
                await (await scene.system.beside("monitoring")).collection(collection).remove({})


async def test_a_rollback_to_a_release_that_may_not_be_trusted_takes_the_trust_and_ends_the_risk(
    tmp_path: Path,
) -> None:
    clock = FrozenClock(NOW + DAY)
    async with a_scene(tmp_path, clock) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        for fact in (moved("1.0", NOW), trusted(), bom("e1", digest("shop", "1.0", "image"))):
            await scene.deliver(fact)
        await scene.import_(advisory("A-1", "lib"))
        assert (await scene.trust()).trust is Trust.AT_RISK
        await scene.deliver(moved("1.0", NOW + DAY, kind=PromotionKind.ROLLBACK, trusted=False))
        found = await scene.trust()
        assert (found.trust, found.cause_count) == (Trust.NONE, 1)
        await scene.deliver(trusted(at=NOW + 2 * DAY))
        assert (await scene.trust()).trust is Trust.AT_RISK
        steps = [step[:2] for step in await said(scene, 4)]
        assert steps == [("none", "trusted"), ("trusted", "at_risk"), ("at_risk", "none"), ("none", "at_risk")]


async def test_what_an_untrusted_release_replaces_is_current_no_more(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.deliver(trusted())
        await scene.deliver(moved("2.0", NOW + DAY, trusted=False))
        assert not (await scene.trust()).current
        assert (await scene.trust(version="2.0")).current


async def test_a_certification_in_place_is_no_deployment_and_takes_nobody_s_place(tmp_path: Path) -> None:
    async with a_scene(tmp_path, FrozenClock(NOW + 3 * DAY)) as scene:
        for fact in (moved("1.0", NOW), trusted(), moved("2.0", NOW + DAY), trusted("2.0", at=NOW + DAY)):
            await scene.deliver(fact)
        again: dict[str, Any] = {"kind": PromotionKind.RECERTIFY}
        await scene.deliver(moved("1.0", NOW + 2 * DAY, trusted=False, **again))
        assert (await scene.trust()).trust is Trust.NONE
        await scene.deliver(moved("1.0", NOW + 3 * DAY, **again))
        await scene.deliver(trusted(at=NOW + 3 * DAY, **again))
        assert [(await scene.trust(version=one)).current for one in ("1.0", "2.0")] == [False, True]
        assert (await scene.trust()).trust is Trust.TRUSTED
        assert (await metrics(scene))["deployment_frequency"][1] == 2


async def test_what_was_taken_back_is_trusted_no_more_and_not_current(tmp_path: Path) -> None:
    async with a_scene(tmp_path, FrozenClock(NOW + 3 * DAY)) as scene:
        back: dict[str, Any] = {
            "kind": PromotionKind.DEMOTE,
            "from_stage": "prod",
            "to_stage": "test",
            "release": False,
        }
        await scene.deliver(moved("1.0", NOW, **back))
        for fact in (moved("1.0", NOW), trusted()):
            await scene.deliver(fact)
        await scene.deliver(moved("1.0", NOW + DAY, **back, left=("prod",)))
        found = await scene.trust()
        assert (found.trust, found.current) == (Trust.NONE, False)
        assert [step[:2] for step in await said(scene, 2)] == [("none", "trusted"), ("trusted", "none")]
        assert (await metrics(scene))["deployment_frequency"][1] == 1
