from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.facts import EvidenceItem
from contracts.vocabulary import Outcome, Role
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import (
    WHEEL,
    approval,
    context_for,
    dossier,
    item,
    passed,
    rule,
    rule_of,
    signer,
    unreadable,
)

EVIDENCE = item("e1", passed())
SET = dossier(EVIDENCE).evidence_set_digest
OTHER_SET = dossier().evidence_set_digest
TWO = rule("approvals", role="approver", count=2)
ONE = rule("approvals", role="approver")


def answer(written: dict[str, Any], *items: EvidenceItem) -> RuleAnswer:
    held = dossier(EVIDENCE, *items)
    return check(rule_of(written), held, context_for(held, requested_by="rita"))


def test_distinct_approvers_are_counted() -> None:
    anna = item("a1", approval("anna", SET))
    twice = item("a2", approval("anna", SET))
    berta = item("a3", approval("berta", SET))
    waiting = answer(TWO, anna, twice)
    assert (waiting.outcome, waiting.awaits) == (Outcome.PENDING, "approval")
    assert "1 of 2" in waiting.observed
    given = answer(TWO, anna, twice, berta)
    assert (given.outcome, given.evidence) == (Outcome.ALLOW, ("a2", "a3"))


@pytest.mark.parametrize(
    ("facts", "change"),
    [
        (approval("rita", SET), {}),
        (approval("anna", OTHER_SET), {}),
        (approval("anna", SET, stage="qa"), {}),
        (approval("anna", SET, role=Role.ADMIN), {}),
        (approval("anna", SET), {"subjects": (WHEEL,)}),
        (approval("anna", SET), {"verified": False}),
        (unreadable(), {"predicate_type": "https://hallmark.dev/attestation/approval/v1"}),
    ],
)
def test_an_approval_for_anything_else_approves_nothing(facts: Any, change: dict[str, Any]) -> None:
    given = answer(ONE, item("a1", facts, **change))
    assert (given.outcome, given.evidence) == (Outcome.PENDING, ())


def test_an_approval_of_earlier_evidence_is_explained() -> None:
    assert "1 decision(s) were made on other evidence" in answer(ONE, item("a1", approval("anna", OTHER_SET))).observed


def test_one_refusal_of_this_evidence_denies_whoever_else_approved() -> None:
    refused = item("a1", approval("anna", SET, "rejected"), age=timedelta(hours=5))
    given = answer(ONE, refused, item("a2", approval("berta", SET)))
    assert (given.outcome, given.evidence) == (Outcome.DENY, ("a1",))
    assert "anna" in given.observed


def test_a_refusal_yields_only_to_its_authors_newer_decision() -> None:
    refused = item("a2", approval("anna", SET, "rejected"), age=timedelta(hours=5))
    assert answer(ONE, refused, item("a1", approval("anna", SET), age=timedelta(hours=6))).outcome is Outcome.DENY
    assert answer(ONE, refused, item("a1", approval("anna", SET), age=timedelta(hours=4))).outcome is Outcome.ALLOW


def test_a_refusal_of_other_evidence_does_not_deny() -> None:
    assert answer(ONE, item("a1", approval("anna", OTHER_SET, "rejected"))).outcome is Outcome.PENDING


def test_the_requester_may_refuse() -> None:
    assert answer(ONE, item("a1", approval("rita", SET, "rejected"))).outcome is Outcome.DENY


def test_the_key_under_an_approval_can_be_required() -> None:
    written = ONE | {"signer_role": "hallmark"}
    assert answer(written, item("a1", approval("anna", SET), role="build")).outcome is Outcome.PENDING
    given = answer(written, item("a1", approval("anna", SET), signers=(signer("build"), signer("hallmark"))))
    assert given.outcome is Outcome.ALLOW
