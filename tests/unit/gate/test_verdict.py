from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.facts import EvidenceItem
from contracts.vocabulary import GateKind, Mode, Outcome
from shared.digests import sha256_digest
from shared.errors import Invalid
from shared.policy.house_rules import Passage
from shared.policy.verdict import DecisionContext, Verdict, decide
from tests.unit.gate.gate_builders import (
    NOW,
    VERSION,
    dossier,
    failed,
    item,
    judge,
    passed,
    policy,
    rule,
    sbom,
)

TESTS = policy(rule("tests_passed", max_age="7d"), name="tests")
SBOM = policy(rule("required_evidence", evidence="sbom", max_age="5d"), name="sbom")
GOOD = (item("e1", passed()), item("e2", sbom()))
PROD = Passage(stage="prod", gate=GateKind.ENTRY)
QA_EXIT = Passage(stage="qa", gate=GateKind.EXIT)


def beyond_the_calendar() -> EvidenceItem:
    """A well-formed piece whose age cannot be computed: no date follows the one it names."""
    return item("e1", passed()).model_copy(update={"made_at": datetime.max.replace(tzinfo=UTC)})


def test_allows_when_every_blocking_rule_does_and_says_what_it_used() -> None:
    given = judge(dossier(*GOOD), TESTS, SBOM)
    assert given.outcome is Outcome.ALLOW
    assert [f.outcome for f in given.findings] == [Outcome.ALLOW, Outcome.ALLOW]
    assert given.policies == tuple(sorted((TESTS.digest, SBOM.digest)))
    assert [(e.evidence_id, e.content_digest) for e in given.evidence] == [
        ("e1", sha256_digest(b"e1")),
        ("e2", sha256_digest(b"e2")),
    ]
    assert (given.id, given.version_digest, given.requested_by, given.judged_at) == ("verdict-1", VERSION, "rita", NOW)


def test_no_policy_denies_with_a_stable_rule_id_and_a_remedy() -> None:
    given = judge(dossier(*GOOD))
    assert given.outcome is Outcome.DENY
    (finding,) = given.findings
    assert (finding.rule, finding.outcome, finding.stage) == ("no_policy", Outcome.DENY, "prod")
    assert finding.remedy


@pytest.mark.parametrize("mode", [Mode.WARN, Mode.SHADOW])
def test_what_does_not_block_neither_stops_nor_allows(mode: Mode) -> None:
    watching = policy(rule("tests_passed", min_passed=99), name="watching", mode=mode.value)
    alone = judge(dossier(*GOOD), watching)
    assert [f.rule for f in alone.findings] == ["tests-passed", "no_policy"]
    assert alone.outcome is Outcome.DENY
    beside = judge(dossier(*GOOD), watching, TESTS)
    assert beside.outcome is Outcome.ALLOW
    assert {(f.mode, f.outcome) for f in beside.findings} == {(mode, Outcome.DENY), (Mode.BLOCK, Outcome.ALLOW)}


def test_every_passage_needs_its_own_policy_unless_it_is_open() -> None:
    assert judge(dossier(*GOOD), TESTS, passages=(QA_EXIT, PROD)).outcome is Outcome.DENY
    opened = QA_EXIT.model_copy(update={"open": True})
    assert judge(dossier(*GOOD), TESTS, passages=(opened, PROD)).outcome is Outcome.ALLOW
    assert judge(dossier(), passages=(opened,)).outcome is Outcome.ALLOW


def test_an_open_passage_still_obeys_its_policies() -> None:
    opened = PROD.model_copy(update={"open": True})
    assert judge(dossier(item("e1", failed())), TESTS, passages=(opened,)).outcome is Outcome.DENY


def test_to_judge_no_gate_is_refused() -> None:
    with pytest.raises(Invalid) as raised:
        decide([TESTS], dossier(*GOOD), (), DecisionContext("verdict-1", "rita"), NOW)
    assert raised.value.code == "passages_missing"


def test_the_worst_answer_holds() -> None:
    assert judge(dossier(item("e2", sbom())), TESTS, SBOM).outcome is Outcome.PENDING
    assert judge(dossier(item("e1", failed())), TESTS, SBOM).outcome is Outcome.DENY
    broken = judge(dossier(beyond_the_calendar()), TESTS, SBOM)
    assert broken.outcome is Outcome.ERROR
    assert [f.outcome for f in broken.findings] == [Outcome.PENDING, Outcome.ERROR]


def test_a_rule_that_breaks_is_shown_without_its_inner_message() -> None:
    finding = judge(dossier(beyond_the_calendar()), TESTS).findings[0]
    assert finding.outcome is Outcome.ERROR
    assert finding.observed == "The rule could not be judged: OverflowError."
    assert finding.remedy


def test_what_the_policy_advises_replaces_the_built_in_remedy_only_when_it_fails() -> None:
    advising = policy(rule("tests_passed", remedy="Ask QA."))
    assert judge(dossier(item("e1", failed())), advising).findings[0].remedy == "Ask QA."
    assert judge(dossier(*GOOD), advising).findings[0].remedy == ""


def test_an_allowance_ends_with_the_first_evidence_that_grows_too_old() -> None:
    held = dossier(item("e1", passed(), age=timedelta(days=1)), item("e2", sbom(), age=timedelta(days=2)))
    assert judge(held, TESTS, SBOM).valid_until == NOW + timedelta(days=3)
    watching = policy(rule("required_evidence", evidence="sbom", max_age="3d"), name="watching", mode="warn")
    assert judge(held, TESTS, watching).valid_until == NOW + timedelta(days=6)
    assert judge(dossier(held.items[0]), TESTS, SBOM).valid_until is None


def test_nothing_is_judged_before_all_recorded_evidence_has_arrived() -> None:
    waiting = judge(dossier(*GOOD), TESTS, positions={VERSION: 3})
    assert waiting.outcome is Outcome.PENDING
    assert [(f.rule, f.awaits) for f in waiting.findings] == [("dossier_behind", "evidence")]
    assert judge(dossier(*GOOD), TESTS, positions={VERSION: 2}).outcome is Outcome.ALLOW


def test_the_fingerprint_changes_with_everything_that_is_read_and_not_with_the_time() -> None:
    base = judge(dossier(*GOOD), TESTS)
    later = decide([TESTS], dossier(*GOOD), (PROD,), DecisionContext("verdict-2", "rita"), NOW + timedelta(hours=1))
    assert later.fingerprint == base.fingerprint
    others = [
        judge(dossier(*GOOD, item("e3", sbom())), TESTS),
        judge(dossier(*GOOD), TESTS, SBOM),
        judge(dossier(*GOOD), TESTS, requested_by="anna"),
        judge(dossier(*GOOD), TESTS, passages=(PROD, QA_EXIT)),
        judge(dossier(*GOOD, version_digest=sha256_digest(b"other"), artifacts=(VERSION,)), TESTS),
        judge(dossier(*GOOD, labels={}), TESTS),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_a_policy_given_twice_or_for_another_project_changes_nothing() -> None:
    foreign = TESTS.model_copy(update={"metadata": TESTS.metadata.model_copy(update={"project": "other"})})
    assert judge(dossier(*GOOD), TESTS, TESTS, foreign) == judge(dossier(*GOOD), TESTS)


def test_survives_storage() -> None:
    given = judge(dossier(*GOOD), TESTS)
    assert Verdict.model_validate(given.model_dump(mode="json")) == given
