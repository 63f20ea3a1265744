"""Which suites a report of tests has, and how each of them ended."""

from __future__ import annotations

import pytest

from contracts.facts import MAX_LISTED, TestFacts
from tests.unit.evidence.report_builders import OURS, facts_of, run_of


def suites(facts: TestFacts) -> dict[str, tuple[int, int, int]]:
    """Passed, failed and skipped by name."""
    assert [suite.name for suite in facts.suites] == sorted({suite.name for suite in facts.suites})
    return {suite.name: (suite.passed, suite.failed, suite.skipped) for suite in facts.suites}


def test_junit_tests_belong_to_the_suite_that_holds_them() -> None:
    document = """<testsuites name="all">
      <testsuite name="unit"><testcase/><testcase><skipped/></testcase></testsuite>
      <testsuite name="outer"><testsuite name="inner"><testcase><failure/></testcase></testsuite>
        <testsuite><testcase/></testsuite></testsuite>
      <testsuite name="broken"><error/></testsuite>
    </testsuites>"""
    assert suites(run_of(document)) == {
        "broken": (0, 1, 0),
        "inner": (0, 1, 0),
        "outer": (1, 0, 0),
        "unit": (1, 0, 1),
    }


def test_junit_suites_of_one_name_are_added_up_and_those_that_only_state_counts_count_too() -> None:
    document = """<testsuites>
      <testsuite name="unit"><testcase><flakyFailure/></testcase></testsuite>
      <testsuite name="unit"><testcase><failure/></testcase></testsuite>
      <testsuite name="unit" tests="6" failures="1" errors="1" skipped="1"/>
      <testsuite name="empty" tests="0"/>
    </testsuites>"""
    assert suites(run_of(document)) == {"unit": (4, 3, 1)}


def test_tests_outside_of_named_suites_are_in_the_totals_only() -> None:
    facts = run_of("<testsuites><testsuite><testcase/></testsuite></testsuites>")
    assert (facts.passed, facts.suites) == (1, ())


def test_many_suites_are_cut_by_name_and_long_names_too() -> None:
    listed = "".join(f'<testsuite name="{n:03}{"x" * 400}"><testcase/></testsuite>' for n in range(250, 0, -1))
    facts = run_of(f"<testsuites>{listed}</testsuites>")
    assert facts.passed == 250
    assert [suite.name[:3] for suite in facts.suites] == [f"{n:03}" for n in range(1, MAX_LISTED + 1)]
    assert {len(suite.name) for suite in facts.suites} == {300}


@pytest.mark.parametrize(
    "document",
    [
        """<test-run><test-suite type="Assembly" name="a.dll"><test-suite fullname="N.A" name="A">
          <test-case result="Passed"/><test-case result="Skipped"/><properties/></test-suite>
          <test-suite fullname="N.B" name="B"><test-case result="Failed"/></test-suite></test-suite></test-run>""",
        """<test-results><test-suite name="a.dll"><results><test-suite name="N.A"><results>
          <test-case executed="True" success="True"/><test-case executed="False"/></results></test-suite>
          <test-suite name="N.B"><results><test-case executed="True" success="False"/></results></test-suite>
          </results></test-suite></test-results>""",
        """<assemblies><assembly name="a.dll"><collection name="N.A"><test result="Pass"/><test result="Skip"/>
          </collection><collection name="N.B"><test result="Fail"/></collection></assembly></assemblies>""",
        """<assembly name="a.dll"><class name="N.A"><test result="Pass"/><test result="Skip"/></class>
          <class name="N.B"><test result="Fail"/></class></assembly>""",
        """<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><TestDefinitions>
          <UnitTest id="1"><TestMethod className="N.A, a, Version=1.0"/></UnitTest>
          <UnitTest id="2"><TestMethod className="N.B"/></UnitTest><UnitTest id="3"/></TestDefinitions><Results>
          <UnitTestResult testId="1" outcome="Passed"/><UnitTestResult testId="1" outcome="NotExecuted"/>
          <UnitTestResult testId="2" outcome="Failed"/><UnitTestResult testId="3" outcome="Passed"/>
          </Results></TestRun>""",
    ],
    ids=["nunit-3", "nunit-2", "xunit-2", "xunit-1", "trx"],
)
def test_dotnet_suites(document: str) -> None:
    assert suites(run_of(document)) == {"N.A": (1, 0, 1), "N.B": (0, 1, 0)}


def test_mocha_suites_are_the_titles_around_a_test() -> None:
    report = {
        "stats": {"failures": 1},
        "passes": [{"title": "adds", "fullTitle": "sum small adds"}, {"title": "alone", "fullTitle": "alone"}],
        "failures": [{"title": "adds", "fullTitle": "sum large adds"}],
        "pending": [{"title": "later", "fullTitle": "sum large later"}, {"fullTitle": "untitled"}],
    }
    facts = facts_of(f"{OURS}/mocha/v1", report)
    assert isinstance(facts, TestFacts)
    assert suites(facts) == {"sum large": (0, 1, 1), "sum small": (1, 0, 0)}
