"""Verdicts given again on what they pin, and drafts of policies tried on history: on real servers."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.evidence.v1.events import EvidenceRejudged
from contracts.gate.v1.replays import Replay, ReplayVerdict, SimulatePolicy, Simulation
from contracts.gate.v1.templates import ApplyTemplate
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import Criticality, Outcome, Role, Severity
from shared.errors import Forbidden, Invalid, NotFound, Rejection
from tests.integration.gate_neighbours import (
    SBOM,
    TESTS,
    GateAtWork,
    a_gate,
    application_applied,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.integration.gate_scenes import (
    LIMIT,
    exploitation_learned,
    granted,
    incident_opened,
    replayed,
    revoked,
    scan_of,
    version_moved,
    whole,
)
from tests.support.builders import a_message
from tests.unit.gate.gate_builders import document, failed, passed, rule
from tests.unit.gate.test_distrusted_evidence import distrusted

pytestmark = pytest.mark.servers
SECURITY = ("sec", Role.SECURITY)
NO_ANSWER = 'package p\nallow if input.gate.stage == "nowhere"\n'
LABELLED = "package p\ndefault allow := false\nallow if input.version.labels[input.parameters.label]\n"


async def judged(gate: GateAtWork, promotion: str, version: str = "1.0.0", **changes: Any) -> VerdictView:
    await gate.handle(evaluate(promotion, version, **changes), f"tell {promotion}")
    return next(one for one in await gate.verdicts(version) if one.promotion_id == promotion)


def rejudged(name: str, facts: Any) -> EvidenceRejudged:
    return a_message(EvidenceRejudged, project="shop", application="cart", item=distrusted(piece(name, facts)))


async def test_every_kind_of_verdict_is_given_again_when_the_world_has_moved_on(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT, TESTS))
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            await gate.handle(version_created(version), version)
            await gate.handle(evidence_added(piece(f"s {version}", scan_of(Severity.HIGH), version)), f"s {version}")
        await gate.handle(evidence_added(piece("t", passed())), "t")
        waiver = await granted(gate)
        allowed = await judged(gate, "p-allow")
        pending = await judged(gate, "p-pending", "1.1.0")
        await gate.handle(evidence_added(piece("bad", failed(), "1.2.0")), "bad")
        denied = await judged(gate, "p-deny", "1.2.0")
        no_answer = rule("rego", rego=NO_ANSWER)
        sec = gate.system.token(*SECURITY)
        await gate.apply(document(LIMIT, no_answer, name="rego"), token=sec)
        broken = await judged(gate, "p-error")
        given = {"allow": allowed, "pending": pending, "deny": denied, "error": broken}
        assert {name: verdict.outcome.value for name, verdict in given.items()} == {name: name for name in given}

        await gate.handle(rejudged("t", passed()), "distrusted")
        await gate.handle(application_applied(Criticality.CRITICAL, 2), "critical")
        await gate.handle(exploitation_learned(gate), "exploited")
        await gate.handle(version_moved(gate, "qa"), "moved")
        await gate.handle(incident_opened(gate), "incident")
        await gate.apply(document(SBOM), token=sec)
        await gate.apply(document(SBOM, name="rego"), token=sec)
        await revoked(gate, waiver.waiver_id)
        for name, verdict in given.items():
            again = await replayed(gate, verdict)
            assert (again.agrees, again.differences) == (True, ()), name
            assert (again.outcome, again.findings, again.fingerprint) == (
                verdict.outcome,
                verdict.findings,
                verdict.fingerprint,
            )
        assert (await judged(gate, "p-now")).outcome is Outcome.PENDING, (
            "while the same question today has another answer"
        )


async def rewritten(gate: GateAtWork, collection: str, where: dict[str, Any], field: str, **changes: Any) -> None:
    """Somebody edits a document in the database."""
    documents = (await gate.system.beside("gate")).collection(collection)
    found = await documents.find_one(where)
    assert found is not None
    await documents.update(where, {"$set": {field: json.dumps({**json.loads(found[field]), **changes})}})


async def test_what_was_altered_in_the_database_or_is_missing_is_named(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("e", failed())), "e")
        ways: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
            ("verdict", {"outcome": "allow"}, ("outcome", "signature")),
            ("verdict", {"findings": []}, ("finding", "signature")),
            ("verdict", {"requested_by": "eve"}, ("fingerprint", "signature")),
            ("verdict", {"promotion_id": "p-other"}, ("signature",)),
            ("verdict", {"expires_at": "2027-01-01T00:00:00Z"}, ("end", "signature")),
            ("basis", {"circumstances": {"incidents": []}}, ("outcome", "fingerprint", "circumstances")),
            ("basis", {"considered": []}, ("outcome", "evidence set", "list of considered evidence")),
        )
        for number, (field, changes, expected) in enumerate(ways):
            verdict = await judged(gate, f"p-{number}")
            assert (await replayed(gate, verdict)).agrees
            await rewritten(gate, "verdicts", {"_id": verdict.verdict_id}, field, **changes)
            again = await replayed(gate, verdict)
            assert (again.agrees, set(again.differences) & {*expected, "signature"}) == (False, set(expected)), changes

        verdict = await judged(gate, "p-missing")
        [considered] = (await whole(gate, verdict)).considered
        form = {"_id": f"shop|{considered.record}"}
        await rewritten(gate, "evidence_forms", form, "item", submitted_by="eve")
        altered = await replayed(gate, verdict)
        assert altered == Replay(verdict_id=verdict.verdict_id, agrees=False, differences=("missing: e",))
        beside = await gate.system.beside("gate")
        await beside.collection("evidence_forms").remove(form)
        assert await replayed(gate, verdict) == altered
        digest = verdict.policy_digests[0]
        await beside.collection("policy_revisions").remove({"digest": digest})
        assert (await replayed(gate, verdict)).differences == ("missing: e", f"missing: {digest}")
        eve = gate.system.token("eve", Role.ADMIN, project="bank")
        with pytest.raises(NotFound):
            await replayed_as(gate, verdict, "bank", eve)
        with pytest.raises(Forbidden):
            await replayed_as(gate, verdict, "shop", eve)


async def replayed_as(gate: GateAtWork, verdict: VerdictView, project: str, token: str) -> Replay:
    query = ReplayVerdict(project=project, verdict_id=verdict.verdict_id)
    return await gate.asker.ask(query, Replay, token=token)


@asynccontextmanager
async def history(tmp_path: Path) -> AsyncIterator[tuple[GateAtWork, datetime, dict[str, VerdictView]]]:
    """Sixty verdicts on as many versions: a third each is clean, high and critical; every fifth has no test."""
    async with a_gate(tmp_path) as gate:
        since = gate.clock.now
        await gate.apply(document(LIMIT))
        kinds = (Severity.LOW, Severity.HIGH, Severity.CRITICAL)
        for number in range(60):
            version = f"1.0.{number}"
            labels = {"team": "web"} if number % 2 else {}
            await gate.handle(version_created(version, labels=labels, at=gate.clock()), version)
            scan = piece(f"scan {version}", scan_of(kinds[number % 3]), version)
            await gate.handle(evidence_added(scan), f"scan {version}")
            if number % 5:
                await gate.handle(evidence_added(piece(f"tests {version}", passed(), version)), f"tests {version}")
            if number == 30:
                gate.clock.advance(days=1)
            await gate.handle(evaluate(f"p-{number}", version), f"tell {version}")
        found = [one for n in range(60) for one in await gate.verdicts(f"1.0.{n}")]
        assert Counter(one.outcome.value for one in found) == {"allow": 20, "deny": 40}
        yield gate, since, {one.verdict_id: one for one in found}


async def simulated(gate: GateAtWork, since: datetime, draft: dict[str, Any], **more: Any) -> list[Simulation]:
    """Every page."""
    query = SimulatePolicy(project="shop", document=draft, since=since, **{"limit": 17, **more})
    pages = [await gate.asker.ask(query, Simulation, deadline=30)]
    while pages[-1].next:
        query = query.model_copy(update={"after": pages[-1].next})
        pages.append(await gate.asker.ask(query, Simulation, deadline=30))
    return pages


def tally(pages: list[Simulation]) -> dict[str, int]:
    changes = [f"{one.was}>{one.would_be}" for page in pages for one in page.changed]
    ids = [one.verdict_id for page in pages for one in page.changed]
    assert len(ids) == len(set(ids))
    return {
        **Counter(changes),
        "judged": sum(page.judged for page in pages),
        "governed": sum(page.governed for page in pages),
        "unchanged": sum(page.unchanged for page in pages),
        "skipped": sum(len(page.skipped) for page in pages),
    }


async def test_a_draft_is_tried_on_history_page_by_page_and_changes_nothing(tmp_path: Path) -> None:
    async with history(tmp_path) as (gate, since, given):
        everything = {"judged": 60, "governed": 60, "skipped": 0}
        same = await simulated(gate, since, document(LIMIT))
        assert tally(same) == {**everything, "unchanged": 60}
        assert [(page.judged, page.total) for page in same] == [(17, 60), (17, 60), (17, 60), (9, 60)]
        assert {page.replaces for page in same} == {page.draft for page in same}

        stricter = await simulated(gate, since, document(LIMIT, TESTS))
        assert tally(stricter) == {**everything, "allow>pending": 4, "unchanged": 56}
        stopped = [one for page in stricter for one in page.changed]
        assert [one.judged_at for one in stopped] == sorted(one.judged_at for one in stopped)
        for one in stopped:
            assert [finding.rule for finding in one.findings] == ["tests-passed"]
            assert (one.version, one.promotion_id) == (
                given[one.verdict_id].version,
                given[one.verdict_id].promotion_id,
            )

        laxer = rule("vulnerability_limit", max={"high": 1, "critical": 0})
        let_through = await simulated(gate, since, document(laxer))
        assert tally(let_through) == {**everything, "deny>allow": 20, "unchanged": 40}
        await granted(gate)
        announced = document(LIMIT, TESTS, effective_on="2099-01-01")
        assert tally(await simulated(gate, since, announced)) == tally(stricter), "as if its day had come"

        beside = await simulated(gate, since, document(TESTS, name="another"))
        assert tally(beside) == {**everything, "allow>pending": 4, "unchanged": 56}
        assert {page.replaces for page in beside} == {None}
        gone = await simulated(gate, since, document(LIMIT, gates=[{"stage": "qa", "gate": "entry"}]))
        assert tally(gone) == {**everything, "governed": 0, "allow>deny": 20, "unchanged": 40}, "no policy is left"
        elsewhere = await simulated(gate, since, document(TESTS, name="qa", gates=[{"stage": "qa", "gate": "entry"}]))
        assert tally(elsewhere) == {"judged": 60, "governed": 0, "unchanged": 60, "skipped": 0}
        last_day = await simulated(gate, gate.clock.now - timedelta(hours=12), document(LIMIT, TESTS))
        assert last_day[0].total == 30
        until = await simulated(gate, since, document(LIMIT), until=gate.clock.now - timedelta(hours=12))
        assert sum(page.judged for page in until) == 30

        now = {one.verdict_id: one for n in range(60) for one in await gate.verdicts(f"1.0.{n}")}
        assert now == given
        assert await gate.count("verdicts") == 60
        assert await gate.count("policies") == 1


async def test_drafts_with_templates_are_tried_and_malformed_ones_refused(tmp_path: Path) -> None:
    async with history(tmp_path) as (gate, since, _):
        template = {
            "apiVersion": "hallmark/v1",
            "kind": "RuleTemplate",
            "metadata": {"project": "shop", "name": "labelled"},
            "spec": {"rego": LABELLED, "parameters": {"required": ["label"]}},
        }
        command = ApplyTemplate(command_id="t", project="shop", template="labelled", document=template)
        await gate.asker.ask(command, Applied)
        labelled = rule("rego", template="labelled", parameters={"label": "team"})
        found = tally(await simulated(gate, since, document(LIMIT, labelled)))
        assert found == {"judged": 60, "governed": 60, "skipped": 0, "allow>deny": 10, "unchanged": 50}

        other = document(LIMIT)
        other["metadata"]["project"] = "bank"
        refused: tuple[tuple[dict[str, Any], type[Rejection], str], ...] = (
            (document({**LIMIT, "maxx": 1}), Invalid, "policy_field_unknown"),
            (document(), Invalid, "policy_malformed"),
            (document(rule("rego", template="no-such")), NotFound, "template_unknown"),
            (document(rule("rego", template="labelled")), Invalid, "template_parameters_wrong"),
            (document(rule("rego", rego="package p\nallow {")), Invalid, "rego_malformed"),
            (document(rule("rego", rego="package p\nallow if http.send({})")), Invalid, "rego_builtin_refused"),
            (other, Invalid, "policy_misplaced"),
        )
        for draft, kind, code in refused:
            with pytest.raises(kind) as problem:
                await simulated(gate, since, draft)
            assert problem.value.code == code
        query = SimulatePolicy(project="shop", document=document(LIMIT), since=since)
        with pytest.raises(Forbidden):
            await gate.asker.ask(query, Simulation, token=gate.system.token("eve", Role.ADMIN, project="bank"))

        verdicts = gate.run.database.collection("verdicts")
        one = await verdicts.find_one({"promotion_id": "p-0"})
        assert one is not None
        await verdicts.update({"_id": one["_id"]}, {"$set": {"basis": json.dumps({"circumstances": None})}})
        pages = await simulated(gate, since, document(LIMIT))
        assert [name for page in pages for name in page.skipped] == [one["_id"]]
