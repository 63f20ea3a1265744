"""The test reports of .NET: NUnit 2 and 3, xUnit.net 1 and 2, and Visual Studio's TRX.

- NUnit 2 (`test-results`): a test with `executed="False"` was skipped; else `success` says how it ended, and the
  newer `result` more exactly. NUnit 3 (`test-run`): `result` says it.
- xUnit (`assemblies`, `assembly`): `result` is Pass, Fail, Skip or NotRun; entries of `errors` broke down.
- TRX (`TestRun`): `outcome` of each `UnitTestResult`. Only the innermost results count, since a data-driven test holds
  those of its rows. A result without an outcome was not run.
- A suite is what directly holds tests: `test-suite` in NUnit, by its full name if it has one, `collection` or `class`
  in xUnit. TRX has no suites of its own: the class of the test method stands for it.
- An outcome of no known word counts as failed: it is no pass.
- A suite or run that says it failed, or was broken off, beside no failed test contradicts itself and is unreadable.

Source: nunit.org documentation of the result formats; xunit.net docs/format-xml-v2; Microsoft's vstst.xsd.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from services.evidence.domain.kinds.outcomes import Outcome, Run, stated
from services.evidence.domain.kinds.reading import Reading, UnreadableError

NUNIT_ROOTS = frozenset({"test-results", "test-run"})
XUNIT_ROOTS = frozenset({"assemblies", "assembly"})
TRX_ROOT = "TestRun"
_SUITES = frozenset({"test-suite", "collection", "class"})
_WORDS = {
    "success": Outcome.PASSED,
    "true": Outcome.PASSED,
    "pass": Outcome.PASSED,
    "passed": Outcome.PASSED,
    "passedbutrunaborted": Outcome.ERRORED,
    "warning": Outcome.PASSED,
    "skip": Outcome.SKIPPED,
    "skipped": Outcome.SKIPPED,
    "ignored": Outcome.SKIPPED,
    "inconclusive": Outcome.SKIPPED,
    "notrun": Outcome.SKIPPED,
    "notrunnable": Outcome.SKIPPED,
    "notexecuted": Outcome.SKIPPED,
    "disconnected": Outcome.SKIPPED,
    "pending": Outcome.SKIPPED,
    "error": Outcome.ERRORED,
    "cancelled": Outcome.ERRORED,
    "aborted": Outcome.SKIPPED,
    "inprogress": Outcome.SKIPPED,
    "timeout": Outcome.ERRORED,
}
_FAILED_WORDS = frozenset({"failed", "failure", "error", "false", "cancelled"})
_BROKEN_OFF = frozenset({"failed", "error", "aborted", "timeout", "disconnected", "inprogress", "passedbutrunaborted"})


def read_nunit(root: Element) -> Reading:
    """The tests of an NUnit report. Raises `UnreadableError` when it contradicts itself."""
    run = Run()
    for case, suite in _with_suites(root, "test-case", ""):
        run.add(_nunit(case), case.get("fullname") or case.get("name") or "", suite=suite)
    run.check_stated(root.tag, stated(root.attrib, "failures", "errors", "failed"))
    for part in (root, *root.iter("test-suite")):
        words = {part.get("result", "").lower(), part.get("success", "").lower()}
        if not run.bad and words & _FAILED_WORDS:
            raise UnreadableError(part.get("name", part.tag)[:200], "says that it failed, and no test of it did")
    return run.reading()


def read_xunit(root: Element) -> Reading:
    """The tests of an xUnit.net report. Raises `UnreadableError` when it contradicts itself."""
    run = Run()
    for assembly in root.iter("assembly"):
        before = run.bad
        for test, suite in _with_suites(assembly, "test", ""):
            run.add(_word(test.get("result", "")), test.get("name", ""), suite=suite)
        for error in assembly.iter("error"):
            run.add(Outcome.ERRORED, error.get("name") or assembly.get("name") or "")
        name = f"assembly {assembly.get('name', '')}"[:200]
        run.check_stated(name, stated(assembly.attrib, "failed", "errors"), run.bad - before)
    return run.reading()


def read_trx(root: Element) -> Reading:
    """The tests of a TRX report. Raises `UnreadableError` when it contradicts itself."""
    run = Run()
    classes = {unit.get("id"): method.get("className", "") for unit, method in _methods(root)}
    for result in _innermost(root):
        suite = classes.get(result.get("testId"), "").partition(",")[0]
        run.add(_word(result.get("outcome") or "notexecuted"), result.get("testName", ""), suite=suite)
    summary, counters = root.find("ResultSummary"), root.find("ResultSummary/Counters")
    if counters is not None:
        run.check_stated("Counters", stated(counters.attrib, "failed", "error", "timeout"))
        if not run.bad and stated(counters.attrib, "aborted", "disconnected", "inProgress"):
            raise UnreadableError("Counters", "tells of tests that were broken off, and no test failed")
    if summary is not None and not run.bad and summary.get("outcome", "").lower() in _BROKEN_OFF:
        raise UnreadableError("ResultSummary", f"says {summary.get('outcome')}, and no test failed")
    return run.reading()


def _nunit(case: Element) -> Outcome:
    if case.get("executed", "").lower() == "false":
        return Outcome.SKIPPED
    return _word(case.get("result") or case.get("success") or "")


def _with_suites(parent: Element, tag: str, suite: str) -> Iterator[tuple[Element, str]]:
    """The elements of one tag at any depth, each with the name of the suite that holds it."""
    for child in parent:
        if child.tag == tag:
            yield child, suite
        named = (child.get("fullname") or child.get("name")) if child.tag in _SUITES else None
        yield from _with_suites(child, tag, named or suite)


def _methods(root: Element) -> Iterator[tuple[Element, Element]]:
    for unit in root.iterfind("TestDefinitions/UnitTest"):
        method = unit.find("TestMethod")
        if method is not None:
            yield unit, method


def _innermost(root: Element) -> Iterator[Element]:
    for result in root.iter("UnitTestResult"):
        if next((inner for inner in result.iter("UnitTestResult") if inner is not result), None) is None:
            yield result


def _word(text: str) -> Outcome:
    return _WORDS.get(text.lower(), Outcome.FAILED)
