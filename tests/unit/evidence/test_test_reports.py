from __future__ import annotations

from typing import Any

import pytest

from contracts.facts import MAX_LISTED
from tests.unit.evidence.report_builders import OURS, facts_of, problem, run_of, totals, wrapped

JUNIT = f"{OURS}/junit/v1"


def a_suite(*parts: str, **stated: int) -> str:
    attributes = "".join(f' {name}="{number}"' for name, number in stated.items())
    return f'<testsuite name="s"{attributes}>{"".join(parts)}</testsuite>'


def a_case(*parts: str, **attributes: str) -> str:
    written = "".join(f' {name}="{text}"' for name, text in attributes.items())
    return f"<testcase{written}>{''.join(parts)}</testcase>"


FAILED, BROKEN, SKIPPED, GOOD = a_case("<failure/>"), a_case("<error/>"), a_case("<skipped/>"), a_case()


def test_junit_suites_nest_and_tests_are_counted_wherever_they_lie() -> None:
    inner = a_suite(GOOD, BROKEN, a_suite(FAILED))
    for root in (a_suite(GOOD, inner, SKIPPED), f"<testsuites>{a_suite(GOOD, SKIPPED)}{inner}</testsuites>"):
        facts = run_of(root)
        assert totals(facts) == (2, 1, 1, 1)
        assert facts.result == "failed"
    assert totals(run_of(f'<testsuite xmlns="urn:x">{GOOD}</testsuite>')) == (1, 0, 0, 0)


def test_junit_names_what_failed() -> None:
    cases = [a_case("<failure/>", name=f"t{number}", classname="C") for number in range(250)]
    facts = run_of(a_suite(a_case("<error/>", name="alone"), *cases))
    assert facts.failed == 251
    assert facts.failed_names[:2] == ("s.alone", "C.t0")
    assert len(facts.failed_names) == MAX_LISTED


def test_junit_reruns_count_by_how_they_ended() -> None:
    flaky = a_case("<flakyFailure/>", "<flakyError/>")
    facts = run_of(a_suite(flaky, a_case("<failure/>", "<rerunFailure/>"), GOOD, failures=1))
    assert (totals(facts), facts.flaky) == ((2, 0, 1, 0), 1)
    assert run_of(a_suite(a_case("<rerunFailure/>"))).result == "failed"


def test_junit_the_worst_part_of_a_test_counts() -> None:
    assert totals(run_of(a_suite(a_case("<skipped/>", "<failure/>")))) == (0, 0, 1, 0)
    assert totals(run_of(a_suite(a_case("<failure/>", "<error/>"), failures=1, errors=1))) == (0, 0, 0, 1)
    assert totals(run_of(a_suite(a_case(status="failed"), a_case(status="notrun"), GOOD))) == (1, 1, 1, 0)
    assert totals(run_of(a_suite("<error/>", GOOD))) == (1, 0, 0, 1)


def test_junit_a_suite_without_tests_counts_as_it_states() -> None:
    facts = run_of(a_suite(tests=6, failures=1, skipped=2))
    assert (totals(facts), facts.result) == ((3, 2, 1, 0), "failed")
    assert totals(run_of(a_suite(tests=1, errors=3))) == (0, 0, 0, 3)


def test_junit_states_fewer_failures_than_it_lists_is_failed_and_more_is_unreadable() -> None:
    assert run_of(a_suite(FAILED, tests=9, failures=0)).result == "failed"
    assert run_of(a_suite(GOOD, tests=173)).passed == 1
    for contradictory in (
        a_suite(GOOD, failures=1),
        a_suite(GOOD, errors=1),
        f"<testsuites failures='1'>{a_suite(GOOD)}</testsuites>",
        f"<testsuites failures='1'>{a_suite(FAILED)}{a_suite(GOOD, failures=1)}</testsuites>",
    ):
        assert "states 1 failed tests where 0 are listed" in problem(JUNIT, wrapped(contradictory)).problem


@pytest.mark.parametrize("document", ["<testsuites/>", a_suite(), a_suite(SKIPPED), a_suite(tests=0)])
def test_a_run_in_which_nothing_ran_has_not_passed(document: str) -> None:
    assert run_of(document).result == "warned"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "   ",
        "<testsuite>",
        "<coverage/>",
        "plain text",
        "\0",
        a_suite(GOOD, "&unknown;"),
        '<!DOCTYPE a [<!ENTITY a "b">]><testsuite>&a;</testsuite>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite/>',
        '<?xml version="1.0" encoding="utf-7"?><testsuite/>',
        '<?xml version="1.0" encoding="no-such"?><testsuite/>',
        '<testsuite tests="many"/>',
        '<testsuite tests="-1"/>',
        '<testsuite tests="99999999999999999999"/>',
        '<testsuite failures="\u0661"/>',
        "<testsuite>" * 101 + "</testsuite>" * 101,
        "<testsuite>" + "<testcase/>" * 300_000 + "</testsuite>",
    ],
)
def test_what_is_no_report_is_unreadable(document: str) -> None:
    problem(JUNIT, wrapped(document))


def test_nothing_is_fetched_and_other_encodings_are_read() -> None:
    document = '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><testsuite>' + GOOD + "</testsuite>"
    assert run_of(document).passed == 1
    assert run_of(b"\xef\xbb\xbf" + a_suite(GOOD).encode()).passed == 1
    assert run_of(a_suite(GOOD).encode("utf-16")).passed == 1


def test_nunit_2_and_3() -> None:
    old = """<test-results total="4" failures="1"><test-suite success="False"><results>
      <test-case name="a" executed="True" success="True"/><test-case name="b" executed="True" success="False"/>
      <test-case name="c" executed="False"/><test-case name="d" executed="True" success="True" result="Error"/>
      </results></test-suite></test-results>"""
    assert totals(run_of(old)) == (1, 1, 1, 1)
    new = """<test-run result="Failed" passed="1" failed="1"><test-suite result="Failed">
      <test-case fullname="a" result="Passed"/><test-case fullname="b" result="Failed"/>
      <test-case fullname="c" result="Inconclusive"/></test-suite></test-run>"""
    assert totals(run_of(new)) == (1, 1, 1, 0)
    assert run_of(new).failed_names == ("b",)


def test_xunit_with_several_assemblies() -> None:
    document = """<assemblies><assembly name="one" failed="1" errors="1"><errors><error name="cleanup"/></errors>
      <collection><test name="a" result="Pass"/><test name="b" result="Fail"/></collection></assembly>
      <assembly name="two"><collection><test name="c" result="Skip"/></collection></assembly></assemblies>"""
    assert totals(run_of(document)) == (1, 1, 1, 1)


def a_trx(*outcomes: str | None, summary: str = "Completed", **counters: int) -> str:
    results = "".join(
        "<UnitTestResult/>" if one is None else f'<UnitTestResult testName="t" outcome="{one}"/>' for one in outcomes
    )
    stated = "".join(f' {name}="{number}"' for name, number in counters.items())
    return (
        '<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">'
        f'<ResultSummary outcome="{summary}"><Counters{stated}/></ResultSummary><Results>{results}</Results></TestRun>'
    )


def test_trx_outcomes() -> None:
    facts = run_of(a_trx("Passed", "Failed", "NotExecuted", "Timeout", None, summary="Failed", failed=1, timeout=1))
    assert totals(facts) == (1, 2, 1, 1)
    rows = (
        "<TestRun><Results><UnitTestResult outcome='Passed'><InnerResults>"
        "<UnitTestResult outcome='Passed'/><UnitTestResult outcome='Failed'/>"
        "</InnerResults></UnitTestResult></Results></TestRun>"
    )
    assert totals(run_of(rows)) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    "document",
    [
        "<test-run result='Failed'><test-case result='Passed'/></test-run>",
        "<test-run failed='1'><test-case result='Passed'/></test-run>",
        "<test-results><test-suite success='False'><test-case success='True'/></test-suite></test-results>",
        "<assembly failed='1'><test result='Pass'/></assembly>",
        "<assemblies><assembly failed='2'><test result='Fail'/></assembly></assemblies>",
        a_trx("Passed", failed=1),
        a_trx("Passed", aborted=1),
        a_trx("Passed", summary="Aborted"),
        a_trx("Passed", summary="Error"),
    ],
)
def test_dotnet_reports_that_contradict_themselves_are_unreadable(document: str) -> None:
    problem(JUNIT, wrapped(document))


@pytest.mark.parametrize(
    "document", ["<test-run><test-case/></test-run>", "<assembly><test result='Fine'/></assembly>", a_trx("Fine")]
)
def test_an_outcome_nobody_knows_is_no_pass(document: str) -> None:
    assert run_of(document).failed == 1


def a_mocha(**fields: Any) -> dict[str, Any]:
    lists = {"passes": [{"title": "a"}], "failures": [], "pending": [{}]}
    return {"stats": {"failures": 0, "end": "2026-11-20T10:00:00.000Z"}, "tests": []} | lists | fields


def test_mocha() -> None:
    facts = facts_of(f"{OURS}/mocha/v1", a_mocha(passes=[{}, {"currentRetry": 1}]))
    assert facts.kind == "tests"
    assert (totals(facts), facts.flaky) == ((2, 1, 0, 0), 1)
    failed = facts_of(f"{OURS}/mocha/v1", a_mocha(failures=[{"fullTitle": "it breaks"}]))
    assert failed.kind == "tests"
    assert (failed.result, failed.failed_names) == ("failed", ("it breaks",))
    bad: dict[str, Any]
    for bad in (a_mocha(stats={"failures": 1}), a_mocha(passes=None), a_mocha(failures={}), {"tests": []}):
        problem(f"{OURS}/mocha/v1", bad)
