"""What must hold of every decision, whatever the evidence."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.facts import ApprovalFacts, EvidenceItem, Facts, TestFacts, UnreadableFacts, VulnerabilityFacts
from contracts.vocabulary import Outcome
from shared.policy.dossier import Dossier
from tests.unit.gate.gate_builders import (
    IMAGE,
    VERSION,
    WHEEL,
    approval,
    dossier,
    failed,
    item,
    judge,
    passed,
    policy,
    rule,
    sbom,
    scan,
    unreadable,
)

EVIDENCE_POLICY = policy(
    rule("tests_passed", signer_role="test", max_age="7d"),
    rule("required_evidence", evidence="sbom", max_age="30d"),
    rule("vulnerability_limit", max={"critical": 0}),
    name="evidence",
)
APPROVAL_POLICY = policy(rule("approvals", role="approver"), name="approval")

_FACTS: st.SearchStrategy[Facts] = st.sampled_from(
    [passed(), passed(), failed(), sbom(), sbom(), scan(), scan(), scan(critical=1), unreadable()]
)
_SUBJECTS = st.sampled_from([(VERSION,), (VERSION,), (WHEEL,), (IMAGE,), (WHEEL, IMAGE)])
_ROLES = st.sampled_from(["test", "test", "build"])
_AGES = st.integers(min_value=1, max_value=10).map(lambda days: timedelta(days=days))
_ARTIFACTS = st.sampled_from([(), (WHEEL,), (WHEEL, IMAGE)])


_DISTRUSTED = st.sampled_from([False] * 7 + [True])


def distrusted(piece: EvidenceItem) -> EvidenceItem:
    return piece.model_copy(update={"distrusted": piece.verified, "revision": int(piece.verified)})


@st.composite
def dossiers(draw: st.DrawFn, *, with_approvals: bool = False) -> Dossier:
    items = [
        item(f"e{n}", draw(_FACTS), subjects=draw(_SUBJECTS), role=draw(_ROLES), age=draw(_AGES), verified=verified)
        for n, verified in enumerate(draw(st.lists(st.sampled_from([True, True, True, False]), max_size=7)))
    ]
    # Half of the examples start complete: an allowance must be common enough for its loss to be seen.
    if draw(st.booleans()):
        items += [item("g1", passed(), age=draw(_AGES)), item("g2", sbom(), age=draw(_AGES)), item("g3", scan())]
    items = [distrusted(one) if draw(_DISTRUSTED) else one for one in items]
    held = dossier(*items, artifacts=draw(_ARTIFACTS))
    if not with_approvals:
        return held
    seen = held.evidence_set_digest
    decisions = draw(st.lists(st.tuples(st.sampled_from(["anna", "rita"]), st.booleans()), max_size=2))
    for n, (who, approves) in enumerate(decisions):
        facts = approval(who, seen, "approved" if approves else "rejected")
        held = held.with_item(item(f"a{n}", facts, age=draw(_AGES)))
    return held


def without(held: Dossier, gone: EvidenceItem) -> Dossier:
    return replace(held, items=tuple(i for i in held.items if i is not gone))


def denies(piece: EvidenceItem) -> bool:
    """Whether this piece alone says something bad."""
    match piece.facts:
        case UnreadableFacts():
            return True
        case TestFacts(result=result):
            return result != "passed"
        case VulnerabilityFacts(counts=counts):
            return any(counts.values())
        case ApprovalFacts(decision=decision):
            return decision == "rejected"
        case _:
            return False


@pytest.mark.thorough
@given(dossiers(with_approvals=True))
def test_withholding_recorded_evidence_never_opens_a_gate(held: Dossier) -> None:
    recorded = {digest: held.count(digest) for digest in held.subjects}
    before = judge(held, EVIDENCE_POLICY, APPROVAL_POLICY, positions=recorded)
    if before.outcome is not Outcome.ALLOW:
        for piece in held.items:
            if held.subjects.isdisjoint(piece.subjects):
                continue
            after = judge(without(held, piece), EVIDENCE_POLICY, APPROVAL_POLICY, positions=recorded)
            assert after.outcome is not Outcome.ALLOW


@pytest.mark.thorough
@given(dossiers())
def test_even_unrecorded_only_a_piece_that_itself_denies_can_open_a_gate_by_its_absence(held: Dossier) -> None:
    before = judge(held, EVIDENCE_POLICY)
    for piece in held.items:
        after = judge(without(held, piece), EVIDENCE_POLICY)
        if before.outcome is not Outcome.ALLOW and after.outcome is Outcome.ALLOW:
            assert piece.verified
            assert denies(piece) or piece.distrusted


@pytest.mark.thorough
@given(dossiers(with_approvals=True))
def test_distrust_never_opens_a_gate_and_takes_every_denial_by_evidence_along(held: Dossier) -> None:
    before = judge(held, EVIDENCE_POLICY, APPROVAL_POLICY)
    evidence = judge(held, EVIDENCE_POLICY).outcome
    for piece in held.items:
        after = replace(held, items=tuple(distrusted(i) if i is piece else i for i in held.items))
        if before.outcome is not Outcome.ALLOW:
            assert judge(after, EVIDENCE_POLICY, APPROVAL_POLICY).outcome is not Outcome.ALLOW
        if evidence is Outcome.DENY:
            assert judge(after, EVIDENCE_POLICY).outcome is Outcome.DENY


@given(dossiers(), st.integers(min_value=1, max_value=60))
def test_time_alone_never_opens_a_gate(held: Dossier, days: int) -> None:
    older = replace(
        held, items=tuple(i.model_copy(update={"made_at": i.made_at - timedelta(days=days)}) for i in held.items)
    )
    before, after = judge(held, EVIDENCE_POLICY), judge(older, EVIDENCE_POLICY)
    assert (before.outcome is Outcome.DENY) == (after.outcome is Outcome.DENY)
    assert not (before.outcome is Outcome.PENDING and after.outcome is Outcome.ALLOW)


@given(dossiers(with_approvals=True))
def test_without_any_policy_nothing_is_allowed(held: Dossier) -> None:
    assert judge(held).outcome is Outcome.DENY


@given(dossiers(with_approvals=True), st.randoms(use_true_random=False))
def test_order_never_matters(held: Dossier, shuffler: random.Random) -> None:
    items, policies = list(held.items), [EVIDENCE_POLICY, APPROVAL_POLICY]
    shuffler.shuffle(items)
    shuffler.shuffle(policies)
    shuffled = replace(held, items=tuple(items))
    assert judge(shuffled, *policies) == judge(held, EVIDENCE_POLICY, APPROVAL_POLICY)


@given(dossiers(with_approvals=True), _FACTS, _SUBJECTS)
def test_unverified_evidence_changes_nothing_but_counts(
    held: Dossier, facts: TestFacts, subjects: tuple[str, ...]
) -> None:
    extra = item("unverified", facts, subjects=subjects, verified=False)
    more = held.with_item(extra)
    assert judge(more, EVIDENCE_POLICY, APPROVAL_POLICY) == judge(held, EVIDENCE_POLICY, APPROVAL_POLICY)
    for subject in held.subjects.intersection(subjects):
        assert more.count(subject) == held.count(subject) + 1
