"""The gate hears that evidence was judged again: what waits is judged anew, and no earlier verdict slips through."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from contracts.evidence.v1.events import EvidenceRejudged
from contracts.facts import EvidenceItem
from contracts.gate.v1.queries import ConfirmVerdict
from contracts.gate.v1.views import Confirmation, VerdictView
from contracts.vocabulary import Outcome
from shared.errors import Conflict, Transient
from tests.integration.gate_neighbours import (
    TESTS,
    GateAtWork,
    a_gate,
    artifact_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.support.builders import a_message
from tests.unit.gate.gate_builders import document, failed, passed
from tests.unit.gate.test_distrusted_evidence import distrusted

pytestmark = pytest.mark.servers


def rejudged(item: EvidenceItem) -> EvidenceRejudged:
    return a_message(EvidenceRejudged, project="shop", application="cart", item=item)


async def confirm(gate: GateAtWork, verdict: VerdictView, count: int, version: str = "1.0.0") -> Confirmation:
    query = ConfirmVerdict(project="shop", verdict_id=verdict.verdict_id, positions={artifact_of(version): count})
    return await gate.asker.ask(query, Confirmation, deadline=0.5)


async def test_a_verdict_from_before_the_distrust_moves_nothing(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("e1", passed())), "e1")
        await gate.handle(evaluate("p-1", positions={artifact_of("1.0.0"): 1}), "t1")
        given = await gate.verdict_on("p-1", Outcome.ALLOW)
        assert (await confirm(gate, given, 1)).holds

        with pytest.raises(Transient) as behind:
            await confirm(gate, given, 2)
        assert behind.value.code == "dossier_behind", "the judgement is on its way: nobody moves on what was"
        late = evaluate("p-2", positions={artifact_of("1.0.0"): 2})
        with pytest.raises(Transient):
            await gate.handle(late, "t2 too early")

        await gate.handle(rejudged(distrusted(piece("e1", passed()))), "r1")
        unheld = await confirm(gate, given, 2)
        assert not unheld.holds
        assert "not trusted any more: e1" in unheld.because
        await gate.handle(late, "t2")
        waiting = await gate.verdict_on("p-2", Outcome.PENDING)
        assert [finding.awaits for finding in waiting.findings] == ["tests"]
        await gate.handle(evidence_added(piece("e2", passed(), age=timedelta(0))), "e2")
        await gate.verdict_on("p-2", Outcome.ALLOW)


async def test_evidence_posted_after_a_verdict_ends_it(tmp_path: Path) -> None:
    """Abuse case 34."""
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("e1", passed())), "e1")
        await gate.handle(evaluate("p-1"), "t1")
        given = await gate.verdict_on("p-1", Outcome.ALLOW)
        with pytest.raises(Transient):
            await confirm(gate, given, 2)
        await gate.handle(evidence_added(piece("e2", failed(), age=timedelta(0))), "e2")
        assert not (await confirm(gate, given, 2)).holds
        await gate.handle(evaluate("p-2", positions={artifact_of("1.0.0"): 2}), "t2")
        await gate.verdict_on("p-2", Outcome.DENY)


async def test_what_waits_is_judged_again_in_both_directions(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        unverified = piece("e1", passed(), verified=False)
        await gate.handle(evidence_added(unverified), "e1")
        await gate.handle(evaluate("p-1"), "t1")
        await gate.verdict_on("p-1", Outcome.PENDING)
        believed = piece("e1", passed()).model_copy(update={"revision": 1})
        await gate.handle(rejudged(believed), "r1")
        await gate.verdict_on("p-1", Outcome.ALLOW)

        bad = version_created("2.0.0")
        await gate.handle(bad, "v2")
        await gate.handle(evaluate("p-2", "2.0.0"), "t2")
        await gate.verdict_on("p-2", Outcome.PENDING, "2.0.0")
        await gate.handle(rejudged(distrusted(piece("e2", failed(), "2.0.0"))), "r2")
        await gate.verdict_on("p-2", Outcome.DENY, "2.0.0")


async def test_judgements_arrive_in_any_order_and_change_nothing_but_the_standing(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        for number, order in enumerate(permutations(range(3))):
            version = f"1.{number}.0"
            first = piece(f"e-{number}", passed(), version)
            heard = (evidence_added(first), rejudged(distrusted(first)), rejudged(distrusted(first, revision=2)))
            await gate.handle(version_created(version), f"v-{number}")
            for place in order:
                for time in range(2):
                    await gate.handle(heard[place], f"{number} {place} {time}")
            await gate.handle(evaluate(f"p-{number}", version, positions={artifact_of(version): 3}), f"t-{number}")
            await gate.verdict_on(f"p-{number}", Outcome.PENDING, version)
        with pytest.raises(Conflict) as raised:
            await gate.handle(rejudged(distrusted(piece("e-0", failed(), "1.0.0"), revision=3)), "other content")
        assert raised.value.code == "evidence_contradictory"
