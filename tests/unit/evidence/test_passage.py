from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contracts.evidence.v1.commands import AttestPassage
from contracts.facts import ApprovalFacts
from contracts.vocabulary import PromotionKind, Role
from services.evidence.domain import kinds, passage
from services.evidence.domain.passage import Passage, Resource
from services.evidence.handlers.passages import _passage
from shared.errors import Invalid
from shared.trust import statement
from shared.trust.statement import Subject
from tests.support.builders import a_message

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
A, B, C = ("sha256:" + letter * 64 for letter in "abc")
PASSED = Passage(
    subjects=(Subject(B, "gate-1.0.whl"), Subject(A, "hallmark/gate@1.0")),
    verdict_id="vd-1",
    verifier_id="https://hallmark.example/gate",
    verifier_version="1.2.3",
    verified_at=NOW,
    resource_uri="hallmark:hallmark/gate@1.0#qa",
    policy_uri="hallmark:hallmark/policies/qa-entry",
    policy_digest=C,
    policies=(Resource("hallmark:hallmark/policies/qa", A),),
    inputs=(Resource("hallmark:two", C), Resource("hallmark:one", B), Resource("hallmark:two", C)),
    passed=True,
    levels=("HALLMARK_QA_ENTRY",),
)


def test_a_passage_is_a_verification_summary() -> None:
    read = statement.parse(passage.passage_statement(PASSED))
    assert read.predicate_type == "https://slsa.dev/verification_summary/v1"
    assert read.digests == (A, B)
    assert read.predicate == {
        "verifier": {"id": "https://hallmark.example/gate", "version": {"hallmark": "1.2.3"}},
        "timeVerified": "2026-11-23T12:00:00.000000Z",
        "resourceUri": "hallmark:hallmark/gate@1.0#qa",
        "policy": {"uri": "hallmark:hallmark/policies/qa-entry", "digest": {"sha256": "c" * 64}},
        "inputAttestations": [
            {"uri": "hallmark:one", "digest": {"sha256": "b" * 64}},
            {"uri": "hallmark:two", "digest": {"sha256": "c" * 64}},
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": ["HALLMARK_QA_ENTRY"],
        "slsaVersion": "1.0",
        "hallmark_verdict": {"id": "vd-1"},
    }


def test_a_passage_is_a_simple_verification_result_too() -> None:
    read = statement.parse(passage.result_statement(PASSED))
    assert read.predicate_type == "https://in-toto.io/attestation/svr/v0.2"
    assert read.digests == (A, B)
    assert read.predicate == {
        "verifier": {
            "id": "https://hallmark.example/gate",
            "policies": [{"uri": "hallmark:hallmark/policies/qa", "digest": {"sha256": "a" * 64}}],
        },
        "timeCreated": "2026-11-23T12:00:00.000000Z",
        "properties": ["HALLMARK_QA_ENTRY"],
    }
    with pytest.raises(Invalid):
        passage.result_statement(replace(PASSED, passed=False, levels=()))


def test_a_passage_names_the_waivers_that_its_verdict_needed() -> None:
    read = statement.parse(passage.passage_statement(replace(PASSED, waivers=("wv-2", "wv-1", "wv-2"))))
    assert read.predicate["hallmark_verdict"] == {"id": "vd-1", "waivers": ["wv-1", "wv-2"]}
    assert passage.result_statement(replace(PASSED, waivers=("wv-1",))) == passage.result_statement(PASSED)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (PromotionKind.PROMOTE, {}),
        (PromotionKind.RELEASE, {}),
        (PromotionKind.ROLLBACK, {}),
        (PromotionKind.DEMOTE, {"kind": "demote"}),
        (PromotionKind.RECERTIFY, {"kind": "recertify"}),
    ],
)
def test_a_passage_in_place_or_back_says_so(kind: PromotionKind, said: dict[str, str]) -> None:
    read = statement.parse(passage.passage_statement(replace(PASSED, kind=kind)))
    assert read.predicate["hallmark_verdict"] == {"id": "vd-1", **said}
    assert _passage(a_message(AttestPassage).model_copy(update={"kind": kind})).kind is kind


def test_a_withdrawal_names_the_passage_that_did_not_take_place() -> None:
    withdrawal = passage.Withdrawal(Subject(A, "shop/web/1.0"), "pr-1", 2, C, "the move was refused")
    read = statement.parse(passage.withdrawal_statement(withdrawal, NOW))
    assert (read.predicate_type, read.digests) == (statement.WITHDRAWAL_TYPE, (A,))
    assert read.predicate == {
        "passage": {"digest": {"sha256": "c" * 64}},
        "promotion": "pr-1",
        "attempt": 2,
        "because": "the move was refused",
        "withdrawn_at": "2026-11-23T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("release", "trusted", "levels"),
    [
        (True, True, ("HALLMARK_TRUSTED_RELEASE",)),
        (True, False, ("HALLMARK_RELEASE", "HALLMARK_STAGE_PRE-PROD")),
        (False, True, ("HALLMARK_STAGE_PRE-PROD",)),
        (False, False, ("HALLMARK_STAGE_PRE-PROD",)),
    ],
)
def test_only_a_release_that_may_be_trusted_is_called_so(release: bool, trusted: bool, levels: tuple[str, ...]) -> None:
    assert passage.levels_of("pre-prod", release=release, trusted=trusted) == levels


def test_what_the_saga_tells_is_what_is_attested() -> None:
    told = a_message(AttestPassage, release=True, to_stage="prod", trusted=False, waivers=("wv-1",), outcome="allow")
    attested = _passage(told)
    assert (attested.levels, attested.waivers) == (("HALLMARK_RELEASE", "HALLMARK_STAGE_PROD"), ("wv-1",))
    assert _passage(told.model_copy(update={"trusted": True})).levels == ("HALLMARK_TRUSTED_RELEASE",)


def test_a_failed_passage_claims_only_that() -> None:
    read = statement.parse(passage.passage_statement(replace(PASSED, passed=False, levels=())))
    assert read.predicate["verificationResult"] == "FAILED"
    assert read.predicate["verifiedLevels"] == ["FAILED"]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(PASSED, levels=()),
        replace(PASSED, passed=False),
        replace(PASSED, levels=("FAILED",)),
        replace(PASSED, subjects=()),
    ],
)
def test_a_passage_never_contradicts_itself(wrong: Passage) -> None:
    with pytest.raises(Invalid):
        passage.passage_statement(wrong)


def test_the_same_passage_gives_the_same_bytes() -> None:
    shuffled = replace(PASSED, subjects=PASSED.subjects[::-1], inputs=PASSED.inputs[::-1])
    assert passage.passage_statement(PASSED) == passage.passage_statement(shuffled)


def test_an_approval_reads_back_as_the_facts_it_was_made_of() -> None:
    approval = ApprovalFacts(
        decision="approved",
        approver="ada@example.com",
        role=Role.APPROVER,
        stage="prod",
        evidence_set=C,
        reason='looked at "everything"',
    )
    payload = passage.approval_statement([Subject(A)], approval, NOW)
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"
    read = statement.parse(payload)
    reading = kinds.read(read.predicate_type, read.predicate, NOW)
    assert reading.facts == approval
    assert reading.claimed_at == NOW
