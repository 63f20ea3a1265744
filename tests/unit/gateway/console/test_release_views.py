"""What the pages of versions and promotions make of the services' answers."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.facts import (
    ApprovalFacts,
    CoverageFacts,
    DeploymentFacts,
    EvidenceItem,
    Facts,
    OtherFacts,
    ProvenanceFacts,
    SbomFacts,
    SummaryFacts,
    TestFacts,
    UnreadableFacts,
    VexFacts,
    VulnerabilityFacts,
)
from contracts.findings import Finding, Violation
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.views import ConsideredEvidence, PolicyView, VerdictView
from contracts.gate.v1.waivers import WaiverState, WaiverView
from contracts.promotion.v1.views import ApprovalView, PromotionView, Transition
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Criticality, GateKind, Mode, Outcome, PromotionState, ReleaseStatus, Role
from deploy.examples import example_of
from services.gateway.console import evidence_views, finding_views, promotion_views, version_views, waiver_views
from services.gateway.console.finding_views import About

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DIGEST = "sha256:" + "1" * 64
ABOUT = About("shop", "web", "1.0", DIGEST)
S = PromotionState


def finding(rule: str = "a-rule", outcome: Outcome = Outcome.DENY, **more: Any) -> Finding:
    quiet = {"waived": (), "violations": (), "violation_count": 0, "awaits": None, "passes_at": None}
    known = example_of(Finding).model_dump() | quiet | {"rule": rule, "outcome": outcome, "effective_on": None}
    return Finding.model_validate(known | {"mode": Mode.BLOCK} | more)


def a_promotion(*states: PromotionState, **more: Any) -> PromotionView:
    history = tuple(
        Transition(state=state, at=NOW + timedelta(minutes=place), because=f"step {place}", verdict_id=f"vd-{place}")
        for place, state in enumerate(states)
    )
    quiet = {"queue_position": None, "frozen_by": None, "findings": (), "approvals": (), "superseded_by": None}
    known = example_of(PromotionView).model_dump() | quiet | {"state": states[-1], "history": history}
    return PromotionView.model_validate(known | more)


def a_verdict() -> VerdictView:
    return VerdictView.model_validate(example_of(VerdictIssued).model_dump())


def test_what_stands_in_the_way_is_shown_first() -> None:
    found = finding_views.rows(
        [
            finding("passes", Outcome.ALLOW),
            finding("shadow", mode=Mode.SHADOW),
            finding("waived", waived=("wv-1",)),
            finding("waits", Outcome.PENDING),
            finding("later", effective_on=NOW),
            finding("broken", Outcome.ERROR),
            finding("denies"),
        ],
        ABOUT,
    )
    assert [(row.finding.rule, row.state, row.stops) for row in found] == [
        ("broken", "not judged", True),
        ("denies", "failed", True),
        ("waits", "awaited", True),
        ("waived", "waived", False),
        ("shadow", "warns", False),
        ("later", "announced", False),
        ("passes", "passed", False),
    ]
    assert finding_views.counts(found)[:2] == (("passed", 1, "good"), ("waived", 1, "info"))


def test_one_rule_at_several_gates_is_one_row() -> None:
    both = [finding(gate=GateKind.ENTRY), finding(gate=GateKind.RELEASE)]
    [row] = finding_views.rows(both, ABOUT)
    assert row.gates == "entry and release"
    assert len(finding_views.rows([both[0], finding(gate=GateKind.RELEASE, observed="else")], ABOUT)) == 2


def test_the_next_step_is_a_page_or_the_exact_command() -> None:
    against = Violation(says="bad", vulnerability="CVE-1", component="pkg:pypi/a@1", severity="high", artifact=DIGEST)
    covered = Violation(says="tolerated", vulnerability="CVE-2", waived_by="wv-1")
    [row] = finding_views.rows([finding(violations=(against, covered), violation_count=2)], ABOUT)
    [step] = row.steps
    assert step.says == "Ask for a waiver: CVE-1 in pkg:pypi/a@1"
    where = urlsplit(step.path)
    assert where.path == "/projects/shop/waivers/new"
    asked = parse_qs(where.query)
    assert (asked["vulnerability"], asked["artifact"], asked["severity"]) == (["CVE-1"], [DIGEST], ["high"])
    assert asked["rule"] == ["a-rule"]

    [row] = finding_views.rows([finding(outcome=Outcome.PENDING, awaits="tests")], ABOUT)
    assert row.steps[0].path == "/projects/shop/applications/web/versions/1.0/evidence#send"
    assert row.steps[1].command.splitlines() == [
        f"hallmark evidence sign results.xml --type test-result --subject web={DIGEST} --key key.pem -o evidence.json",
        "hallmark evidence attach evidence.json -p shop",
    ]
    awaits = [finding(outcome=Outcome.PENDING, awaits="approval")]
    assert finding_views.rows(awaits, ABOUT)[0].steps[0].path == ""
    asked_for = About("shop", "web", "1.0", DIGEST, promotion_id="pr-1")
    assert finding_views.rows(awaits, asked_for)[0].steps[0].path == "/projects/shop/promotions/pr-1"


def test_a_combined_rule_leaves_the_next_steps_to_its_parts() -> None:
    against = (Violation(says="bad", vulnerability="CVE-1"),)
    part = finding("part", violations=against, violation_count=1)
    [row] = finding_views.rows([finding("whole", parts=(part,), violations=against, violation_count=1)], ABOUT)
    assert (row.steps, row.lists) == ((), False)
    assert "rule=part" in row.parts[0].steps[0].path


def test_one_thing_that_is_said_already_is_not_listed_again() -> None:
    said = (Violation(says="one bad thing"),)
    rows = [
        finding("said", observed="There is one bad thing.", violations=said, violation_count=1),
        finding("other", observed="Not good.", violations=said, violation_count=1),
    ]
    assert {row.finding.rule: row.lists for row in finding_views.rows(rows, ABOUT)} == {"said": False, "other": True}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((S.REQUESTED,), "now ahead ahead ahead ahead"),
        ((S.REQUESTED, S.CHECKING), "done now ahead ahead ahead"),
        ((S.REQUESTED, S.CHECKING, S.APPLYING), "done done skipped now ahead"),
        ((S.REQUESTED, S.CHECKING, S.APPLYING, S.COMPLETED), "done done skipped done good"),
        ((S.REQUESTED, S.CHECKING, S.DENIED), "done done skipped skipped bad"),
        ((S.REQUESTED, S.CHECKING, S.APPLYING, S.COMPENSATING, S.FAILED), "done done skipped done done bad"),
    ],
)
def test_a_promotion_is_a_way_with_an_end(states: tuple[PromotionState, ...], expected: str) -> None:
    assert " ".join(step.state for step in promotion_views.saga(a_promotion(*states))) == expected


def test_each_attempt_checks_again() -> None:
    steps = promotion_views.saga(a_promotion(S.REQUESTED, S.CHECKING, S.CHECKING, S.AWAITING_APPROVAL, S.CHECKING))
    assert [(step.title, step.times) for step in steps[1:3]] == [("Checking", 2), ("Awaiting approval", 1)]


def test_what_a_promotion_waits_for_is_named_with_its_end() -> None:
    waiting = finding(outcome=Outcome.PENDING, awaits="tests", title="Tests", observed="none yet", stage="qa")
    soak = finding("soak", Outcome.PENDING, passes_at=NOW, title="Soak", stage="qa")
    held = a_promotion(S.CHECKING, findings=(waiting, waiting, soak), queue_position=1, frozen_by="xmas")
    assert [one.what for one in promotion_views.waits(held)] == [
        f"its turn at {held.to_stage}",
        "the end of the freeze xmas",
        "tests at qa: Tests",
        "time at qa: Soak",
    ]
    assert promotion_views.waits(held)[-1].until == NOW
    assert promotion_views.waits(a_promotion(S.CHECKING, S.DENIED, findings=(waiting,))) == ()


def test_nobody_answers_for_what_they_asked_for() -> None:
    one = a_promotion(S.CHECKING, S.AWAITING_APPROVAL, requested_by="Rita")
    assert promotion_views.why_not_answer(one, "ada", approver=True) == ""
    assert "role approver" in promotion_views.why_not_answer(one, "ada", approver=False)
    assert "somebody else" in promotion_views.why_not_answer(one, " rita", approver=True)
    ended = a_promotion(S.CHECKING, S.COMPLETED)
    assert promotion_views.why_not_answer(ended, "ada", approver=True) == "No answer is awaited now."


def test_what_has_changed_since_an_answer_is_named() -> None:
    answer = example_of(ApprovalView).model_copy(update={"at": NOW + timedelta(minutes=1, seconds=1)})
    one = a_promotion(S.REQUESTED, S.AWAITING_APPROVAL, S.CHECKING, approvals=(answer,))
    assert promotion_views.answered_on(one) == (answer, "vd-1")
    assert promotion_views.answered_on(one.model_copy(update={"approvals": ()})) == (None, "vd-0")

    def verdict(**records: str) -> VerdictView:
        considered = tuple(
            ConsideredEvidence(evidence_id=name, content_digest=DIGEST, record=f"sha256:{digit * 64}")
            for name, digit in records.items()
        )
        return a_verdict().model_copy(update={"considered": considered})

    found = promotion_views.changes(verdict(a="1", b="2", c="3"), verdict(a="1", b="9", d="4"), "then")
    assert (found.added, found.removed, found.changed, found.any) == (("d",), ("c",), ("b",), True)
    assert not promotion_views.changes(verdict(a="1"), verdict(a="1"), "then").any


def test_each_gate_is_shown_with_its_newest_verdict() -> None:
    newest = a_verdict().model_copy(update={"verdict_id": "vd-new"})
    oldest = newest.model_copy(update={"verdict_id": "vd-old"})
    found = version_views.newest_by_gate([newest, oldest], ABOUT)
    assert {one.verdict.verdict_id for one in found} == {"vd-new"}
    assert len(found) == len({(one.stage, one.gate) for one in newest.passages})


def test_a_version_without_a_lifecycle_still_has_a_page() -> None:
    version = VersionView(
        project="shop",
        application="web",
        version="1.0",
        digest=DIGEST,
        artifacts=(),
        created_at=NOW,
        created_by="ann",
        release_status=ReleaseStatus.PRE_RELEASE,
        lifecycle=(),
        criticality=Criticality.HIGH,
        draft=True,
    )
    assert version_views.way(version, None) == ()
    assert version_views.about(version).artifact is None
    assert version_views.standing_word(version, None) == "draft"


EVERY_KIND: tuple[Facts, ...] = (
    SbomFacts(format="spdx", spec_version="2.3", component_count=3),
    TestFacts(result="failed", passed=2, failed=1, failed_names=("x",)),
    CoverageFacts(lines=80.5),
    VulnerabilityFacts(scanner="s", counts={"critical": 1, "low": 0}),
    ProvenanceFacts(builder_id="https://builder", build_type="t"),
    example_of(VexFacts),
    SummaryFacts(verifier_id="v", verdict="passed", resource_uri="r", levels=("SLSA_BUILD_LEVEL_3",)),
    DeploymentFacts(environment="prod", deployed_at=NOW),
    ApprovalFacts(decision="approved", approver="ada", role=Role.APPROVER, stage="prod", evidence_set=DIGEST),
    OtherFacts(text="{}"),
    UnreadableFacts(where="/a", problem="no number"),
)


@pytest.mark.parametrize("facts", EVERY_KIND, ids=lambda facts: facts.kind)
def test_every_kind_of_evidence_is_summed_up_in_a_line(facts: Facts) -> None:
    found = evidence_views.summary(facts)
    assert found.line
    item = example_of(EvidenceItem).model_copy(update={"facts": facts})
    assert evidence_views.title(item)
    assert all(len(row) == len(table.heads) for table in found.tables for row in table.rows)


def test_evidence_says_whether_it_counts_and_why() -> None:
    item = example_of(EvidenceItem).model_copy(update={"verified": False, "problem": "key_distrusted"})
    assert evidence_views.counts(item) == "Counts for nothing: its key was distrusted when it came."
    unknown = item.model_copy(update={"problem": "of_later_days"})
    assert evidence_views.counts(unknown) == "Counts for nothing: of_later_days."
    believed = item.model_copy(update={"verified": True, "problem": None, "distrusted": False})
    assert evidence_views.counts(believed).startswith("Counts: signed in the role ")
    assert "allows nothing" in evidence_views.counts(believed.model_copy(update={"distrusted": True}))


def test_an_envelope_is_opened_for_reading_and_anything_else_shown_as_it_is() -> None:
    payload = base64.b64encode(b'{"a":1}').decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload}
    for given in (envelope, {"dsseEnvelope": envelope}):
        found = evidence_views.opened(json.dumps(given).encode())
        assert (found.text, found.payload_type, found.problem) == ('{\n  "a": 1\n}', envelope["payloadType"], "")
    for broken in (b"\xff\x00", b"[" * 100_000, b"7", b"[]", b'{"payload": "?"}', b'{"payload": 3}', b'{"a": 1}'):
        found = evidence_views.opened(broken)
        assert found.problem
        assert len(found.text) <= evidence_views.MOST_SHOWN
    long = evidence_views.opened(b"x" * (evidence_views.MOST_SHOWN + 1))
    assert (long.is_cut, len(long.text)) == (True, evidence_views.MOST_SHOWN)


def test_the_policy_says_who_decides_about_waivers_and_for_how_long() -> None:
    terms = {"approver_role": "release_manager", "max_duration": "12h", "trusted": False}
    policy = example_of(PolicyView).model_copy(update={"document": {"spec": {"waivers": terms}}})
    found = waiver_views.terms_of(policy)
    assert (found.approver_role, found.longest_days, found.trusted) == (Role.RELEASE_MANAGER, 1, False)
    for silent in (None, policy.model_copy(update={"document": {}})):
        assert waiver_views.terms_of(silent) == waiver_views.Terms()
        assert waiver_views.Terms().longest_days == 90


def test_nobody_decides_about_their_own_waiver() -> None:
    asked = example_of(WaiverView).model_copy(update={"state": WaiverState.REQUESTED, "requested_by": "rita"})
    terms = waiver_views.Terms()
    assert waiver_views.why_not_decide(asked, "sam", terms, holds_role=True) == ""
    assert "somebody else" in waiver_views.why_not_decide(asked, "rita", terms, holds_role=True)
    assert "security" in waiver_views.why_not_decide(asked, "ada", terms, holds_role=False)
    over = asked.model_copy(update={"state": WaiverState.REFUSED})
    assert waiver_views.why_not_decide(over, "sam", terms, holds_role=True) == "It is decided."
    assert next(iter(waiver_views.history(asked))).what == "requested"
