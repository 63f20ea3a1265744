"""JUnit XML, as the many tools that write it do; no schema of it is official.

- The root is `testsuites` or one `testsuite`; suites nest, and tests may lie anywhere among them.
- A test with `error` broke down, one with `failure` failed, one with `skipped` was skipped, any other passed: the
  worst of them counts. Tools that only write a `status` or `result` are believed when they say so.
- `flakyFailure` and `flakyError` tell of earlier attempts of a test that passed in the end, `rerunFailure` and
  `rerunError` of further ones of a test that never did (Maven Surefire).
- A suite that lists no test, and no suite, counts as its attributes say. A suite that fails as a whole (`error` or
  `failure` directly in it) counts as one test that broke down.

Source: the reports of pytest, Maven Surefire, Jest, Bazel, GoogleTest and ScalaTest; windyroad/JUnit-Schema.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from services.evidence.domain.kinds.outcomes import Outcome, Run, stated
from services.evidence.domain.kinds.reading import Reading

ROOTS = frozenset({"testsuites", "testsuite"})
_BAD = {"error": Outcome.ERRORED, "failure": Outcome.FAILED}
_FLAKY = frozenset({"flakyFailure", "flakyError"})
_RERUN = frozenset({"rerunFailure", "rerunError"})
_FAILED_WORDS = frozenset({"failed", "failure", "fail", "error", "errored", "broken"})
_SKIPPED_WORDS = frozenset({"notrun", "skipped", "disabled", "ignored", "suppressed", "pending"})


def read_root(root: Element) -> Reading:
    """The tests under `root`. Raises `UnreadableError` when the report contradicts itself."""
    run = Run()
    listed = _suite(root, run, root.get("name", ""))
    run.check_stated(root.tag, stated(root.attrib, "failures", "errors"), listed)
    return run.reading()


def _suite(suite: Element, run: Run, path: str) -> int:
    """Count the tests of `suite`; returns how many failures and errors were written under it."""
    bad, lists_any = 0, False
    for child in suite:
        if child.tag == "testcase":
            lists_any = True
            run.add(_outcome(child), _name(child, path), suite=path)
            bad += max(sum(part.tag in _BAD for part in child), _outcome(child) in _BAD.values())
        elif child.tag == "testsuite":
            lists_any = True
            name = child.get("name", "")
            inner = _suite(child, run, name or path)
            run.check_stated(f"testsuite {name}"[:200], stated(child.attrib, "failures", "errors"), inner)
            bad += inner
        elif child.tag in _BAD:
            lists_any = True
            run.add(Outcome.ERRORED, path, suite=path)
            bad += 1
    return bad if lists_any else _counted(suite, run, path)


def _counted(suite: Element, run: Run, path: str) -> int:
    failures, errors = stated(suite.attrib, "failures"), stated(suite.attrib, "errors")
    skipped = stated(suite.attrib, "skipped") or stated(suite.attrib, "skip", "disabled")
    passed = max(stated(suite.attrib, "tests") - failures - errors - skipped, 0)
    run.add(Outcome.FAILED, path, suite=path, times=failures)
    run.add(Outcome.ERRORED, path, suite=path, times=errors)
    run.add(Outcome.SKIPPED, suite=path, times=skipped)
    run.add(Outcome.PASSED, suite=path, times=passed)
    return failures + errors


def _outcome(case: Element) -> Outcome:
    parts = {part.tag for part in case}
    words = {case.get("status", "").lower(), case.get("result", "").lower()}
    if "error" in parts:
        return Outcome.ERRORED
    if "failure" in parts or parts & _RERUN or words & _FAILED_WORDS:
        return Outcome.FAILED
    if "skipped" in parts or words & _SKIPPED_WORDS:
        return Outcome.SKIPPED
    return Outcome.FLAKY if parts & _FLAKY else Outcome.PASSED


def _name(case: Element, path: str) -> str:
    return ".".join(part for part in (case.get("classname") or path, case.get("name", "")) if part)
