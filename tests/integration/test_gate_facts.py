"""What the gate hears again, late or in contradiction: facts stay facts, and nothing that matters is overlooked."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from contracts.gate.v1.queries import ShowPolicy
from contracts.gate.v1.views import PolicyView
from contracts.message import Message
from contracts.vocabulary import Criticality, Outcome
from shared.errors import Conflict, Transient
from tests.integration.gate_neighbours import (
    SBOM,
    TESTS,
    a_gate,
    application_applied,
    artifact_of,
    digest_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.unit.gate.gate_builders import document, failed, item, passed

pytestmark = pytest.mark.servers


async def test_facts_told_again_change_nothing_and_contradictions_are_refused(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        facts: tuple[Message, ...] = (
            version_created(),
            application_applied(Criticality.HIGH, 1),
            evidence_added(piece("e1", failed())),
        )
        for fact in facts:
            for copy in range(2):
                await gate.handle(fact, f"{type(fact).__name__} {copy}")
        contradictions: tuple[Message, ...] = (
            version_created(version_digest=digest_of("another")),
            evidence_added(piece("e1", passed())),
        )
        for contradiction in contradictions:
            with pytest.raises(Conflict) as refused:
                await gate.handle(contradiction, f"contradicting {type(contradiction).__name__}")
            assert refused.value.code.endswith("_contradictory")
        await gate.handle(evaluate("p-1"), "t")
        assert (await gate.verdicts())[0].outcome is Outcome.DENY


async def test_the_newest_business_context_decides_which_policies_govern(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(SBOM, name="for-all"))
        await gate.apply(document(TESTS, name="for-critical", scope={"criticality": ["critical"]}))
        await gate.handle(version_created(), "v")
        await gate.handle(evaluate("p-1"), "t")
        assert [finding.rule for finding in (await gate.verdicts())[0].findings] == ["required-evidence"]

        await gate.handle(application_applied(Criticality.CRITICAL, 2), "a2")
        both = (await gate.verdicts())[0]
        assert {finding.rule for finding in both.findings} == {"required-evidence", "tests-passed"}
        await gate.handle(application_applied(Criticality.LOW, 1), "a1")
        before_that = datetime.fromisoformat("2026-11-20T00:00:00Z")
        await gate.handle(version_created("0.9.0", at=before_that), "an older version, heard late")
        assert (await gate.verdicts())[0] == both, "what was said before is no news"
        after_that = application_applied(Criticality.CRITICAL, 2).at + timedelta(hours=1)
        await gate.handle(version_created("1.1.0", criticality=Criticality.LOW, at=after_that), "overtaking")
        assert [finding.rule for finding in (await gate.verdicts())[0].findings] == ["required-evidence"]


async def test_recorded_evidence_about_nested_versions_is_waited_for_and_then_judged_by_no_rule(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("e1", passed())), "e1")
        nested = digest_of("a part of it")
        tell = evaluate("p-1", positions={artifact_of("1.0.0"): 1, nested: 1})
        with pytest.raises(Transient) as behind:
            await gate.handle(tell, "early")
        assert behind.value.code == "dossier_behind"
        await gate.handle(evidence_added(item("e2", failed(), subjects=(nested,))), "e2")
        await gate.handle(tell, "again")
        assert [verdict.outcome for verdict in await gate.verdicts()] == [Outcome.ALLOW]


async def test_going_back_to_an_earlier_policy_leaves_the_earlier_revision_as_it_was(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        first = await gate.apply(document(TESTS))
        await gate.apply(document(SBOM))
        await gate.apply(document(TESTS))
        revisions = gate.run.database.collection("policy_revisions")
        kept = await revisions.find({"project": "shop"}, sort=(("revision", 1),))
        assert [(one["revision"], one["digest"] == first.digest) for one in kept] == [(1, True), (2, False), (3, True)]
        newest = await gate.asker.ask(ShowPolicy(project="shop", digest=first.digest), PolicyView)
        assert newest.revision == 3
