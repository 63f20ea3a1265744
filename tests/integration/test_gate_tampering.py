"""Abuse cases 42 and 53 at the gate: what was changed beside it, and what was only tried, opens nothing."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.clearance import SignedClearance
from contracts.gate.v1.queries import ConfirmVerdict, JudgeGates, ShowVerdict
from contracts.gate.v1.replays import Replay, ReplayVerdict, SimulatePolicy, Simulation
from contracts.gate.v1.views import Confirmation, Judgement, VerdictView
from contracts.vocabulary import Outcome, Role
from shared.clearances import list_digest
from shared.crypto import keys
from shared.errors import NotFound, Transient
from shared.gate_keys import GateKeys
from tests.integration.gate_neighbours import (
    PROD,
    SBOM,
    TESTS,
    GateAtWork,
    a_gate,
    artifact_of,
    digest_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.unit.gate.gate_builders import document, failed, passed

pytestmark = pytest.mark.servers


async def allowed(gate: GateAtWork, promotion: str) -> VerdictView:
    await gate.handle(evaluate(promotion), f"t-{promotion}")
    return await gate.verdict_on(promotion, Outcome.ALLOW)


async def at_work(gate: GateAtWork) -> None:
    await gate.apply(document(TESTS))
    await gate.handle(version_created(), "v")
    await gate.handle(evidence_added(piece("e1", passed())), "e1")


async def confirmed(gate: GateAtWork, verdict_id: str) -> Confirmation:
    return await gate.asker.ask(ConfirmVerdict(project="shop", verdict_id=verdict_id), Confirmation)


async def edited(gate: GateAtWork, collection: str, key: str, **changes: Any) -> dict[str, Any]:
    """The document as it was, after a change beside the gate."""
    documents = gate.run.database.collection(collection)
    before = await documents.get(key)
    assert before is not None
    await documents.put({**before, **changes})
    return before


async def test_what_the_gate_clears_is_what_it_judged_and_only_what_allows_is_cleared(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await at_work(gate)
        verdict = await allowed(gate, "p-1")
        signed = verdict.clearance
        assert isinstance(signed, SignedClearance)
        GateKeys(keys.load_private((tmp_path / "gate.key").read_bytes()).public_key()).check_clearance(signed)
        said = signed.clearance
        assert (said.verdict_id, said.promotion_id, said.attempt) == (verdict.verdict_id, "p-1", 1)
        assert (said.version_digest, said.artifacts_digest) == (digest_of("1.0.0"), list_digest([artifact_of("1.0.0")]))
        assert [(one.stage, one.gate, one.open) for one in said.passages] == [("prod", PROD.gate, False)]
        assert (said.judged_at, said.expires_at) == (verdict.judged_at, verdict.expires_at)
        shown = await gate.asker.ask(ShowVerdict(project="shop", verdict_id=verdict.verdict_id), VerdictView)
        assert shown.clearance == signed

        await gate.handle(evidence_added(piece("e2", failed())), "e2")
        await gate.handle(evaluate("p-2"), "t-2")
        assert (await gate.verdict_on("p-2", Outcome.DENY)).clearance is None


async def test_a_verdict_that_was_edited_does_not_hold(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await at_work(gate)
        first, second = await allowed(gate, "p-1"), await allowed(gate, "p-2")
        assert (await confirmed(gate, first.verdict_id)).holds
        verdicts = gate.run.database.collection("verdicts")
        text = (await verdicts.get(first.verdict_id) or {})["verdict"]
        other = (await verdicts.get(second.verdict_id) or {})["verdict"]
        said = json.loads(text)
        changed = {
            "trust": said | {"may_be_trusted": False},
            "end": said | {"expires_at": "2126-01-01T00:00:00Z"},
            "version": said | {"version_digest": digest_of("2.0.0")},
            "no signature": said | {"signature": None},
            "no clearance": {name: value for name, value in said.items() if name != "clearance"},
            "another verdict in its place": json.loads(other),
        }
        for what, verdict in changed.items():
            await edited(gate, "verdicts", first.verdict_id, verdict=json.dumps(verdict))
            answer = await confirmed(gate, first.verdict_id)
            assert not answer.holds, what
            assert answer.because == "its signature does not match what is stored"
        await edited(gate, "verdicts", first.verdict_id, verdict=text)
        assert (await confirmed(gate, first.verdict_id)).holds


async def test_a_policy_that_was_edited_closes_its_gates_until_it_is_applied_again(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        strict, sue = document(TESTS, SBOM, name="strict"), gate.system.token("sue", Role.SECURITY)
        await gate.apply(strict)
        await at_work(gate)
        softer = {**strict, "spec": {**strict["spec"], "mode": "warn"}}
        for text in (json.dumps(softer), "no policy", '{"kind": "Policy"}'):
            await edited(gate, "policies", "shop/strict", text=text)
            for raised in (gate.handle(evaluate("p-1"), "t-1"), gate.asker.ask(_question(), Judgement)):
                with pytest.raises(Transient) as refusal:
                    await raised
                assert refusal.value.code == "policy_tampered"
        assert not await gate.verdicts()
        # Its digest is the one that is known, and all the same it is taken over again.
        assert (await gate.apply(strict, token=sue)).change == "updated"
        await gate.handle(evaluate("p-1"), "t-1")
        await gate.verdict_on("p-1", Outcome.PENDING)


def _question() -> JudgeGates:
    return JudgeGates(
        project="shop",
        application="cart",
        version="1.0.0",
        version_digest=digest_of("1.0.0"),
        passages=(PROD,),
        requested_by="rita",
    )


async def test_53_what_was_only_tried_is_not_kept_and_holds_nothing(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await at_work(gate)
        assert (await gate.asker.ask(_question(), Judgement)).outcome is Outcome.ALLOW
        assert not await gate.verdicts()
        given = await allowed(gate, "p-1")
        replay = await gate.asker.ask(ReplayVerdict(project="shop", verdict_id=given.verdict_id), Replay)
        draft = document(TESTS, SBOM)
        tried = SimulatePolicy(project="shop", document=draft, since=given.judged_at - timedelta(hours=1))
        simulated = await gate.asker.ask(tried, Simulation)
        assert (replay.agrees, [one.would_be for one in simulated.changed]) == (True, [Outcome.PENDING])
        assert [one.verdict_id for one in await gate.verdicts()] == [given.verdict_id], "neither gave a verdict"
        # Without an id, or under one that nobody gave, nothing is confirmed.
        for unknown in ("", "vd-made-up"):
            with pytest.raises(NotFound):
                await confirmed(gate, unknown)
