"""`tests_passed` in its rates, suites and coverage."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.circumstances import Circumstances, ContainedVersion, WaivedSubject
from contracts.facts import CoverageFacts, EvidenceItem, Facts, SuiteResult, TestFacts, UnreadableFacts
from contracts.vocabulary import Outcome
from shared.errors import Invalid
from shared.policy.policy import read_policy
from shared.policy.rules import RuleAnswer, check
from shared.policy.rules.percent import format_percent
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    TESTS_TYPE,
    VERSION,
    WHEEL,
    context_for,
    document,
    dossier,
    granted_waiver,
    item,
    judge,
    passed,
    policy,
    rule,
    rule_of,
)

PAGE = (Path(__file__).parents[3] / "docs" / "rules" / "tests_passed.md").read_text(encoding="utf-8")
RATE = rule("tests_passed", min_pass_rate="98.5")
SUITES = rule("tests_passed", suites=["unit", "integration"], min_pass_rate="50")
COVERAGE = rule("tests_passed", min_coverage="80", min_branch_coverage="60")
OLD = timedelta(days=8)
TRX = {"predicate_type": "https://hallmark.dev/attestation/trx/v1"}


def result(*, good: int = 10, bad: int = 0, **changes: Any) -> TestFacts:
    fields = {"result": "failed" if bad else "passed", "passed": good, "failed": bad}
    return TestFacts(**(fields | ({"failed_names": ("test_sum",)} if bad else {}) | changes))


def suite(name: str, good: int = 1, bad: int = 0, skipped: int = 0) -> SuiteResult:
    return SuiteResult(name=name, passed=good, failed=bad, skipped=skipped)


def run(*suites: SuiteResult, name: str = "junit-1", **changes: Any) -> EvidenceItem:
    bad = sum(one.failed for one in suites)
    return item(name, result(good=10, bad=bad, suites=suites), **changes)


def covered(lines: float = 90.0, branches: float | None = 70.0, name: str = "cov-1", **changes: Any) -> EvidenceItem:
    counts = {key: changes.pop(key) for key in ("lines_covered", "lines_total") if key in changes}
    return item(name, CoverageFacts(lines=lines, branches=branches, **counts), **changes)


def answer(written: dict[str, Any], *items: EvidenceItem, **changes: Any) -> RuleAnswer:
    held = dossier(*items, **changes)
    return check(rule_of(written), held, context_for(held))


def plain(text: str) -> str:
    return " ".join(text.replace("> ", "").replace("*", "").split())


def denied(given: RuleAnswer, says: str) -> None:
    assert (given.outcome, given.observed) == (Outcome.DENY, says)
    assert says in plain(PAGE)
    assert given.remedy in plain(PAGE)


def test_failed_tests_are_tolerated_down_to_the_rate_and_not_a_hair_below() -> None:
    assert answer(RATE, item("e1", result(good=985, bad=15))).outcome is Outcome.ALLOW
    assert answer(RATE, item("e1", result(good=984, bad=16))).outcome is Outcome.DENY
    assert answer(RATE, item("e1", result(good=197, bad=3, skipped=900))).outcome is Outcome.ALLOW
    denied(
        answer(RATE, item("junit-1", result(good=9, bad=1))),
        "junit-1 passed 90% of its tests where 98.5% are asked for, with 1 failed tests (test_sum).",
    )
    denied(
        answer(rule("tests_passed"), item("junit-1", result(good=9, bad=1))),
        "junit-1 says failed with 1 failed tests (test_sum).",
    )


@pytest.mark.parametrize("word", ["failed", "warned"])
def test_a_bad_result_that_names_no_failed_test_leaves_nothing_to_tolerate(word: str) -> None:
    given = answer(RATE, item("e1", result(result=word)))
    assert (given.outcome, given.observed) == (Outcome.DENY, f"e1 says {word} with 0 failed tests.")


def test_the_rate_does_not_replace_the_number_of_passed_tests() -> None:
    assert answer(RATE | {"min_passed": 11}, item("e1", result())).observed == "e1 passed only 10 tests."
    assert answer(RATE, item("e1", result(good=0))).outcome is Outcome.DENY


def test_required_suites_have_something_passed_and_nothing_failed() -> None:
    assert answer(SUITES, run(suite("unit"), suite("integration"), suite("e2e", 9, 1))).outcome is Outcome.ALLOW
    denied(
        answer(SUITES, run(suite("unit"), suite("integration", 8, 2))),
        "junit-1 has 2 failed tests in the required suite integration.",
    )
    missing = "The newest test results have no passed test in the required suites: integration."
    denied(answer(SUITES, run(suite("unit"))), missing)
    denied(answer(SUITES, run(suite("unit"), suite("integration", 0, 0, 5))), missing)
    assert answer(SUITES).outcome is Outcome.PENDING


def test_suites_may_be_in_several_of_the_newest_results() -> None:
    unit, rest = run(suite("unit")), run(suite("integration"), name="trx-1", **TRX)
    assert answer(SUITES, unit, rest).outcome is Outcome.ALLOW
    same_type = run(suite("integration"), name="junit-2", age=timedelta(0))
    assert answer(SUITES, unit, same_type).outcome is Outcome.DENY, "the newer replaces the older"
    for_wheel = run(suite("integration"), name="junit-2", subjects=(WHEEL,))
    assert answer(SUITES, unit, for_wheel).outcome is Outcome.ALLOW
    assert answer(SUITES, unit, for_wheel, artifacts=(WHEEL, IMAGE)).outcome is Outcome.DENY


def test_a_suite_in_results_without_power_to_allow_is_pending() -> None:
    written = SUITES | {"max_age": "7d"}
    unit = run(suite("unit"), age=timedelta(days=1))
    says = "Only results that are too old, or not trusted any more, have the required suites: integration."
    for change in ({"age": OLD}, {"distrusted": True, "age": timedelta(days=2)}):
        given = answer(written, unit, run(suite("integration"), name="trx-1", **TRX, **change))
        assert (given.outcome, given.observed, given.awaits) == (Outcome.PENDING, says, "tests")
    assert says in plain(PAGE)
    both = answer(written, unit, run(suite("integration"), name="trx-1", **TRX, age=timedelta(days=6)))
    assert (both.outcome, both.valid_until) == (Outcome.ALLOW, NOW + timedelta(days=1))


def test_flaky_and_skipped_tests_have_limits() -> None:
    written = rule("tests_passed", max_flaky=5, max_skipped=20)
    assert answer(written, item("e1", result(flaky=5, skipped=20))).outcome is Outcome.ALLOW
    denied(
        answer(written, item("junit-1", result(flaky=6, skipped=21))),
        "junit-1 has 6 flaky tests where 5 are tolerated; skipped 21 tests where 20 are tolerated.",
    )


def test_coverage_is_read_from_evidence_of_its_own() -> None:
    tests = item("junit-1", passed())
    good = answer(COVERAGE, tests, covered(80.0, 60.0))
    assert (good.outcome, good.evidence) == (Outcome.ALLOW, ("cov-1", "junit-1"))
    assert good.observed == f"Evidence of tests and coverage covers {WHEEL}."
    waiting = answer(COVERAGE, tests)
    assert (waiting.outcome, waiting.awaits) == (Outcome.PENDING, "coverage")
    assert answer(COVERAGE, covered()).awaits == "tests"
    low = answer(COVERAGE, tests, covered(79.99, None))
    denied(
        low,
        "cov-1 covers 79.99% of the lines where 80% are asked for; does not say how many of the branches were run.",
    )
    assert answer(COVERAGE, item("junit-1", result(bad=1)), covered()).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"lines": 80.0, "lines_covered": 7999, "lines_total": 10_000}, Outcome.DENY),
        ({"lines": 79.0, "lines_covered": 8000, "lines_total": 10_000}, Outcome.DENY),
        ({"lines": 80.0, "lines_covered": 8000, "lines_total": 10_000}, Outcome.ALLOW),
        ({"lines": 80.0, "lines_covered": 0, "lines_total": 0}, Outcome.ALLOW),
        ({"lines": 0.8 * 100}, Outcome.ALLOW),
        ({"lines": 79.9999999999}, Outcome.ALLOW),
        ({"lines": 79.999}, Outcome.DENY),
        ({"lines": float("nan")}, Outcome.DENY),
        ({"lines": float("inf")}, Outcome.DENY),
        ({"lines": 8000.0}, Outcome.DENY),
    ],
)
def test_of_counts_and_percentage_the_worse_is_believed(facts: dict[str, Any], outcome: Outcome) -> None:
    written = rule("tests_passed", min_coverage="80")
    assert answer(written, item("e1", passed()), covered(**facts)).outcome is outcome


def test_coverage_has_signers_of_its_own_and_the_same_age() -> None:
    tests = item("junit-1", passed(), role="test")
    same = COVERAGE | {"signer_role": "test", "max_age": "7d"}
    other = same | {"coverage_signer_role": "coverage"}
    assert answer(same, tests, covered(role="test")).outcome is Outcome.ALLOW
    assert answer(same, tests, covered(role="coverage")).outcome is Outcome.PENDING
    assert answer(other, tests, covered(role="coverage")).outcome is Outcome.ALLOW
    assert answer(other, tests, covered(role="test")).outcome is Outcome.PENDING
    assert answer(same, tests, covered(age=OLD)).outcome is Outcome.PENDING
    assert answer(same, tests, covered(age=timedelta(days=5))).valid_until == NOW + timedelta(days=2)
    assert answer(same, tests, covered(10.0, age=OLD)).outcome is Outcome.DENY
    assert answer(same, tests, covered(distrusted=True)).outcome is Outcome.PENDING
    assert answer(same, tests, covered(verified=False)).outcome is Outcome.PENDING
    torn = item("e9", UnreadableFacts(where="x", problem="y", meant="coverage"), age=timedelta(0))
    assert answer(same, tests, covered(), torn).outcome is Outcome.DENY


def test_what_is_required_is_said_whole_and_as_before_where_nothing_new_is_asked() -> None:
    assert answer(rule("tests_passed", min_passed=5, signer_role="test")).required == (
        "Every artifact has verified tests evidence signed by a signer in the role test, "
        "that passed with at least 5 passed tests."
    )
    full = SUITES | {"max_flaky": 1, "max_skipped": 2, "min_coverage": "80", "min_branch_coverage": "60.50"}
    assert answer(full).required == (
        "Every artifact has verified tests evidence, that passed at least 50% of its tests with at least 1 passed "
        "tests, something passed and nothing failed in the suites unit, integration, at most 1 flaky, at most 2 "
        "skipped; and verified coverage evidence, of at least 80% of the lines and 60.5% of the branches."
    )


@pytest.mark.parametrize(
    ("subject", "passes"),
    [
        (WaivedSubject(artifact=WHEEL), True),
        (WaivedSubject(artifact=VERSION), True),
        (WaivedSubject(artifact=IMAGE), False),
        (WaivedSubject(component="pkg:pypi/x"), False),
    ],
)
def test_a_waiver_covers_missing_suites_low_coverage_and_failures_of_an_artifact(
    subject: WaivedSubject, *, passes: bool
) -> None:
    granted = granted_waiver("tests-passed", subject)
    bad = (run(suite("unit", 1, 30), subjects=(WHEEL,)), covered(10.0, subjects=(WHEEL,)))
    held = dossier(*bad, circumstances=Circumstances(waivers=(granted,)))
    verdict = judge(held, policy(SUITES | {"min_coverage": "80"}))
    assert (verdict.outcome is Outcome.ALLOW) is passes
    assert verdict.findings[0].outcome is Outcome.DENY


def test_the_artifacts_of_contained_versions_are_tested_too() -> None:
    inner = ContainedVersion(application="lib", version="1", digest="sha256:" + "a" * 64, artifacts=(IMAGE,))
    around = {"circumstances": Circumstances(contained=(inner,))}
    wheel = run(suite("unit"), suite("integration"), subjects=(WHEEL,))
    image = run(suite("unit"), suite("integration"), name="e2", subjects=(IMAGE,))
    assert answer(SUITES, wheel, **around).outcome is Outcome.PENDING
    assert answer(SUITES, wheel, image, **around).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"min_pass_rate": 98.5}, "min_pass_rate"),
        ({"min_pass_rate": 98}, "min_pass_rate"),
        ({"min_pass_rate": "0"}, "a percentage is text above 0 and up to 100"),
        ({"min_pass_rate": "100.1"}, "a percentage is text above 0 and up to 100"),
        ({"min_coverage": "80%"}, "a percentage is text above 0 and up to 100"),
        ({"min_coverage": "-1"}, "a percentage is text above 0 and up to 100"),
        ({"min_coverage": "8e1"}, "a percentage is text above 0 and up to 100"),
        ({"min_coverage": "080"}, "a percentage is text above 0 and up to 100"),
        ({"suites": []}, "suites"),
        ({"suites": [""]}, "suites"),
        ({"max_flaky": -1}, "max_flaky"),
        ({"coverage_signer_role": "x"}, "goes with `min_coverage`"),
    ],
)
def test_what_cannot_hold_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(rule("tests_passed", **fields)))
    assert raised.value.code == "policy_malformed"
    assert says in raised.value.message


def test_equal_percentages_are_one_policy() -> None:
    eighty = [policy(rule("tests_passed", min_coverage=text)).digest for text in ("80", "80.0", "80.0000")]
    assert len(set(eighty)) == 1


def test_a_percentage_is_cut_for_people_and_never_rounded_up() -> None:
    shown = [format_percent(Fraction(one)) for one in ("79.99999", "80", "0", "0.00001", "66.6666666", "0.5")]
    assert shown == ["79.9999", "80", "0", "0", "66.6666", "0.5"]


_WHOLE = policy(SUITES | {"max_age": "7d", "min_coverage": "80"})
_GOOD_FACTS = result(suites=(suite("unit"), suite("integration")))
_FACTS: st.SearchStrategy[Facts] = st.sampled_from(
    [
        _GOOD_FACTS,
        _GOOD_FACTS,
        result(suites=(suite("unit"),)),
        result(good=1, bad=9),
        CoverageFacts(lines=90.0),
        CoverageFacts(lines=90.0),
        CoverageFacts(lines=10.0),
        UnreadableFacts(where="x", problem="y", meant="tests"),
    ]
)


@st.composite
def pieces(draw: st.DrawFn) -> list[EvidenceItem]:
    found = []
    for n in range(draw(st.integers(min_value=0, max_value=6))):
        facts = draw(_FACTS)
        types = ["coverage"] if facts.kind == "coverage" else [TESTS_TYPE, TRX["predicate_type"]]
        found.append(
            item(
                f"e{n}",
                facts,
                predicate_type=draw(st.sampled_from(types)),
                subjects=draw(st.sampled_from([(VERSION,), (VERSION,), (WHEEL,), (IMAGE,), (WHEEL, IMAGE)])),
                age=timedelta(days=draw(st.integers(min_value=1, max_value=9))),
                distrusted=draw(st.sampled_from([False] * 5 + [True])),
            )
        )
    if draw(st.booleans()):
        found += [item("g1", _GOOD_FACTS), item("g2", CoverageFacts(lines=90.0))]
    return found


@pytest.mark.thorough
@given(pieces(), st.randoms(use_true_random=False))
def test_no_withholding_distrust_age_or_order_opens(held: list[EvidenceItem], shuffler: random.Random) -> None:
    whole = dossier(*held, artifacts=(WHEEL, IMAGE))
    before = judge(whole, _WHOLE)
    assert judge(replace(whole, items=tuple(shuffler.sample(held, len(held)))), _WHOLE) == before
    for piece in held:
        left = tuple(one for one in held if one is not piece)
        lost = piece.model_copy(update={"distrusted": True})
        denies = piece.facts not in (_GOOD_FACTS, CoverageFacts(lines=90.0)) or piece.distrusted
        if before.outcome is not Outcome.ALLOW:
            if not denies:
                assert judge(replace(whole, items=left), _WHOLE).outcome is not Outcome.ALLOW
            assert judge(replace(whole, items=(*left, lost)), _WHOLE).outcome is not Outcome.ALLOW
    aged = tuple(one.model_copy(update={"made_at": one.made_at - timedelta(days=3)}) for one in held)
    after = judge(replace(whole, items=aged), _WHOLE)
    assert (before.outcome is Outcome.DENY) == (after.outcome is Outcome.DENY)
    assert not (before.outcome is Outcome.PENDING and after.outcome is Outcome.ALLOW)
