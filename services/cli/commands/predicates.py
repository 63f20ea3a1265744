"""What a tool wrote as the predicate of a statement: as it is, wrapped, or converted.

- A JSON object is the predicate itself. Anything else (XML, a JSON list, text) travels whole inside an in-toto resource
  descriptor: name, media type, digest and the bytes in base64. Evidence is kept as the tool wrote it.
- Converted are JUnit XML under `test-result` and Bandit's report under `vulns`, for gates of other makers that read
  in-toto's own predicates only.
- A file that plainly is something else than the type says is refused before it is signed; whether it can be read as a
  whole is for the evidence service to say.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

from defusedxml import ElementTree

from services.cli.commands.wrapping import made_for, wrapped
from shared.crypto import strict_json
from shared.digests import sha256_digest
from shared.errors import Invalid

_OURS = "https://hallmark.dev/attestation"
SHORT_NAMES = {
    "cyclonedx": "https://cyclonedx.org/bom",
    "cyclonedx-vex": f"{_OURS}/cyclonedx-vex/v1",
    "spdx": "https://spdx.dev/Document",
    "openvex": "https://openvex.dev/ns",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "junit": f"{_OURS}/junit/v1",
    "nunit": f"{_OURS}/nunit/v1",
    "xunit": f"{_OURS}/xunit/v1",
    "trx": f"{_OURS}/trx/v1",
    "mocha": f"{_OURS}/mocha/v1",
    "cobertura": f"{_OURS}/cobertura/v1",
    "jacoco": f"{_OURS}/jacoco/v1",
    "lcov": f"{_OURS}/lcov/v1",
    "coverage-py": f"{_OURS}/coverage-py/v1",
    "vulns": "https://in-toto.io/attestation/vulns/v0.2",
    "cosign-vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "sarif": f"{_OURS}/sarif/v1",
    "trivy": f"{_OURS}/trivy/v1",
    "grype": f"{_OURS}/grype/v1",
    "snyk": f"{_OURS}/snyk/v1",
    "provenance": "https://slsa.dev/provenance/v1",
    "vsa": "https://slsa.dev/verification_summary/v1",
    "deployment": f"{_OURS}/deployment/v1",
}
_KEYS = {
    "cyclonedx-vex": "vulnerabilities",
    "openvex": "statements",
    "test-result": "result",
    "mocha": "stats",
    "coverage-py": "totals",
    "vulns": "scanner",
    "cosign-vuln": "scanner",
    "sarif": "runs",
    "trivy": "SchemaVersion",
    "grype": "matches",
    "provenance": "buildDefinition",
    "vsa": "verificationResult",
    "deployment": "environment",
}
"""A key that every JSON document of the type has."""
_ROOTS = {
    "junit": {"testsuites", "testsuite"},
    "nunit": {"test-results", "test-run"},
    "xunit": {"assemblies", "assembly"},
    "trx": {"TestRun"},
    "cobertura": {"coverage"},
    "jacoco": {"report"},
}
_TEXTS = {"spdx", "lcov", ""}
"""Types whose files may be neither JSON nor XML."""
_SHOWN_FAILURES = 200
_JSON = "application/json"
_MAX_BYTES = 64 * 2**20


def predicate_of(path: Path, type_name: str, stage: str | None = None) -> dict[str, Any]:
    """The predicate for the file at `path` under a short name or a predicate type URI, made for `stage`.

    Raises `Invalid`, also when the type has no place for a stage.
    """
    data = path.read_bytes()
    short = next((name for name, uri in SHORT_NAMES.items() if type_name in (name, uri)), "")
    predicate = _predicate(data, path, short)
    if stage is None:
        return predicate
    return made_for(stage, predicate, SHORT_NAMES.get(short, type_name), lambda: wrapped(data, path.name, _JSON))


def _predicate(data: bytes, path: Path, short: str) -> dict[str, Any]:
    if data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        if short == "test-result":
            return junit_predicate(data, path.name)
        if short in _KEYS or short == "lcov":
            raise Invalid("predicate_unreadable", f"{path} is XML.", remedy=f"Hand in what {short} files are.")
        if short in _ROOTS:
            _check_root(data, path.name, short)
        return wrapped(data, path.name, "application/xml")
    try:
        content = strict_json.loads(data.removeprefix(codecs.BOM_UTF8), max_bytes=_MAX_BYTES)
    except Invalid as error:
        if short in _TEXTS and not data.lstrip().startswith(b"{"):
            if short == "lcov":
                _check_tracefile(data, path.name)
            return wrapped(data, path.name, "text/plain")
        raise Invalid("predicate_unreadable", f"{path}: {error.message}", remedy=error.remedy) from error
    if short == "vulns" and _is_bandit(content):
        return bandit_predicate(content)
    return _checked(content, data, path.name, short)


def _checked(content: Any, data: bytes, name: str, short: str) -> dict[str, Any]:
    key = _KEYS.get(short)
    if short in _ROOTS or short == "lcov" or (key and (not isinstance(content, dict) or key not in content)):
        problem = f"has no {key!r}" if key else "is JSON"
        raise Invalid(
            "predicate_mismatched",
            f"{name} is no {short} document: it {problem}.",
            remedy="Name the type that the file has; `hallmark evidence sign --help` lists them.",
        )
    return content if isinstance(content, dict) else wrapped(data, name, _JSON)


def _root(data: bytes, name: str) -> Any:
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # Forbidden entities are a ValueError too.
        raise Invalid(
            "predicate_unreadable", f"{name} is not XML: {error}.", remedy="Hand in well-formed XML."
        ) from error


def _check_root(data: bytes, name: str, short: str) -> None:
    tag = str(_root(data, name).tag).rpartition("}")[2]
    if tag not in _ROOTS[short]:
        raise Invalid(
            "predicate_mismatched",
            f"{name} is no {short} document: its root is {tag[:80]}.",
            remedy="Name the type that the file has; `hallmark evidence sign --help` lists them.",
        )


def _check_tracefile(data: bytes, name: str) -> None:
    if not any(line.startswith(b"SF:") for line in data.splitlines()):
        raise Invalid(
            "predicate_mismatched",
            f"{name} is no lcov document: it has no line with SF.",
            remedy="Name the type that the file has; `hallmark evidence sign --help` lists them.",
        )


def _is_bandit(content: Any) -> bool:
    return isinstance(content, dict) and {"generated_at", "metrics", "results"} <= content.keys()


def bandit_predicate(report: dict[str, Any]) -> dict[str, Any]:
    """A report of the code scanner Bandit as an in-toto vulns predicate: one result per finding."""
    results = [
        {
            "id": f"{one['test_id']}:{one['filename'].rsplit('/', 1)[-1]}:{one['line_number']}",
            "severity": [{"method": "bandit", "score": one["issue_severity"]}],
        }
        for one in report["results"]
    ]
    at = report["generated_at"]
    return {
        "scanner": {"uri": "pkg:pypi/bandit", "db": {"lastUpdate": at}, "result": results},
        "metadata": {"scanStartedOn": at, "scanFinishedOn": at},
    }


def junit_predicate(data: bytes, name: str) -> dict[str, Any]:
    """A JUnit result as an in-toto test-result predicate. Raises `Invalid` for other XML.

    A suite without a single test case is refused: nothing was tested, and that is no pass.
    """
    passed: list[str] = []
    failed: list[str] = []
    skipped: list[str] = []
    for case in _root(data, name).iter("testcase"):
        full_name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        states = {child.tag for child in case}
        (failed if states & {"failure", "error"} else skipped if "skipped" in states else passed).append(full_name)
    if not passed and not failed:
        raise Invalid("tests_absent", f"{name} has no test that ran.", remedy="Hand in a result with test cases.")
    return {
        "result": "FAILED" if failed else "PASSED",
        "configuration": [{"name": name, "digest": {"sha256": sha256_digest(data).removeprefix("sha256:")}}],
        "passedTests": passed,
        "failedTests": failed[:_SHOWN_FAILURES],
        "warnedTests": [],
        "skippedTests": skipped[:_SHOWN_FAILURES],
    }
