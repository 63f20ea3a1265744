"""Abuse of the gate and of promotions, by number, where no other test refuses the case as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.catalog import MESSAGES
from contracts.evidence.v1.commands import RecordBrokenGlass
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.replays import Replay, SimulatedVerdict, Simulation
from contracts.gate.v1.views import Judgement
from contracts.message import Event, Tell
from contracts.promotion.v1.freezes import BreakGlass, GlassBroken
from contracts.promotion.v1.views import Readiness
from contracts.registry.v1.commands import CreateVersion
from contracts.vocabulary import Actor, ActorKind, GateKind, Mode, Outcome, PromotionKind, ReleaseStatus, Role, Trust
from deploy.rights import GATEWAY, PIPELINE, SUBSCRIBER, all_rights
from deploy.system import ALL
from services.gate import wire
from services.gate.domain.waiver import REQUESTED, Waiver, decided
from services.gateway.badge import badge
from services.promotion.domain.passages import Stage, Whereabouts, next_stages, route
from services.registry.domain.moving import WantedMove
from shared.errors import Conflict, Forbidden, Invalid
from shared.identity import EVERYWHERE, Caller
from shared.policy.house_rules import Passage
from shared.policy.policy import read_policy
from tests.unit.gate.gate_builders import (
    NOW,
    TESTS_TYPE,
    approval,
    document,
    dossier,
    failed,
    item,
    judge,
    passed,
    policy,
    rule,
)
from tests.unit.registry.moves import Board, a_move

TESTS = rule("tests_passed")
APPROVED = rule("approvals", role="approver")


@pytest.mark.parametrize(
    "spec",
    [
        {"rules": []},
        {"gates": []},
        {"rules": [rule("all_of", rules=[])]},
        {"rules": [rule("any_of", rules=[])]},
        {"rules": [rule("approvals", role="approver", count=0)]},
        {"rules": [rule("required_evidence", evidence="")]},
    ],
)
def test_36_a_policy_that_asks_for_nothing_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_policy(document(**({"rules": [TESTS]} | spec)))


def test_36_policies_that_stop_nothing_leave_the_gate_closed() -> None:
    held = dossier(item("e1", passed()))
    elsewhere = policy(TESTS, gates=[{"stage": "qa", "gate": "entry"}])
    later = policy(TESTS, effective_on=(NOW + timedelta(days=1)).date().isoformat())
    weak = [policy(TESTS, mode=mode.value) for mode in (Mode.WARN, Mode.SHADOW)]
    for policies in ([], [elsewhere], [later], weak):
        verdict = judge(held, *policies)
        assert verdict.outcome is Outcome.DENY
        assert [one.rule for one in verdict.findings if one.mode is Mode.BLOCK and not one.lets_pass] == ["no_policy"]
    assert judge(held, policy(TESTS)).outcome is Outcome.ALLOW


STAGES = tuple(Stage(name, (), name == "prod") for name in ("dev", "qa", "prod"))


def test_43_no_stage_is_skipped_and_coming_back_is_no_way_around() -> None:
    with pytest.raises(Conflict) as skipped:
        route(STAGES, Whereabouts("dev", {"dev"}), PromotionKind.PROMOTE, "prod")
    assert skipped.value.code == "promotion_skips_stage"
    with pytest.raises(Conflict) as early:
        route(STAGES, Whereabouts(None), PromotionKind.RELEASE, None)
    assert early.value.code == "release_too_early"

    # A rollback goes only where the version has been, and it stands afterwards where it stood before.
    with pytest.raises(Conflict) as stranger:
        route(STAGES, Whereabouts("qa", {"dev", "qa"}), PromotionKind.ROLLBACK, "prod")
    assert stranger.value.code == "rollback_to_stranger"
    board = Board()
    for name in ("1.0", "2.0"):
        board.walk(name, "dev", "qa")
    board.go("1.0", "dev", PromotionKind.ROLLBACK)
    assert board.version("1.0").stage == "qa"
    assert [one.name for one in next_stages(STAGES, Whereabouts("qa"))] == ["prod"]
    refused(board, a_move("dev", "prod"), a_move("qa", "dev"), a_move("dev", "qa"))
    # After a demotion it stands in the earlier stage, and that it was further once opens nothing.
    board.walk("1.0", "prod")
    board.go("1.0", "dev", PromotionKind.DEMOTE)
    refused(board, a_move("dev", "prod"), a_move("dev", "prod", PromotionKind.ROLLBACK), a_move("prod", "prod"))
    refused(board, a_move("prod", "prod", PromotionKind.RECERTIFY))
    assert board.version("1.0").release_status is ReleaseStatus.PRE_RELEASE


def refused(board: Board, *jumps: WantedMove) -> None:
    for jump in jumps:
        with pytest.raises(Conflict) as refusal:
            board.ask("1.0", jump)
        assert refusal.value.code in {
            "version_elsewhere",
            "stage_skipped",
            "rollback_after_demotion",
            "recertify_after_demotion",
        }


MUTABLE = ["latest", "1.0", "sha256:latest", "sha256:" + "A" * 64, "sha512:" + "a" * 128, "", "sha256:" + "a" * 63]


@pytest.mark.parametrize("digest", MUTABLE)
def test_45_a_version_is_made_of_digests_and_nothing_else(digest: str) -> None:
    artifact = {"purl": "pkg:oci/cart?tag=latest", "digest": digest}
    known = {"command_id": "c", "project": "shop", "application": "cart", "version": "1.0"}
    for made_of in ({"artifacts": [artifact]}, {"nested": [digest]}):
        with pytest.raises(ValidationError):
            CreateVersion.model_validate(known | made_of)


def test_47_an_approval_of_an_earlier_digest_or_of_earlier_evidence_is_not_counted() -> None:
    tests = item("e1", passed())
    seen = dossier(tests).evidence_set_digest
    given = item("a1", approval("anna", seen))
    approved = judge(dossier(tests, given), policy(TESTS, APPROVED))
    assert approved.outcome is Outcome.ALLOW
    # New evidence, though it is good: whoever approved has not seen it.
    assert judge(dossier(tests, given, item("e2", passed())), policy(TESTS, APPROVED)).outcome is Outcome.PENDING
    # The next version has another digest; what was said about the one before says nothing about it.
    after = dossier(tests, given, version_digest="sha256:" + "1" * 64, artifacts=("sha256:" + "2" * 64,))
    assert judge(after, policy(APPROVED)).outcome is Outcome.PENDING


ADMIN = Caller(Actor(subject="root", kind=ActorKind.HUMAN), {EVERYWHERE: frozenset({Role.ADMIN})})


def test_48_there_is_no_bypass_for_anybody() -> None:
    """No message passes a gate by: what it would have to do, nobody may say. Glass is broken for freezes only."""
    with pytest.raises(Forbidden) as unapproved:
        ADMIN.require("shop", Role.APPROVER)
    assert unapproved.value.code == "role_missing"
    said = [message.subject for message in MESSAGES if message not in {BreakGlass, GlassBroken, RecordBrokenGlass}]
    words = {word for subject in said for word in subject.replace("-", ".").split(".")}
    assert not words & {"bypass", "override", "force", "break", "breakglass", "emergency", "open", "skip"}

    # An administrator asks through the gateway: what moves, signs, allows or judges is not among what it may publish.
    rights = all_rights(ALL)
    acts = {message.subject for message in MESSAGES if issubclass(message, Tell | Event)}
    for user in (GATEWAY, PIPELINE, SUBSCRIBER):
        assert not acts & set(rights[user].publish), user
        stolen = ("hallmark.tell", "hallmark.evt", "hallmark.>", "hallmark.*")
        own = f"hallmark.evt.{user}.>"
        assert not [one for one in rights[user].publish if one.startswith(stolen) and one != own]


def test_48_a_gate_that_is_closed_is_closed_for_administrators_too() -> None:
    held = dossier(item("e1", failed()))
    kinds = [(who, kind) for who in ("root", "rita") for kind in PromotionKind]
    asked = [judge(held, policy(TESTS), requested_by=who, kind=kind) for who, kind in kinds]
    assert {one.outcome for one in asked} == {Outcome.DENY}
    assert judge(held, requested_by="root").outcome is Outcome.DENY


def test_48_nobody_grants_a_waiver_of_their_own() -> None:
    mine = a_waiver(requested_by="root")
    with pytest.raises(Forbidden) as own:
        decided(mine, "granted", by="root", kind=ActorKind.HUMAN, reason="", at=NOW)
    assert own.value.code == "waiver_own_request"
    with pytest.raises(Forbidden):
        decided(mine, "granted", by="bot", kind=ActorKind.AGENT, reason="", at=NOW)
    assert decided(mine, "granted", by="sue", kind=ActorKind.HUMAN, reason="", at=NOW).decided_by == "sue"


def a_waiver(**fields: Any) -> Waiver:
    known = {
        "waiver_id": "wv-1",
        "project": "shop",
        "application": "cart",
        "policy": "prod-entry",
        "rule": "tests-passed",
        "stage": "prod",
        "subject": {"artifact": "sha256:" + "a" * 64},
        "max_severity": None,
        "reason": "why",
        "requested_at": NOW,
        "expires_at": NOW + timedelta(days=1),
        "state": REQUESTED,
    }
    return Waiver.model_validate(known | fields)


def test_53_nothing_can_be_based_on_what_the_gates_would_say() -> None:
    verdict = judge(dossier(item("e1", passed())), policy(TESTS))
    assert verdict.outcome is Outcome.ALLOW
    dry = wire.judgement(verdict)
    assert type(dry) is Judgement
    for answer in (Judgement, Readiness, Replay, SimulatedVerdict, Simulation):
        assert not {"signature", "clearance"} & set(answer.model_fields), answer
    assert not {"verdict_id", "promotion_id", "attempt"} & {*Judgement.model_fields, *Readiness.model_fields}
    with pytest.raises(ValidationError):
        VerdictIssued.model_validate(dry.model_dump())
    # Whoever wants one to act on asks by a tell that no gateway may send.
    assert issubclass(EvaluateGates, Tell)


def test_54_a_release_without_every_gate_has_no_badge_and_no_trust() -> None:
    way = route(STAGES, Whereabouts("qa", {"dev", "qa"}), PromotionKind.PROMOTE, None)
    assert [(one.stage, one.gate) for one in way.gates] == [
        ("qa", GateKind.EXIT),
        ("prod", GateKind.ENTRY),
        ("prod", GateKind.RELEASE),
    ]
    assert Board().walk("1.0", "dev", "qa").release_status is ReleaseStatus.PRE_RELEASE
    for trust in (None, Trust.NONE):
        assert "not released" in badge(trust, "1.0")
    assert "trusted" not in badge(Trust.TRUSTED, "1.0", status=ReleaseStatus.RELEASED)
    held = dossier(item("e1", passed(), predicate_type=TESTS_TYPE))
    passages = tuple(Passage(stage=one.stage, gate=one.gate) for one in way.gates)
    everywhere = policy(TESTS, gates=[{"stage": "*", "gate": "*"}])
    assert judge(held, everywhere, passages=passages).outcome is Outcome.ALLOW
    for left_out in passages:
        others = [{"stage": one.stage, "gate": one.gate.value} for one in passages if one is not left_out]
        assert judge(held, policy(TESTS, gates=others), passages=passages).outcome is Outcome.DENY
