from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.circumstances import Circumstances, WaivedSubject, WaiverFacts
from contracts.facts import EvidenceItem, UnreadableFacts
from contracts.findings import Violation
from contracts.vocabulary import GateKind, Outcome, Severity
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy
from shared.policy.rules.rule import Problem, RuleAnswer, weigh
from shared.policy.verdict import DecisionContext, Verdict, decide
from shared.policy.waivers import Waivers
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    VERSION,
    WHEEL,
    dossier,
    failed,
    granted_waiver,
    item,
    judge,
    passed,
    policy,
    rule,
    sbom,
    scan,
)

TESTS = rule("tests_passed")
LIMIT = rule("vulnerability_limit", max={"critical": 0, "high": 0})
BAD = item("e1", failed(), subjects=(WHEEL,))
PROD = Passage(stage="prod", gate=GateKind.ENTRY)
CVE = "CVE-critical-0"


def waiver(rule_id: str = "tests-passed", name: str = "w1", **changes: Any) -> WaiverFacts:
    subject = changes.pop("subject", WaivedSubject(artifact=WHEEL))
    return granted_waiver(rule_id, subject, waiver_id=name, **({"requested_by": "dora"} | changes))


def verdict(
    written: Policy, *known: WaiverFacts, items: tuple[EvidenceItem, ...] = (BAD,), after: Any = None
) -> Verdict:
    held = dossier(*items, circumstances=Circumstances(waivers=known))
    asked = DecisionContext(verdict_id="verdict-1", requested_by="rita")
    return decide([written], held, (PROD,), asked, NOW + (after or timedelta()))


def test_what_is_waived_passes_and_is_still_shown() -> None:
    given = verdict(policy(TESTS), waiver())
    [finding] = given.findings
    assert (given.outcome, finding.outcome, finding.waived) == (Outcome.ALLOW, Outcome.DENY, ("w1",))
    assert [one.waived_by for one in finding.violations] == ["w1"]
    assert [one.waiver_id for one in given.waivers] == ["w1"]
    assert given.may_be_trusted


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "other"},
        {"policy": "other"},
        {"stage": "qa"},
        {"subject": WaivedSubject(artifact=IMAGE)},
        {"subject": WaivedSubject()},
        {"subject": WaivedSubject(vulnerability="*")},
        {"subject": WaivedSubject(artifact=WHEEL, component="pkg:pypi/x")},
        {"approved_by": "dora"},
        {"granted_at": NOW + timedelta(minutes=1)},
        {"expires_at": NOW},
        {"expires_at": NOW - timedelta(days=2)},
        {"expires_at": NOW + timedelta(days=90)},
        {"max_severity": Severity.CRITICAL},
    ],
)
def test_49_a_waiver_for_anything_else_covers_nothing(changes: dict[str, Any]) -> None:
    assert verdict(policy(TESTS), waiver(**changes)).outcome is Outcome.DENY


@pytest.mark.parametrize("terms", [{"allowed": False}, {"max_duration": "1d"}, {"max_duration": "47h"}])
def test_policies_allow_no_waivers_or_shorter_ones(terms: dict[str, Any]) -> None:
    assert verdict(policy(TESTS, waivers=terms), waiver()).outcome is Outcome.DENY
    assert verdict(policy(TESTS, waivers={"max_duration": "2d"}), waiver()).outcome is Outcome.ALLOW


def test_a_waiver_for_the_version_covers_each_of_its_artifacts() -> None:
    assert verdict(policy(TESTS), waiver(subject=WaivedSubject(artifact=VERSION))).outcome is Outcome.ALLOW


def test_50_the_verdict_ends_before_the_first_waiver_it_needs() -> None:
    longer = waiver(name="w2", rule_id="vulnerability-limit", subject=WaivedSubject(vulnerability=CVE))
    ends = NOW + timedelta(minutes=5)
    known = (waiver(expires_at=ends), longer.model_copy(update={"max_severity": Severity.CRITICAL}))
    held = (BAD, item("e2", scan(critical=1)))
    given = verdict(policy(TESTS, LIMIT), *known, items=held)
    assert (given.outcome, len(given.waivers)) == (Outcome.ALLOW, 2)
    assert given.expires_at == given.valid_until == ends - timedelta(microseconds=1)
    for after, outcome in ((given.expires_at - NOW, Outcome.ALLOW), (ends - NOW, Outcome.DENY)):
        assert verdict(policy(TESTS, LIMIT), *known, items=held, after=after).outcome is outcome


@pytest.mark.parametrize(
    ("most", "found", "covered"),
    [
        ("high", "high", True),
        ("high", "medium", True),
        ("high", "critical", False),
        ("high", "unknown", False),
        ("unknown", "unknown", True),
        ("unknown", "low", False),
        ("critical", "unknown", True),
        (None, "low", False),
        ("high", None, False),
        ("critical", None, True),
    ],
)
def test_49_a_severity_that_rises_after_the_grant_is_not_covered(
    most: str | None, found: str | None, *, covered: bool
) -> None:
    granted = waiver(subject=WaivedSubject(vulnerability="CVE-1"), max_severity=most)
    seen = Violation(says="CVE-1", vulnerability="CVE-1", severity=found)
    assert (Waivers(VERSION, (granted,)).covering(seen, {"CVE-1"}) == "w1") is covered
    assert Waivers(VERSION, (granted,)).covering(seen, {"CVE-2"}) is None


def test_a_waiver_up_to_a_severity_covers_no_missing_scan_and_none_that_cannot_be_read() -> None:
    granted = waiver("vulnerability-limit", max_severity=Severity.CRITICAL, subject=WaivedSubject(artifact=VERSION))
    broken = item("e2", UnreadableFacts(where="$", problem="no JSON", meant="vulnerabilities"))
    assert verdict(policy(LIMIT), granted, items=(item("e2", scan(critical=1)),)).outcome is Outcome.ALLOW
    assert verdict(policy(LIMIT), granted, items=()).outcome is Outcome.PENDING
    assert verdict(policy(LIMIT), granted, items=(broken,)).outcome is Outcome.DENY


def test_what_is_left_is_told() -> None:
    [finding] = verdict(policy(TESTS), waiver(subject=WaivedSubject(artifact=IMAGE)), waiver(name="w2")).findings
    assert finding.waived == ("w2",)
    two = (BAD, item("e2", failed()))
    [finding] = verdict(policy(TESTS), waiver(), items=two).findings
    assert (finding.outcome, finding.evidence, finding.waived) == (Outcome.DENY, ("e2",), ())
    assert [one.waived_by for one in finding.violations] == [None, "w1"]


def test_a_waiver_that_is_not_needed_is_not_named() -> None:
    [finding] = verdict(policy(TESTS), waiver(), items=(item("e1", passed()),)).findings
    assert (finding.outcome, finding.waived, finding.violations) == (Outcome.ALLOW, (), ())


def test_a_rule_that_is_not_waivable_knows_no_waiver_and_lends_that_to_its_parts() -> None:
    assert verdict(policy(TESTS | {"waivable": False}), waiver()).outcome is Outcome.DENY
    inside = rule("any_of", rules=[TESTS, rule("required_evidence", evidence="sbom")])
    assert verdict(policy(inside), waiver()).outcome is Outcome.ALLOW
    assert verdict(policy(inside | {"waivable": False}), waiver()).outcome is Outcome.PENDING
    outer = rule("all_of", id="outer", waivable=False, rules=[inside])
    assert verdict(policy(outer), waiver()).outcome is Outcome.PENDING


def test_a_waiver_for_a_combined_rule_itself_covers_nothing() -> None:
    inside = rule("all_of", rules=[TESTS])
    assert verdict(policy(inside), waiver("all-of", subject=WaivedSubject(artifact=VERSION))).outcome is Outcome.DENY


def test_what_could_not_be_judged_is_never_waived() -> None:
    problem = Problem(Violation(says="It broke", artifact=WHEEL), Outcome.ERROR)
    answer = weigh([problem], Waivers(VERSION, (waiver(),)), RuleAnswer(Outcome.ALLOW, "Fine.", "Fine."))
    assert (answer.outcome, answer.waivers) == (Outcome.ERROR, ())


def test_releases_that_needed_one_may_be_called_trusted_only_where_all_policies_say_so() -> None:
    strict = policy(rule("required_evidence", evidence="sbom"), name="strict", waivers={"trusted": False})
    held = dossier(BAD, item("e2", sbom()), circumstances=Circumstances(waivers=(waiver(),)))
    assert judge(held, policy(TESTS)).may_be_trusted
    assert not judge(held, policy(TESTS), strict).may_be_trusted
    assert judge(dossier(item("e1", passed()), item("e2", sbom())), policy(TESTS), strict).may_be_trusted


@pytest.mark.parametrize(
    "written",
    [
        rule("soak", stage="qa", **{"for": "1d"}),
        rule("source_branch", branches=["main"]),
        rule("stage_passed", stage="qa"),
        rule("version_order"),
    ],
    ids=lambda written: written["kind"],
)
def test_what_is_about_the_whole_version_is_waived_for_the_version_alone(written: dict[str, Any]) -> None:
    def outcome(artifact: str) -> Outcome:
        granted = waiver(written["id"], subject=WaivedSubject(artifact=artifact))
        known = Circumstances(waivers=(granted,), current={"prod": "2.0.0"})
        return judge(dossier(circumstances=known), policy(written)).outcome

    assert outcome(VERSION) is Outcome.ALLOW
    assert outcome(WHEEL) in (Outcome.DENY, Outcome.PENDING)
