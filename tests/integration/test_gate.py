"""The gate on a real NATS and a real MongoDB: what it hears, what it says, and what it never overlooks."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.gate.v1.commands import ApplyPolicy
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.queries import (
    ConfirmVerdict,
    JudgeGates,
    ListPolicies,
    ListPolicyRevisions,
    ListVerdicts,
    ShowPolicy,
    ShowVerdict,
)
from contracts.gate.v1.views import (
    Confirmation,
    Judgement,
    PolicyPage,
    PolicyRevisionPage,
    PolicyView,
    VerdictPage,
    VerdictView,
)
from contracts.vocabulary import Criticality, Outcome, Role
from services.gate.app import SERVICE
from shared.digests import canonical_digest
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Transient
from shared.messaging.inbox import AlreadyHandledError
from tests.integration.gate_neighbours import (
    PROD,
    SBOM,
    TESTS,
    GateAtWork,
    a_gate,
    application_applied,
    artifact_of,
    digest_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.unit.gate.gate_builders import document, failed, passed, sbom

pytestmark = pytest.mark.servers


def question(version: str = "1.0.0") -> JudgeGates:
    return JudgeGates(
        project="shop",
        application="cart",
        version=version,
        version_digest=digest_of(version),
        passages=(PROD,),
        requested_by="rita",
    )


async def confirmed(gate: GateAtWork, verdict: VerdictView) -> Confirmation:
    return await gate.asker.ask(ConfirmVerdict(project="shop", verdict_id=verdict.verdict_id), Confirmation)


async def told(gate: GateAtWork) -> list[VerdictIssued]:
    """Every verdict on the stream of facts, in order, once the relay has published all."""
    await gate.run.relay.idle.wait()
    jetstream = (await gate.system.connect("provision")).jetstream()
    return await facts_on(jetstream, VerdictIssued)


async def test_evidence_counts_whether_it_comes_before_its_version_or_after(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS, SBOM))
        await gate.hear(evidence_added(piece("e1", passed())))
        await eventually(lambda: gate.count("evidence"))
        await gate.hear(version_created())
        await gate.hear(evaluate("p-1"))

        waiting = await gate.verdict_on("p-1", Outcome.PENDING)
        assert [(f.rule, f.outcome, f.awaits) for f in waiting.findings] == [
            ("tests-passed", Outcome.ALLOW, None),
            ("required-evidence", Outcome.PENDING, "sbom"),
        ]
        forged = piece("e2", sbom(), verified=False)
        await gate.hear(evidence_added(forged))
        await eventually(lambda: gate.count("evidence"), lambda found: found == 2)
        assert len(await gate.verdicts()) == 1, "unverified evidence changes no answer"

        await gate.hear(evidence_added(piece("e3", sbom())))
        allowed = await gate.verdict_on("p-1", Outcome.ALLOW)
        assert [used.evidence_id for used in allowed.evidence] == ["e1", "e3"]
        assert allowed.expires_at == allowed.judged_at + timedelta(minutes=15)
        shown = await gate.asker.ask(ShowVerdict(project="shop", verdict_id=allowed.verdict_id), VerdictView)
        bare = {"considered": (), "circumstances": None}
        assert shown.model_copy(update=bare) == allowed, "lists leave out what may be long"

        first, second = await eventually(lambda: told(gate), lambda found: len(found) == 2)
        assert (first.verdict_id, second.verdict_id) == (waiting.verdict_id, allowed.verdict_id)
        assert VerdictIssued.model_validate(allowed.model_dump()) == second
        assert [one.evidence_id for one in shown.considered] == ["e1", "e3"]
        pinned = [one.model_dump(mode="json") for one in shown.considered]
        assert second.considered_digest == canonical_digest(pinned), "what is logged pins all evidence that counted"

        await gate.hear(evidence_added(piece("e4", failed())))
        await eventually(lambda: gate.count("evidence"), lambda found: found == 4)
        assert len(await gate.verdicts()) == 2, "what was answered for good is not answered again"


async def test_denials_say_why_and_a_gate_without_policy_stays_closed(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.hear(version_created())
        await gate.hear(evaluate("p-1"))
        closed = await gate.verdict_on("p-1", Outcome.DENY)
        assert [finding.rule for finding in closed.findings] == ["no_policy"]

        await gate.apply(document(TESTS))
        await gate.hear(evidence_added(piece("e1", failed())))
        await eventually(lambda: gate.count("evidence"))
        await gate.hear(evaluate("p-2"))
        [finding] = (await gate.verdict_on("p-2", Outcome.DENY)).findings
        assert "test_sum" in finding.observed
        assert finding.remedy
        now = await gate.asker.ask(question(), Judgement)
        assert (now.outcome, now.findings) == (Outcome.DENY, (finding,))
        assert len(await gate.verdicts()) == 2, "a question leaves no verdict behind"

        with pytest.raises(Transient) as unheard:
            await gate.asker.ask(question("9.9.9"), Judgement, deadline=0.3)
        assert unheard.value.code == "version_not_heard"
        with pytest.raises(Conflict) as other:
            await gate.asker.ask(question().model_copy(update={"version_digest": digest_of("x")}), Judgement)
        assert other.value.code == "version_digest_differs"


async def test_every_message_delivered_twice_counts_once(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        messages = (
            version_created(),
            application_applied(Criticality.HIGH, 1),
            evaluate("p-1"),
            evidence_added(piece("e1", passed())),
        )
        collections = ("versions", "evidence", "evaluations", "verdicts")
        for message in messages:
            await gate.handle(message, type(message).__name__)
        for message in messages:
            with pytest.raises(AlreadyHandledError):
                await gate.handle(message, type(message).__name__)
        assert [await gate.count(name) for name in collections] == [1, 1, 1, 2]
        assert len(await told(gate)) == 2


async def test_nothing_is_judged_before_all_recorded_evidence_has_arrived(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        tell = evaluate("p-1", positions={artifact_of("1.0.0"): 2})
        late = (version_created(), evidence_added(piece("e1", passed())), evidence_added(piece("e2", failed())))
        for step, (message, code) in enumerate(zip(late, ("version_not_heard", *["dossier_behind"] * 2), strict=True)):
            with pytest.raises(Transient) as behind:
                await gate.handle(tell, f"tell-{step}")
            assert behind.value.code == code
            await gate.handle(message, f"event-{step}")
        await gate.handle(tell, "tell")
        assert [verdict.outcome for verdict in await gate.verdicts()] == [Outcome.DENY]


async def test_a_new_policy_judges_again_what_waits_until_the_deadline(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(SBOM))
        await gate.handle(version_created(), "v")
        await gate.handle(evaluate("p-1", deadline=gate.clock.now + timedelta(hours=1)), "t")
        await gate.apply(document(TESTS, name="tests-too"))
        newest = (await gate.verdicts())[0]
        assert {finding.rule for finding in newest.findings} == {"required-evidence", "tests-passed"}
        gate.clock.advance(hours=2)
        await gate.handle(evidence_added(piece("e1", sbom())), "e1")
        await gate.handle(evidence_added(piece("e2", passed())), "e2")
        assert len(await gate.verdicts()) == 2, "nobody waits after the deadline"


async def test_a_verdict_holds_until_evidence_or_policies_change(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("e1", passed())), "e1")
        await gate.handle(evaluate("p-1"), "t1")
        given = await gate.verdict_on("p-1", Outcome.ALLOW)
        assert await confirmed(gate, given) == Confirmation(verdict_id=given.verdict_id, holds=True, because="")

        await gate.apply(document(SBOM, name="also-an-sbom"))
        unheld = await confirmed(gate, given)
        assert not unheld.holds
        assert "pending" in unheld.because
        assert "sbom" in unheld.because

        await gate.handle(evidence_added(piece("e2", sbom())), "e2")
        await gate.handle(evaluate("p-2"), "t2")
        given = await gate.verdict_on("p-2", Outcome.ALLOW)
        await gate.handle(evidence_added(piece("e3", failed(), age=timedelta(0))), "e3")
        unheld = await confirmed(gate, given)
        assert not unheld.holds
        assert "test_sum" in unheld.because

        await gate.handle(evaluate("p-3"), "t3")
        denied = await gate.verdict_on("p-3", Outcome.DENY)
        assert not (await confirmed(gate, denied)).holds, "only what allowed can hold"


async def test_policies_keep_their_history_and_are_guarded(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        lenient, strict = document(TESTS), document(TESTS, SBOM, mode="warning")
        first = await gate.apply(lenient)
        same = await gate.apply(lenient)
        second = await gate.apply(strict)
        third = await gate.apply(lenient)
        assert [a.change for a in (first, same, second, third)] == ["created", "unchanged", "updated", "updated"]
        assert [a.revision for a in (first, same, second, third)] == [1, 1, 2, 3]
        assert first.digest == third.digest

        now = await gate.asker.ask(ShowPolicy(project="shop", policy="prod-entry"), PolicyView)
        assert (now.revision, now.digest, now.applied_by) == (3, first.digest, "ann")
        then = await gate.asker.ask(ShowPolicy(project="shop", digest=second.digest), PolicyView)
        assert (then.revision, then.mode.value, len(then.document["spec"]["rules"])) == (2, "warn", 2)
        await gate.apply(document(TESTS, name="another"))
        await gate.apply(document(TESTS, name="third"))
        asked = ListPolicyRevisions(project="shop", policy="prod-entry", limit=2)
        newest = await gate.asker.ask(asked, PolicyRevisionPage)
        assert [(r.revision, r.digest, r.mode.value, r.applied_by) for r in newest.revisions] == [
            (3, first.digest, "block", "ann"),
            (2, second.digest, "warn", "ann"),
        ]
        oldest = await gate.asker.ask(asked.model_copy(update={"after": newest.next}), PolicyRevisionPage)
        assert ([r.revision for r in oldest.revisions], oldest.next) == ([1], None)
        with pytest.raises(NotFound):
            await gate.asker.ask(ListPolicyRevisions(project="shop", policy="prod-entri"), PolicyRevisionPage)
        page = await gate.asker.ask(ListPolicies(project="shop", limit=2), PolicyPage)
        assert ([p.policy for p in page.policies], page.next) == (["another", "prod-entry"], "prod-entry")
        rest = await gate.asker.ask(ListPolicies(project="shop", limit=2, after=page.next), PolicyPage)
        assert ([p.policy for p in rest.policies], rest.next) == (["third"], None)

        with pytest.raises(Forbidden):
            await gate.apply(strict, token=gate.system.token("rita", Role.RELEASE_MANAGER))
        with pytest.raises(Forbidden):
            await gate.apply(strict, token=gate.system.token("eve", Role.SECURITY, project="bank"))
        foreign = ApplyPolicy(command_id="x", project="bank", policy="prod-entry", document=lenient)
        with pytest.raises(Invalid) as misnamed:
            await gate.asker.ask(foreign, PolicyView)
        assert misnamed.value.code == "policy_misplaced"
        with pytest.raises(Invalid) as ambiguous:
            await gate.asker.ask(ShowPolicy(project="shop"), PolicyView)
        assert ambiguous.value.code == "policy_unnamed"


async def test_questions_are_paged_and_answered_to_members_only(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.handle(version_created(), "v")
        for number in range(5):
            gate.clock.advance(seconds=number // 2)
            await gate.handle(evaluate(f"p-{number}"), f"t-{number}")
        query = ListVerdicts(project="shop", application="cart", version="1.0.0", limit=2)
        seen: list[str] = []
        for expected in (2, 2, 1):
            page = await gate.asker.ask(query, VerdictPage)
            assert len(page.verdicts) == expected
            seen += [verdict.promotion_id for verdict in page.verdicts]
            query = query.model_copy(update={"after": page.next})
        assert page.next is None
        assert sorted(seen) == ["p-0", "p-1", "p-2", "p-3", "p-4"]
        assert seen[0] == "p-4"

        eve = gate.system.token("eve", Role.ADMIN, project="bank")
        verdict_id = (await gate.verdicts())[0].verdict_id
        for forbidden in (
            ListPolicies(project="shop"),
            ShowPolicy(project="shop", policy="prod-entry"),
            ListPolicyRevisions(project="shop", policy="prod-entry"),
            ShowVerdict(project="shop", verdict_id=verdict_id),
            ConfirmVerdict(project="shop", verdict_id=verdict_id),
            ListVerdicts(project="shop", application="cart", version="1.0.0"),
            question(),
        ):
            with pytest.raises(Forbidden):
                await gate.asker.ask(forbidden, VerdictView, token=eve)
        for unknown in (
            ShowVerdict(project="bank", verdict_id=verdict_id),
            ConfirmVerdict(project="bank", verdict_id=verdict_id),
            ShowPolicy(project="bank", policy="prod-entry"),
        ):
            with pytest.raises(NotFound):
                await gate.asker.ask(unknown, VerdictView, token=eve)


async def test_evidence_that_races_with_evaluations_leaves_none_behind(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.system.start(SERVICE, instance="two")
        await gate.apply(document(TESTS, SBOM))
        versions = [f"1.0.{number}" for number in range(25)]
        for version in versions:
            await gate.hear(version_created(version))
        await eventually(lambda: gate.count("versions"), lambda found: found == 25)
        racing = [evaluate(f"p-{version}", version) for version in versions]
        evidence = [evidence_added(piece(f"tests {v}", passed(), v)) for v in versions]
        evidence += [evidence_added(piece(f"sbom {v}", sbom(), v)) for v in versions]
        messages = [*racing, *evidence]
        random.Random(2).shuffle(messages)  # noqa: S311 - an order, not a secret

        await asyncio.gather(*(gate.hear(message) for message in messages))

        for version in versions:
            # The second look comes after 90 seconds: on a slow machine the first may be too early.
            await gate.verdict_on(f"p-{version}", Outcome.ALLOW, version, within=120.0)
        evaluations = gate.run.database.collection("evaluations")
        assert await evaluations.count({"open": True}) == 0
