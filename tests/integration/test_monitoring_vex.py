"""VEX takes flaws away from releases at once, in whatever order things are heard, and only while it is believed."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.facts import EvidenceItem, Signer, VexFacts, VexStatement
from contracts.message import Event
from contracts.monitoring.v1.events import TrustChanged
from contracts.vocabulary import Trust
from tests.support.builders import a_message
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, digest, trusted

pytestmark = pytest.mark.servers
SIGNER = Signer(key_id=digest("key"), trust_root="security", role="security")


def vex(evidence_id: str, status: Any, *, project: str, hour: int = 0, **more: Any) -> EvidenceAdded:
    """VEX about the image of release 1.0, by CVE."""
    justification = "vulnerable_code_not_present" if status == "not_affected" else None
    statement = VexStatement(vulnerability="CVE-1", status=status, justification=justification)
    at = NOW + timedelta(hours=hour)
    image = digest(project, "1.0", "image")
    facts = VexFacts(dialect="openvex", spec_version="0.2.0", author="ann", counts={status: 1}, statements=(statement,))
    item = EvidenceItem(
        evidence_id=evidence_id,
        content_digest=digest(evidence_id),
        predicate_type="https://openvex.dev/ns/v0.2.0",
        subjects=(image,),
        verified=True,
        signers=(SIGNER,),
        made_at=at,
        received_at=at,
        facts=facts,
    ).model_copy(update=more)
    return EvidenceAdded(project=project, application=None, item=item, positions={image: 1}, submitted_by="ci")


def judged(added: EvidenceAdded, revision: int, *, lost: bool) -> EvidenceRejudged:
    signer = SIGNER.model_copy(update={"distrusted": lost})
    standing = {"verified": True, "distrusted": lost, "signers": (signer,), "revision": revision}
    item = added.item.model_copy(update=standing)
    said = {"project": added.project, "application": None, "item": item, "trust_root": "security", "at": NOW}
    return a_message(EvidenceRejudged, **said, trust_root_revision=revision)


async def announced(scene: Scene, project: str) -> list[tuple[str, str, int, int]]:
    jetstream = (await scene.system.connect("provision")).jetstream()
    return [
        (one.from_trust.value, one.to_trust.value, len(one.added), len(one.removed))
        for one in await facts_on(jetstream, TrustChanged)
        if one.project == project
    ]


async def test_a_believed_statement_takes_a_flaw_away_and_distrust_brings_it_back(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-1"]), advisory("PYSEC-1", "lib", aliases=["CVE-1"]))
        for number, order in enumerate(permutations(range(3))):
            project = f"p{number}"
            scene.boms[project] = ["pkg:pypi/lib@1.5"]
            heard: tuple[Event, ...] = (
                bom(project, digest(project, "1.0", "image"), project=project),
                trusted(project=project),
                vex("v1", "not_affected", project=project),
            )
            for place in order:
                await scene.deliver(heard[place])
                await scene.deliver(heard[place])
            found = await scene.trust(project)
            assert (found.trust, found.causes, found.deadline) == (Trust.TRUSTED, (), None), order
            (away,) = found.excused
            assert (away.advisory, away.aliases, away.author, away.evidence_id) == (
                "GHSA-1",
                ("CVE-1", "PYSEC-1"),
                "ann",
                "v1",
            )
            assert (away.justification, away.signers) == ("vulnerable_code_not_present", ("security (security)",))
            assert found.excused_count == 1

        # Heard after the release was at risk, it ends that at once; distrust of its signer ends the excuse.
        added = vex("v1", "not_affected", project="p0")
        await scene.deliver(judged(added, 1, lost=True))
        back = await scene.trust("p0")
        assert (back.trust, [one.since for one in back.causes], back.excused) == (Trust.AT_RISK, [NOW], ())
        await scene.deliver(judged(added, 2, lost=False))
        await scene.deliver(judged(added, 1, lost=True))
        assert (await scene.trust("p0")).trust is Trust.TRUSTED
        # A new look at everything, and a revised advisory, leave it taken away.
        await scene.deliver(trusted(project="p0", at=NOW + timedelta(hours=1)))
        revised = advisory("GHSA-1", "lib", aliases=["CVE-1"], modified="2026-05-09T00:00:00Z", summary="worse")
        await scene.import_(revised)
        still = await scene.trust("p0")
        assert (still.trust, still.since, still.excused[0].summary) == (Trust.TRUSTED, NOW, "worse")
        # Another flaw counts, what is newer and speaks against it counts, and another project's word does not.
        await scene.import_(advisory("GHSA-2", "lib"))
        one = await scene.trust("p0")
        assert ([cause.advisory for cause in one.causes], len(one.excused)) == (["GHSA-2"], 1)
        await scene.deliver(vex("v2", "under_investigation", project="p0", hour=1))
        assert [cause.advisory for cause in (await scene.trust("p0")).causes] == ["GHSA-1", "GHSA-2"]
        unverified = {"verified": False, "signers": (), "problem": "signature_missing"}
        await scene.deliver(vex("v3", "fixed", project="p0", hour=2, **unverified))
        assert len((await scene.trust("p0")).causes) == 2

        said = await eventually(lambda: announced(scene, "p0"), lambda found: len(found) >= 7)
        assert said == [
            ("none", "trusted", 0, 0),
            ("trusted", "at_risk", 1, 0),
            ("at_risk", "trusted", 0, 1),
            ("trusted", "at_risk", 1, 0),
            ("at_risk", "trusted", 0, 1),
            ("trusted", "at_risk", 1, 0),
            ("at_risk", "at_risk", 1, 0),
        ]
