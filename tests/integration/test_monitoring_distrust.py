"""Releases admitted on evidence whose signers are distrusted are at risk, until they pass their gate again."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.facts import Signer
from contracts.message import Event
from contracts.monitoring.v1.events import TrustChanged
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.vocabulary import Trust
from tests.support.builders import a_message
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, digest, trusted

pytestmark = pytest.mark.servers


def rejudged(added: EvidenceAdded, *, lost: bool = True, **changes: Any) -> EvidenceRejudged:
    """The judgement that its one signer is not trusted any more, or that it is believed now."""
    signer = Signer(key_id=digest("key"), trust_root="ci", role="build", distrusted=lost)
    standing = {"verified": True, "distrusted": lost, "signers": (signer,), "revision": 1}
    item = added.item.model_copy(update=standing)
    said = {"project": added.project, "application": None, "item": item, "trust_root": "ci", "at": NOW}
    return a_message(EvidenceRejudged, **(said | {"trust_root_revision": 2} | changes))


async def announced(scene: Scene, count: int) -> list[TrustChanged]:
    jetstream = (await scene.system.connect("provision")).jetstream()
    return await eventually(lambda: facts_on(jetstream, TrustChanged), lambda found: len(found) >= count)


async def test_a_release_that_rests_on_distrusted_evidence_is_at_risk_in_whatever_order_it_is_heard(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path) as scene:
        for number, order in enumerate(permutations(range(3))):
            project = f"p{number}"
            scene.boms["e1"] = ["pkg:pypi/fine@1.0"]
            added = bom("e1", digest(project, "1.0", "image"), project=project)
            release = trusted(project=project, evidence_digests=(added.item.content_digest, digest("another")))
            heard: tuple[Event, ...] = (added, release, rejudged(added))
            for place in order:
                await scene.deliver(heard[place])
                await scene.deliver(heard[place])
            found = await scene.trust(project)
            assert found.trust is Trust.AT_RISK, order
            [cause] = found.distrusted
            assert (cause.evidence_id, cause.trust_root, cause.trust_root_revision) == ("e1", "ci", 2)
            assert found.deadline == cause.due == NOW + timedelta(days=14), "as a high flaw of a high application"
            assert (found.causes, found.components) == ((), 1)
            assert (await scene.risk(project)).releases == (found.model_copy(update={"steps": (), "imports": None}),), (
                "lists leave out the steps"
            )
        said = [(one.from_trust.value, one.to_trust.value, len(one.distrusted)) for one in await announced(scene, 12)]
        assert sorted(set(said)) == [("none", "trusted", 0), ("trusted", "at_risk", 1)]
        assert len(said) == 12


async def test_it_is_trusted_again_once_it_passed_its_gate_on_other_evidence(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        added = bom("e1", digest("elsewhere"))
        scene.boms["e1"] = []
        mine = trusted(evidence_digests=(added.item.content_digest,))
        other = trusted("2.0", evidence_digests=(digest("another"),))
        for fact in (mine, other, added, rejudged(added)):
            await scene.deliver(fact)
        assert ((await scene.trust()).trust, (await scene.trust(version="2.0")).trust) == (Trust.AT_RISK, Trust.TRUSTED)

        again: dict[str, Any] = {"evidence_digests": (digest("new"),)}
        await scene.deliver(trusted(at=NOW + timedelta(hours=1), **again))
        healed: ReleaseTrust = await scene.trust()
        assert (healed.trust, healed.distrusted, healed.deadline) == (Trust.TRUSTED, (), None)
        await scene.deliver(mine)
        assert (await scene.trust()).trust is Trust.TRUSTED, "an older admission heard late says nothing new"


async def test_flaws_and_distrust_stand_side_by_side(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        added = bom("e1", digest("shop", "1.0", "image"))
        for fact in (trusted(evidence_digests=(added.item.content_digest,)), added, rejudged(added)):
            await scene.deliver(fact)
        await scene.import_(advisory("A-1", "lib"))
        both = await scene.trust()
        assert (both.cause_count, len(both.distrusted)) == (1, 1), "a distrusted bill of materials still tells"
        gone = {"modified": "2026-05-03T00:00:00Z", "withdrawn": "2026-05-03T00:00:00Z"}
        await scene.import_(advisory("A-1", "lib", **gone))
        left = await scene.trust()
        assert (left.trust, left.cause_count, len(left.distrusted)) == (Trust.AT_RISK, 0, 1)


async def test_a_bill_of_materials_that_is_believed_now_is_watched(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        added = bom("e1", digest("shop", "1.0", "image"), verified=False)
        await scene.import_(advisory("A-1", "lib"))
        for fact in (trusted(evidence_digests=(added.item.content_digest,)), added):
            await scene.deliver(fact)
        assert (await scene.trust()).components == 0
        await scene.deliver(rejudged(added, lost=False))
        found = await scene.trust()
        assert (found.trust, found.components, found.distrusted) == (Trust.AT_RISK, 1, ())
