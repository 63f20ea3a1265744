"""Evidence whose signers are distrusted: every kind of rule lets it deny, and lets it allow nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.facts import EvidenceItem, Facts
from contracts.vocabulary import Outcome
from shared.errors import Conflict
from shared.policy.dossier import newest
from shared.policy.rules import RULE_KINDS
from tests.unit.gate.gate_builders import (
    VERSION,
    WHEEL,
    approval,
    dossier,
    failed,
    item,
    judge,
    licensed,
    passed,
    policy,
    provenance,
    rule,
    sbom,
    scan,
    signer,
    unreadable,
)

OLD, NEW = timedelta(hours=3), timedelta(hours=1)
CASES: dict[str, tuple[dict[str, Any], Facts, Facts]] = {
    "composition": (rule("composition", covered_by=["tests"]), passed(), unreadable()),
    "provenance": (
        rule("provenance", builders=[{"id": "https://builder.example/runner@v1"}]),
        provenance(),
        provenance(builder_id="https://elsewhere.example"),
    ),
    "licenses": (rule("licenses", allow=["MIT"]), licensed("MIT"), licensed("GPL-2.0-only")),
    "required_evidence": (rule("required_evidence", evidence="sbom"), sbom(), unreadable()),
    "tests_passed": (rule("tests_passed", signer_role="test", max_age="1d"), passed(), failed()),
    "vulnerability_limit": (rule("vulnerability_limit", max={"high": 0}), scan(), scan(high=1)),
}
SBOM_TYPE = {"predicate_type": "https://cyclonedx.org/bom"}
every_kind = pytest.mark.parametrize("kind", CASES)


def distrusted(piece: EvidenceItem, *, revision: int = 1) -> EvidenceItem:
    signers = tuple(one.model_copy(update={"distrusted": True}) for one in piece.signers)
    changed = {"distrusted": True, "problem": "key_distrusted", "signers": signers, "revision": revision}
    return piece.model_copy(update=changed)


def piece(kind: str, name: str, *, good: bool, age: timedelta = NEW) -> EvidenceItem:
    _, fine, bad = CASES[kind]
    return item(name, fine if good else bad, age=age, **(SBOM_TYPE if kind == "required_evidence" else {}))


def outcome(kind: str, *pieces: EvidenceItem) -> Outcome:
    return judge(dossier(*pieces), policy(CASES[kind][0])).outcome


def test_every_kind_of_rule_is_tried() -> None:
    without_evidence = {"soak", "source_branch", "stage_passed", "version_order"}
    # What Rego modules make of it is up to their authors; `test_every_rule_properties.py` tries some that look for it.
    assert {*CASES, *without_evidence, "approvals", "rego", "all_of", "any_of"} == set(RULE_KINDS)


@every_kind
def test_it_allows_nothing_and_no_older_piece_takes_its_place(kind: str) -> None:
    good, older = piece(kind, "e2", good=True), piece(kind, "e1", good=True, age=OLD)
    assert outcome(kind, good, older) is Outcome.ALLOW
    assert outcome(kind, distrusted(good)) is Outcome.PENDING
    assert outcome(kind, distrusted(good), older) is Outcome.PENDING


@every_kind
def test_it_still_denies(kind: str) -> None:
    bad, older = piece(kind, "e2", good=False), piece(kind, "e1", good=True, age=OLD)
    assert outcome(kind, distrusted(bad)) is Outcome.DENY
    assert outcome(kind, distrusted(bad), older) is Outcome.DENY


@every_kind
def test_newer_evidence_by_trusted_keys_replaces_it(kind: str) -> None:
    newer = piece(kind, "e2", good=True)
    for good in (True, False):
        assert outcome(kind, distrusted(piece(kind, "e1", good=good, age=OLD)), newer) is Outcome.ALLOW


def test_the_finding_names_it_and_says_what_to_do() -> None:
    [finding] = judge(dossier(distrusted(item("e1", passed()))), policy(rule("tests_passed"))).findings
    assert "not trusted any more: e1" in finding.observed
    assert "signed by keys that are trusted" in finding.remedy
    assert (finding.evidence, finding.awaits) == (("e1",), "tests")


def test_quorums_and_roles_count_trusted_signers_to_allow_and_all_to_speak() -> None:
    lost = signer("test", "k2").model_copy(update={"distrusted": True})
    one_left: dict[str, Any] = {"signers": (signer("test", "k1"), lost, signer("build", "k3")), "revision": 1}
    two = policy(rule("required_evidence", evidence="tests", signer_role="test", min_signers=2))
    one = policy(rule("required_evidence", evidence="tests", signer_role="test"))
    held = dossier(item("e1", passed(), **one_left))
    assert judge(held, one).outcome is Outcome.ALLOW
    assert judge(held, two).outcome is Outcome.PENDING
    strict = policy(rule("tests_passed", signer_role="test"))
    only_lost: dict[str, Any] = {"signers": (lost, signer("build", "k3")), "revision": 1}
    older = item("e0", passed(), age=OLD)
    assert judge(dossier(older, item("e1", failed(), **only_lost)), strict).outcome is Outcome.DENY
    assert judge(dossier(older, item("e1", passed(), **only_lost)), strict).outcome is Outcome.PENDING


def test_approvals_of_distrusted_signers_do_not_count_and_their_refusals_do() -> None:
    plain = item("e1", sbom())
    seen = dossier(plain).evidence_set_digest
    given = item("a1", approval("anna", seen))
    approvals = policy(rule("approvals", role="approver"))
    assert judge(dossier(plain, given), approvals).outcome is Outcome.ALLOW
    assert judge(dossier(plain, distrusted(given)), approvals).outcome is Outcome.PENDING
    refused = item("a1", approval("anna", seen, "rejected"))
    assert judge(dossier(plain, distrusted(refused)), approvals).outcome is Outcome.DENY


def test_approvals_given_while_the_evidence_was_trusted_do_not_cover_it_afterwards() -> None:
    plain = item("e1", sbom())
    given = item("a1", approval("anna", dossier(plain).evidence_set_digest))
    assert judge(dossier(distrusted(plain), given), policy(rule("approvals", role="approver"))).outcome is not (
        Outcome.ALLOW
    )


def test_a_verdict_from_before_is_another_one_and_the_evidence_set_too() -> None:
    held = dossier(item("e1", passed()))
    after = held.with_item(distrusted(item("e1", passed())))
    warn = policy(rule("tests_passed"), mode="warn")
    assert judge(held, warn).fingerprint != judge(after, warn).fingerprint
    assert held.evidence_set_digest != after.evidence_set_digest


def test_the_newest_judgement_holds_in_whatever_order_it_arrives_and_counts_in_the_position() -> None:
    first = item("e1", passed(), subjects=(WHEEL, VERSION))
    second, third = distrusted(first), distrusted(first, revision=2)
    for order in ((first, second, third), (third, first, second), (second, third, first, first)):
        held = dossier()
        for told in order:
            held = held.with_item(told)
        assert held.items == (third,)
        assert (held.count(WHEEL), held.behind({WHEEL: 3, VERSION: 3})) == (3, ())
    assert dossier(first).behind({WHEEL: 2}) == (WHEEL,), "recorded, and the judgement has not arrived"


@pytest.mark.parametrize(
    "contradiction",
    [
        distrusted(item("e1", failed())),
        distrusted(item("e1", passed())).model_copy(update={"revision": 0}),
        distrusted(item("e1", passed(), age=OLD)),
        item("e1", passed(), subjects=(WHEEL,), revision=1),
    ],
)
def test_a_judgement_can_change_nothing_but_the_standing(contradiction: EvidenceItem) -> None:
    with pytest.raises(Conflict) as raised:
        newest(item("e1", passed()), contradiction)
    assert raised.value.code == "evidence_contradictory"
