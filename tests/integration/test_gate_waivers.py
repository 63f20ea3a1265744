"""Waivers on real servers: what they open, for how long, and everything that they must not do."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.circumstances import WaivedSubject
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.waivers import (
    DecideWaiver,
    ListStandingWaivers,
    ListWaiverRequests,
    ListWaivers,
    RequestWaiver,
    ShowWaiver,
    WaiverEnded,
    WaiverGranted,
    WaiverPage,
    WaiverRefused,
    WaiverRequested,
    WaiverState,
    WaiverView,
)
from contracts.vocabulary import ActorKind, GateKind, Outcome, Role, Severity
from services.gate.app import SERVICE
from services.gate.looking import look_once
from shared.crypto import keys
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Rejection, Unauthenticated
from shared.policy.verdict import waiver_digest
from shared.verdict_signature import verify_verdict
from tests.integration.gate_neighbours import (
    PROD,
    SBOM,
    TESTS,
    GateAtWork,
    a_gate,
    artifact_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.integration.gate_scenes import (
    CVE,
    LIMIT,
    REASON,
    confirmed,
    decided,
    granted,
    request_waiver,
    requested,
    revoked,
    said,
    scan_of,
    whole,
)
from tests.support.eventually import eventually
from tests.unit.gate.gate_builders import document, failed, passed, rule, sbom

pytestmark = pytest.mark.servers


async def vulnerable(gate: GateAtWork, version: str = "1.0.0", severity: Severity = Severity.HIGH) -> None:
    """A version whose scan is not clean."""
    await gate.handle(version_created(version), f"version {version}")
    await gate.handle(evidence_added(piece(f"scan {version}", scan_of(severity), version)), f"scan {version}")


async def asked(gate: GateAtWork, promotion: str, version: str = "1.0.0", **changes: Any) -> Outcome:
    tell = evaluate(promotion, version, deadline=gate.clock.now + timedelta(days=30), **changes)
    await gate.handle(tell, f"tell {promotion}")
    return (await gate.verdicts(version))[0].outcome


async def test_a_waiver_opens_what_waits_by_itself_and_the_verdict_names_it(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT, SBOM))
        await vulnerable(gate)
        wish = await requested(gate, by="rita")
        assert (wish.state, wish.requested_by, wish.decided_by) == (WaiverState.REQUESTED, "rita", None)
        assert await asked(gate, "p-1") is Outcome.DENY, "asking for one changes nothing"
        waiver = await decided(gate, wish.waiver_id, reason="Agreed.")
        assert (waiver.state, waiver.decided_by, waiver.decision_reason) == (WaiverState.GRANTED, "sam", "Agreed.")
        assert [v.outcome for v in await gate.verdicts()] == [Outcome.DENY], "a denial is final"

        assert await asked(gate, "p-2") is Outcome.PENDING
        missing = await requested(
            gate, rule="required-evidence", waives=WaivedSubject(artifact=artifact_of("1.0.0")), max_severity=None
        )
        await decided(gate, missing.waiver_id)
        allowed = await whole(gate, await gate.verdict_on("p-2", Outcome.ALLOW))
        assert [(f.rule, f.outcome, f.waived) for f in allowed.findings] == [
            ("vulnerability-limit", Outcome.DENY, (waiver.waiver_id,)),
            ("required-evidence", Outcome.PENDING, (missing.waiver_id,)),
        ], "what the rules themselves say stays to be seen"
        assert allowed.circumstances is not None
        known = {one.waiver_id: waiver_digest(one) for one in allowed.circumstances.waivers}
        assert {one.waiver_id: one.digest for one in allowed.waivers} == known
        assert sorted(known) == sorted((waiver.waiver_id, missing.waiver_id))
        assert allowed.may_be_trusted
        shown = await gate.asker.ask(ShowWaiver(project="shop", waiver_id=waiver.waiver_id), WaiverView)
        assert shown.uses == 2, "the pending verdict needed it, too"
        assert [one.by for one in await said(gate, WaiverRequested)] == ["rita", "rita"]
        assert next((one.by, one.waives.vulnerability) for one in await said(gate, WaiverGranted)) == ("sam", CVE)


async def test_verdicts_on_waivers_are_signed_and_say_when_such_a_release_is_not_trusted(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT, waivers={"trusted": False}))
        await vulnerable(gate)
        await granted(gate)
        assert await asked(gate, "p-1") is Outcome.ALLOW
        await gate.handle(version_created("1.1.0"), "clean version")
        await gate.handle(evidence_added(piece("clean", scan_of(Severity.LOW), "1.1.0")), "clean scan")
        assert await asked(gate, "p-2", "1.1.0") is Outcome.ALLOW
        on_waiver, without = await said(gate, VerdictIssued)
        assert (on_waiver.may_be_trusted, without.may_be_trusted) == (False, True)
        public = keys.load_public((tmp_path / "issuers/gate.pem").read_bytes())
        for verdict in (on_waiver, without):
            assert verdict.signature is not None
            body = verdict.model_dump(mode="json", exclude={"signature"})
            verify_verdict(body, verdict.signature.key_id, verdict.signature.value, [public])
            for field, other in (("may_be_trusted", not verdict.may_be_trusted), ("promotion_id", "p-9")):
                with pytest.raises(Unauthenticated):
                    verify_verdict({**body, field: other}, verdict.signature.key_id, verdict.signature.value, [public])


REFUSED: tuple[tuple[dict[str, Any], type[Rejection], str], ...] = (
    ({"waives": WaivedSubject()}, Invalid, "waiver_subject_open"),
    ({"waives": WaivedSubject(vulnerability="CVE-*")}, Invalid, "waiver_subject_open"),
    ({"waives": WaivedSubject(vulnerability="CVE-2026-100?")}, Invalid, "waiver_subject_open"),
    ({"waives": WaivedSubject(vulnerability=CVE), "max_severity": None}, Invalid, "waiver_severity_missing"),
    ({"policy": "no-such"}, NotFound, "policy_unknown"),
    ({"rule": "no-such"}, NotFound, "rule_unknown"),
    ({"rule": "either"}, Invalid, "waiver_rule_combined"),
    ({"rule": "strict"}, Conflict, "waiver_not_allowed"),
    ({"rule": "inside"}, Conflict, "waiver_not_allowed"),
    ({"rule": "approvals"}, Conflict, "waiver_not_allowed"),
    ({"policy": "no-exceptions"}, Conflict, "waiver_not_allowed"),
    ({"stage": "qa"}, Invalid, "waiver_stage_ungoverned"),
    ({"application": "crat"}, NotFound, "application_unknown"),
)


async def test_what_cannot_be_waived_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        either = rule("any_of", rules=[TESTS, SBOM]) | {"id": "either"}
        strict = rule("required_evidence", evidence="provenance", waivable=False) | {"id": "strict"}
        people = rule("approvals", role="approver")
        inside = rule("tests_passed") | {"id": "inside"}
        whole_only = rule("all_of", rules=[inside], waivable=False) | {"id": "whole"}
        await gate.apply(document(LIMIT, either, strict, people, whole_only, waivers={"max_duration": "30d"}))
        await gate.apply(document(LIMIT, name="no-exceptions", waivers={"allowed": False}))
        await gate.handle(version_created(), "v")
        for changes, kind, code in REFUSED:
            with pytest.raises(kind) as refused:
                await requested(gate, **changes)
            assert refused.value.code == code, changes
            assert refused.value.remedy, changes
        for wait, code in ((timedelta(days=31), "waiver_too_long"), (timedelta(0), "waiver_in_the_past")):
            with pytest.raises(Invalid) as ill_timed:
                await requested(gate, expires_at=gate.clock.now + wait)
            assert ill_timed.value.code == code
        assert await gate.count("waivers") == 0
        for lacking in ({"expires_at": None}, {"reason": "too short"}, {"reason": " " * 40}):
            with pytest.raises(ValidationError):
                RequestWaiver.model_validate({**request_waiver(gate).model_dump(), **lacking})
        viewer = gate.system.token("eve", Role.VIEWER, project="shop")
        with pytest.raises(Forbidden):
            await gate.asker.ask(request_waiver(gate), WaiverView, token=viewer)


async def test_only_another_person_in_the_policys_role_decides(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT, waivers={"approver_role": "release_manager"}))
        await gate.handle(version_created(), "v")
        wish = await requested(gate, by="rita")
        ways: tuple[tuple[dict[str, Any], str], ...] = (
            ({"by": "rita", "role": Role.RELEASE_MANAGER}, "waiver_own_request"),
            ({"by": "rita", "role": Role.ADMIN}, "waiver_own_request"),
            ({"by": "bot", "role": Role.RELEASE_MANAGER, "kind": ActorKind.AGENT}, "waiver_not_human"),
            ({"by": "ci", "role": Role.RELEASE_MANAGER, "kind": ActorKind.PIPELINE}, "waiver_not_human"),
            ({"by": "svc", "role": Role.RELEASE_MANAGER, "kind": ActorKind.SERVICE}, "waiver_not_human"),
            ({"by": "sam", "role": Role.SECURITY}, "role_missing"),
            ({"by": "eve", "role": Role.RELEASE_MANAGER, "project": "bank"}, "role_missing"),
        )
        for decision in ("granted", "refused"):
            for way, code in ways:
                with pytest.raises(Forbidden) as forbidden:
                    await decided(gate, wish.waiver_id, decision, **way)
                assert forbidden.value.code == code, way
        assert (await decided(gate, wish.waiver_id, by="max", role=Role.RELEASE_MANAGER)).decided_by == "max"


async def test_a_policy_of_the_same_name_that_another_project_holds_for_all_has_its_own_approvers(
    tmp_path: Path,
) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT, waivers={"approver_role": "release_manager"}))
        ours = document(LIMIT, scope={"projects": ["*"]}, waivers={"approver_role": "security", "max_duration": "7d"})
        ours["metadata"]["project"] = "platform"
        await gate.apply(ours, project="platform")
        await vulnerable(gate)
        with pytest.raises(Invalid) as too_long:
            await requested(gate)
        assert too_long.value.code == "waiver_too_long", "the stricter of both"
        wish = await requested(gate, expires_at=gate.clock.now + timedelta(days=7))
        for role in (Role.RELEASE_MANAGER, Role.SECURITY):
            with pytest.raises(Forbidden) as lacking:
                await decided(gate, wish.waiver_id, role=role)
            assert lacking.value.code == "role_missing"
        await decided(gate, wish.waiver_id, role=Role.ADMIN)
        assert await asked(gate, "p-1") is Outcome.ALLOW
        [verdict] = await gate.verdicts()
        assert len(verdict.policy_digests) == 2


async def test_a_waiver_covers_its_application_stage_and_severity_only(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        gates = [{"stage": stage, "gate": "entry"} for stage in ("qa", "prod")]
        await gate.apply(document(LIMIT, gates=gates))
        await vulnerable(gate)
        await gate.handle(version_created("1.0.0", application="till"), "till")
        await granted(gate, application="till")
        await granted(gate, waives=WaivedSubject(vulnerability=CVE, component="pkg:pypi/other@1"))
        assert await asked(gate, "p-1") is Outcome.DENY, "none of them is for this"
        await granted(gate)
        assert await asked(gate, "p-2") is Outcome.ALLOW
        qa = (PROD.model_copy(update={"stage": "qa"}),)
        assert await asked(gate, "p-3", passages=qa) is Outcome.DENY, "another stage"
        before = await gate.verdict_on("p-2", Outcome.ALLOW)
        worse = piece("worse", scan_of(Severity.CRITICAL), age=timedelta(0))
        await gate.handle(evidence_added(worse), "worse")
        assert not (await confirmed(gate, before)).holds
        assert await asked(gate, "p-4") is Outcome.DENY, "its severity has risen since"


async def test_a_waiver_that_ends_during_a_promotion_takes_its_verdict_along(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        both = [{"stage": "prod", "gate": gate_kind} for gate_kind in ("entry", "release")]
        await gate.apply(document(LIMIT, SBOM, gates=both))
        passages = (PROD, PROD.model_copy(update={"gate": GateKind.RELEASE}))
        await vulnerable(gate)
        waiver = await granted(gate, expires_at=gate.clock.now + timedelta(hours=1))
        assert await asked(gate, "p-1", passages=passages) is Outcome.PENDING
        await gate.handle(evidence_added(piece("bill", sbom())), "bill")
        allowed = await gate.verdict_on("p-1", Outcome.ALLOW)
        assert (await confirmed(gate, allowed)).holds
        assert allowed.expires_at <= waiver.expires_at
        await vulnerable(gate, "1.1.0")
        assert await asked(gate, "p-2", "1.1.0") is Outcome.PENDING, "its bill of materials is missing"

        gate.clock.advance(minutes=50)
        assert await asked(gate, "p-3", passages=passages) is Outcome.ALLOW
        late = await gate.verdict_on("p-3", Outcome.ALLOW)
        left = waiver.expires_at - late.expires_at
        assert timedelta(0) < left < timedelta(milliseconds=1), "no verdict outlives what it rests on"
        gate.clock.now = waiver.expires_at
        unheld = await confirmed(gate, late)
        assert not unheld.holds
        await look_once(gate.run)
        [ended] = await eventually(lambda: said(gate, WaiverEnded), lambda found: len(found) == 1)
        assert (ended.cause, ended.by, ended.waiver_id) == ("expired", "hallmark", waiver.waiver_id)
        covered = {(one.version, one.stage, one.gate.value, one.verdict_id) for one in ended.covered}
        assert covered == {("1.0.0", "prod", name, late.verdict_id) for name in ("entry", "release")}, (
            "each gate once, with the newest verdict; what never got through was not covered"
        )
        assert ended.covered_count == 2
        denied = await gate.verdict_on("p-2", Outcome.DENY, "1.1.0")
        assert denied.waivers == ()
        shown = await gate.asker.ask(ShowWaiver(project="shop", waiver_id=waiver.waiver_id), WaiverView)
        assert (shown.state, shown.ended_by) == (WaiverState.EXPIRED, None)
        with pytest.raises(Conflict) as over:
            await revoked(gate, waiver.waiver_id)
        assert over.value.code == "waiver_over"


async def test_an_end_is_said_once_whoever_looks_and_however_often(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT))
        await gate.handle(version_created(), "v")
        other = await gate.system.start(SERVICE, instance="two")
        many = [await granted(gate, expires_at=gate.clock.now + timedelta(hours=1)) for _ in range(6)]
        never_decided = await requested(gate, expires_at=gate.clock.now + timedelta(hours=1))
        gate.clock.advance(hours=2)
        await asyncio.gather(*(look_once(run) for run in (gate.run, other, gate.run, other)))
        restarted = await gate.system.start(SERVICE, instance="three")
        gate.clock.advance(seconds=5)
        await look_once(restarted)
        ends = await eventually(lambda: said(gate, WaiverEnded), lambda found: len(found) >= 7)
        expected = sorted([*(one.waiver_id for one in many), never_decided.waiver_id])
        assert sorted(one.waiver_id for one in ends) == expected
        assert {one.covered_count for one in ends} == {0}


async def test_revoking_and_refusing_are_final_and_open_nothing(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT))
        await vulnerable(gate)
        refused = await decided(gate, (await requested(gate)).waiver_id, "refused", reason="Fix it.")
        assert (refused.state, refused.decision_reason) == (WaiverState.REFUSED, "Fix it.")
        assert [one.waiver_id for one in await said(gate, WaiverRefused)] == [refused.waiver_id]
        with pytest.raises(Conflict) as final:
            await decided(gate, refused.waiver_id)
        assert final.value.code == "waiver_decided"
        assert await asked(gate, "p-1") is Outcome.DENY

        waiver = await granted(gate)
        assert await asked(gate, "p-2") is Outcome.ALLOW
        verdict = await gate.verdict_on("p-2", Outcome.ALLOW)
        for stranger, role in (("tom", Role.CONTRIBUTOR), ("tom", Role.RELEASE_MANAGER)):
            with pytest.raises(Forbidden):
                await revoked(gate, waiver.waiver_id, stranger, role)
        ended = await revoked(gate, waiver.waiver_id, "rita", Role.CONTRIBUTOR)
        assert (ended.state, ended.ended_by, ended.uses) == (WaiverState.REVOKED, "rita", 1)
        unheld = await confirmed(gate, verdict)
        assert not unheld.holds
        assert CVE in unheld.because
        [event] = await said(gate, WaiverEnded)
        assert (event.cause, event.by) == ("revoked", "rita")
        assert [one.verdict_id for one in event.covered] == [verdict.verdict_id]
        assert await asked(gate, "p-3") is Outcome.DENY


async def _wait_for_others_only(gate: GateAtWork, sam: str, elsewhere: str) -> None:
    """What is asked for waits for whoever answers for the project's security and did not ask for it."""
    query = ListWaiverRequests(limit=2)
    first = await gate.asker.ask(query, WaiverPage, token=sam)
    rest = await gate.asker.ask(query.model_copy(update={"after": first.next}), WaiverPage, token=sam)
    ends = [one.expires_at for one in (*first.waivers, *rest.waivers)]
    assert (len(ends), ends, rest.next) == (3, sorted(ends), None)
    asker = first.waivers[0].requested_by
    for token in (
        elsewhere,
        gate.system.token("ada", Role.APPROVER, project="shop"),
        gate.system.token(asker, Role.SECURITY, project="shop"),
    ):
        assert (await gate.asker.ask(query, WaiverPage, token=token)).waivers == ()


async def test_commands_twice_count_once_and_lists_are_paged_within_one_project(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(LIMIT))
        await gate.handle(version_created(), "v")
        token = gate.system.token("rita", Role.CONTRIBUTOR, project="shop")
        wish = request_waiver(gate)
        first, again = [await gate.asker.ask(wish, WaiverView, token=token) for _ in range(2)]
        assert first == again
        decision = DecideWaiver(
            command_id="d-twice", project="shop", waiver_id=first.waiver_id, decision="granted", reason=REASON
        )
        sam = gate.system.token("sam", Role.SECURITY, project="shop")
        first, again = [await gate.asker.ask(decision, WaiverView, token=sam) for _ in range(2)]
        assert first == again
        assert len(await said(gate, WaiverGranted)) == 1
        for days in (3, 1, 2, 2):
            await requested(gate, expires_at=gate.clock.now + timedelta(days=days))
        query = ListWaivers(project="shop", application="cart", limit=2)
        seen: list[WaiverView] = []
        for expected in (2, 2, 1):
            page = await gate.asker.ask(query, WaiverPage)
            assert len(page.waivers) == expected
            seen += page.waivers
            query = query.model_copy(update={"after": page.next})
        assert page.next is None
        assert len({one.waiver_id for one in seen}) == 5
        assert [one.expires_at for one in seen] == sorted(one.expires_at for one in seen)
        in_force = ListWaivers(project="shop", state=WaiverState.GRANTED)
        assert [one.waiver_id for one in (await gate.asker.ask(in_force, WaiverPage)).waivers] == [first.waiver_id]

        await decided(gate, seen[0].waiver_id, "refused")
        opened: list[WaiverView] = []
        standing = ListStandingWaivers(limit=3)
        for expected in (3, 1):
            page = await gate.asker.ask(standing, WaiverPage)
            assert len(page.waivers) == expected
            opened += page.waivers
            standing = standing.model_copy(update={"after": page.next})
        assert [one.waiver_id for one in opened] == [one.waiver_id for one in seen[1:]]
        one_project = ListStandingWaivers(project="shop")
        assert (await gate.asker.ask(one_project, WaiverPage, token=token)).waivers == tuple(opened)
        assert (await gate.asker.ask(ListStandingWaivers(), WaiverPage, token=token)).waivers == tuple(opened)

        eve = gate.system.token("eve", Role.SECURITY, project="bank")
        await _wait_for_others_only(gate, sam, eve)
        assert (await gate.asker.ask(ListStandingWaivers(), WaiverPage, token=eve)).waivers == ()
        with pytest.raises(Forbidden):
            await gate.asker.ask(one_project, WaiverPage, token=eve)
        assert (await gate.asker.ask(ListWaivers(project="bank"), WaiverPage, token=eve)).waivers == ()
        for foreign in (
            ShowWaiver(project="bank", waiver_id=first.waiver_id),
            DecideWaiver(command_id="x", project="bank", waiver_id=first.waiver_id, decision="granted"),
        ):
            with pytest.raises(NotFound) as unknown:
                await gate.asker.ask(foreign, WaiverView, token=eve)
            assert unknown.value.code == "waiver_unknown"
        with pytest.raises(Forbidden):
            await gate.asker.ask(ShowWaiver(project="shop", waiver_id=first.waiver_id), WaiverView, token=eve)


async def test_a_covered_rule_that_holds_anyway_needs_no_waiver(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.handle(version_created(), "v")
        await granted(gate, rule="tests-passed", waives=WaivedSubject(artifact=artifact_of("1.0.0")), max_severity=None)
        await gate.handle(evidence_added(piece("bad", failed())), "bad")
        assert await asked(gate, "p-1") is Outcome.ALLOW
        await gate.handle(evidence_added(piece("good", passed(), age=timedelta(0))), "good")
        assert await asked(gate, "p-2") is Outcome.ALLOW
        good, bad = await gate.verdicts()
        assert (len(bad.waivers), len(good.waivers)) == (1, 0)
