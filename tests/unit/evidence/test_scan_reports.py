from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.facts import MAX_LISTED
from contracts.vocabulary import Severity
from services.evidence.domain import kinds
from tests.unit.evidence.report_builders import NOW, OURS, counts, problem, says_nothing, scan, wrapped

SARIF = f"{OURS}/sarif/v1"
TRIVY = f"{OURS}/trivy/v1"
GRYPE = f"{OURS}/grype/v1"
SNYK = f"{OURS}/snyk/v1"
COSIGN = "https://cosign.sigstore.dev/attestation/vuln/v1"


def a_result(**fields: Any) -> dict[str, Any]:
    return {"message": {"text": "x"}} | fields


def a_log(*results: Any, rules: tuple[Any, ...] = (), **run: Any) -> dict[str, Any]:
    driver = {"name": "scan", "rules": list(rules)}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results)} | run]}


def test_sarif_levels_come_from_result_override_rule_and_default_in_this_order() -> None:
    rules = ({"id": "A", "defaultConfiguration": {"level": "note"}}, {"id": "B"})
    override = {"descriptor": {"id": "B"}, "configuration": {"level": "error"}}
    log = a_log(
        a_result(ruleId="A", level="error"),
        a_result(ruleId="A"),
        a_result(ruleId="B"),
        a_result(ruleId="C"),
        a_result(ruleId="A/sub", level="none"),
        a_result(ruleId="A/sub"),
        rules=rules,
        invocations=[{"executionSuccessful": True, "ruleConfigurationOverrides": [override]}],
    )
    assert counts(scan("sarif", log)) == {"high": 2, "low": 2, "medium": 1, "none": 1}


def test_sarif_security_severity_outranks_the_level_and_zero_says_nothing() -> None:
    def rule(name: str, score: Any) -> dict[str, Any]:
        return {"id": name, "properties": {"security-severity": score}}

    rules = (rule("CVE-2024-1-bash", "9.8"), rule("B", 5), rule("C", "0.0"), rule("D", "eleven"))
    log = a_log(*(a_result(ruleId=one["id"], ruleIndex=n) for n, one in enumerate(rules)), rules=rules)
    facts = scan("sarif", log)
    assert counts(facts) == {"critical": 1, "medium": 3}
    assert facts.vulnerabilities[0].score == 9.8
    advisory = a_result(ruleId="CVE-2024-12345-bash"), a_result(ruleId="CVE-2024-12345x"), a_result(ruleId="GHSA-x")
    ids = [found.id for found in scan("sarif", a_log(*advisory)).vulnerabilities]
    assert ids == ["CVE-2024-12345", "CVE-2024-12345x", "GHSA-x"]


def test_sarif_rules_are_found_in_extensions_and_never_by_a_wrong_index() -> None:
    mild = {"id": "mild", "defaultConfiguration": {"level": "note"}}
    bad = {"id": "bad", "defaultConfiguration": {"level": "error"}}
    tool = {"driver": {"name": "scan", "rules": [mild]}, "extensions": [{"name": "more", "rules": [bad]}]}
    log = a_log(
        a_result(rule={"id": "bad", "index": 0, "toolComponent": {"index": 0}}),
        a_result(ruleId="bad", ruleIndex=0),
        a_result(ruleIndex=0),
        tool=tool,
    )
    facts = scan("sarif", log)
    assert counts(facts) == {"high": 2, "low": 1}
    assert [found.id for found in facts.vulnerabilities] == ["bad", "bad", "mild"]


def test_sarif_counts_what_failed_and_what_is_undecided() -> None:
    kinds_of_result = ("pass", "notApplicable", "informational", "open", "review", "fail")
    log = a_log(*(a_result(ruleId="A", kind=one) for one in kinds_of_result))
    assert counts(scan("sarif", log)) == {"medium": 1, "unknown": 2}
    assert "kind is pass" in problem(SARIF, a_log(a_result(kind="pass", level="error"))).problem


def test_sarif_suppressions_count_only_when_all_are_accepted() -> None:
    accepted, waiting = {"kind": "inSource"}, {"kind": "external", "status": "underReview"}
    log = a_log(
        a_result(suppressions=[accepted, {"kind": "external", "status": "accepted"}]),
        a_result(suppressions=[accepted, waiting]),
        a_result(suppressions=[{"kind": "external", "status": "rejected"}]),
        a_result(suppressions=[]),
        a_result(baselineState="absent"),
        a_result(baselineState="unchanged"),
    )
    facts = scan("sarif", log)
    assert (counts(facts), facts.suppressed) == ({"medium": 4}, 1)


def test_sarif_tells_place_package_and_order() -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 3}}}
    package = {"logicalLocations": [{"fullyQualifiedName": "pkg:PyPI/A@1"}]}
    log = a_log(
        a_result(ruleId="a-rank-1", rank=1.0, locations=[place]),
        a_result(ruleId="z-rank-90", rank=90.0, locations=[package]),
        invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-11-20T10:00:00Z"}],
    )
    first, second = scan("sarif", log).vulnerabilities
    assert (first.id, first.purl, first.location) == ("z-rank-90", "pkg:pypi/a@1", "pkg:PyPI/A@1")
    assert (second.id, second.location) == ("a-rank-1", "a.py:3")
    claimed = kinds.read(SARIF, log, NOW).claimed_at
    assert claimed is not None
    assert claimed.hour == 10


@pytest.mark.parametrize(
    ("log", "where"),
    [
        ({"version": "2.0.0", "runs": []}, "version"),
        ({"version": "2.1.0", "runs": []}, "runs"),
        ({"version": "2.1.0"}, "runs"),
        (a_log(results=None), "runs.0.results"),
        (a_log(a_result(level="fatal")), "runs.0.results.0.level"),
        (a_log(a_result(kind="maybe")), "runs.0.results.0.kind"),
        (a_log(a_result(rank=101)), "runs.0.results.0.rank"),
        (a_log({"ruleId": "A"}), "runs.0.results.0.message"),
        (a_log(tool={"driver": {}}), "runs.0.tool.driver.name"),
        (a_log(invocations=[{"executionSuccessful": False}]), "runs.0"),
        (a_log(externalPropertyFileReferences={"results": [{"location": {"uri": "x"}}]}), "runs.0"),
    ],
)
def test_an_unusable_sarif_log_says_where(log: dict[str, Any], where: str) -> None:
    assert problem(SARIF, log).where == where


def test_a_sarif_log_without_results_is_no_scan_and_among_others_unreadable() -> None:
    metadata = {"tool": {"driver": {"name": "scan"}}}
    assert says_nothing(SARIF, {"version": "2.1.0", "runs": [metadata]})
    assert problem(SARIF, {"version": "2.1.0", "runs": [metadata, *a_log()["runs"]]}).where == "runs.0.results"


def test_sarif_is_read_as_text_with_a_byte_order_mark() -> None:
    assert counts(scan("sarif", wrapped(b"\xef\xbb\xbf" + json.dumps(a_log(a_result())).encode()))) == {"medium": 1}


def test_sarif_results_are_all_counted_and_listed_in_part() -> None:
    facts = scan("sarif", a_log(*[a_result(ruleId="A")] * 300, a_result(ruleId="Z", level="error")))
    assert counts(facts) == {"high": 1, "medium": 300}
    assert (len(facts.vulnerabilities), facts.vulnerabilities[0].id) == (MAX_LISTED, "Z")


def a_trivy(*targets: Any, **fields: Any) -> dict[str, Any]:
    return {"SchemaVersion": 2, "CreatedAt": "2026-11-20T10:00:00+01:00", "Results": list(targets)} | fields


def test_trivy_counts_vulnerabilities_failed_checks_and_secrets() -> None:
    one = {
        "VulnerabilityID": "CVE-2024-1",
        "PkgName": "a",
        "InstalledVersion": "1",
        "FixedVersion": "2",
        "Severity": "HIGH",
        "PkgIdentifier": {"PURL": "pkg:npm/a@1"},
        "CVSS": {"nvd": {"V2Score": 5, "V3Score": 9.8}, "ghsa": {"V3Score": 7.5}},
    }
    target = {
        "Target": "package-lock.json",
        "Vulnerabilities": [one, one, one | {"VulnerabilityID": "CVE-2024-2", "Severity": "UNKNOWN"}],
        "Misconfigurations": [
            {"ID": "DS001", "Severity": "LOW", "Status": "PASS"},
            {"ID": "DS002", "Severity": "LOW", "Status": "FAIL"},
        ],
        "Secrets": [{"RuleID": "aws", "Severity": "CRITICAL", "StartLine": 3}],
        "ExperimentalModifiedFindings": [{"Status": "ignored"}],
    }
    facts = scan("trivy", a_trivy(target, {"Target": "alpine"}))
    assert counts(facts) == {"critical": 1, "high": 1, "low": 1, "unknown": 1}
    found = facts.vulnerabilities[1]
    assert (found.id, found.score, found.purl, found.fixed_in) == ("CVE-2024-1", 9.8, "pkg:npm/a@1", "2")
    assert (facts.suppressed, facts.vulnerabilities[0].location) == (1, "package-lock.json:3")


@pytest.mark.parametrize(
    ("report", "where"),
    [
        ({"SchemaVersion": 2}, "Results"),
        (a_trivy(), "Results"),
        (a_trivy(SchemaVersion=1), "SchemaVersion"),
        (a_trivy({"Vulnerabilities": [{"Severity": "HIGH"}]}), "Results.0.Vulnerabilities.0.VulnerabilityID"),
        (a_trivy({"Misconfigurations": [{"ID": "x"}]}), "Results.0.Misconfigurations.0.Status"),
        (a_trivy({}, CreatedAt="yesterday"), "CreatedAt"),
    ],
)
def test_a_trivy_report_that_scanned_nothing_is_no_clean_one(report: dict[str, Any], where: str) -> None:
    assert problem(TRIVY, report).where == where


def a_match(name: str, severity: str, **artifact: Any) -> dict[str, Any]:
    cvss = [{"metrics": {"baseScore": 7.5}}, {"metrics": {"baseScore": 9.1}}]
    vulnerability = {"id": name, "severity": severity, "cvss": cvss, "fix": {"versions": ["2", "3"]}}
    return {"vulnerability": vulnerability, "artifact": {"name": "a", "version": "1"} | artifact}


def test_grype_counts_each_vulnerability_of_each_package_once() -> None:
    purls = ("pkg:deb/debian/a@1", "pkg:deb/debian/b@1")
    matches = [a_match("CVE-1", "Negligible", purl=purl) for purl in (*purls, *purls)]
    report = {
        "matches": [*matches, a_match("CVE-2", "Critical", locations=[{"path": "/x"}])],
        "ignoredMatches": [a_match("CVE-3", "High")],
        "descriptor": {"name": "grype", "version": "0.63.0", "timestamp": "2026-11-20T10:00:00Z"},
    }
    facts = scan("grype", report)
    assert (counts(facts), facts.suppressed) == ({"critical": 1, "low": 2}, 1)
    worst = facts.vulnerabilities[0]
    assert (worst.score, worst.fixed_in, worst.location) == (9.1, "2, 3", "/x")
    assert facts.scanner == "grype"
    assert problem(GRYPE, {"descriptor": {}}).where == "matches"


def a_project(*found: Any, **fields: Any) -> dict[str, Any]:
    return {"ok": not found, "vulnerabilities": list(found), "packageManager": "npm"} | fields


def a_snyk(name: str, severity: str = "high", **fields: Any) -> dict[str, Any]:
    return {"id": name, "severity": severity, "packageName": "@a/b", "version": "1", "cvssScore": 7.3} | fields


def test_snyk_counts_once_per_package_in_one_project_or_many() -> None:
    twice = a_project(a_snyk("SNYK-1"), a_snyk("SNYK-1"), a_snyk("L", type="license"), filtered={"ignore": [{}]})
    facts = scan("snyk", twice)
    assert (counts(facts), facts.suppressed) == ({"high": 1}, 1)
    assert (facts.vulnerabilities[0].purl, facts.vulnerabilities[0].score) == ("pkg:npm/%40a/b@1", 7.3)
    maven = a_project(a_snyk("SNYK-2", "medium", packageName="g:n"), packageManager="maven")
    several = scan("snyk", wrapped(json.dumps([twice, maven, a_project(applications=[twice])])))
    assert counts(several) == {"high": 2, "medium": 1}
    assert several.vulnerabilities[-1].purl == "pkg:maven/g/n@1"


@pytest.mark.parametrize(
    "report",
    [
        {"ok": False, "error": "could not reach the server", "vulnerabilities": []},
        a_project(a_snyk("x"), ok=True),
        a_project(a_snyk("x"), uniqueCount=2),
        {"ok": True},
        {"vulnerabilities": []},
        wrapped("[]"),
        wrapped("[1]"),
        wrapped("nothing"),
    ],
)
def test_a_snyk_report_that_failed_or_contradicts_itself_is_unreadable(report: dict[str, Any]) -> None:
    problem(SNYK, report)


@pytest.mark.parametrize(
    ("report", "severity"),
    [
        (a_log(a_result(level="error")), Severity.HIGH),
        (a_trivy({"Vulnerabilities": [{"VulnerabilityID": "x", "Severity": "LOW"}]}), Severity.LOW),
        ({"matches": [a_match("x", "Medium")]}, Severity.MEDIUM),
        ([a_project(a_snyk("x", "critical"))], Severity.CRITICAL),
    ],
)
def test_cosign_carries_the_report_of_any_scanner(report: Any, severity: Severity) -> None:
    times = {"scanStartedOn": "2026-11-20T10:00:00Z", "scanFinishedOn": "2026-11-20T10:10:00Z"}
    reading = kinds.read(COSIGN, {"scanner": {"uri": "x", "result": report}, "metadata": times}, NOW)
    assert reading.facts.kind == "vulnerabilities"
    assert reading.facts.counts[severity] == 1
    assert reading.claimed_at is not None
    assert reading.claimed_at.minute == 10


@pytest.mark.parametrize("report", [None, {}, [], "", {"vulnerabilities": []}, [{}], 1])
def test_cosign_with_a_report_of_nobody_is_unreadable(report: Any) -> None:
    times = {"scanFinishedOn": "2026-11-20T10:10:00Z"}
    assert problem(COSIGN, {"scanner": {"uri": "x", "result": report}, "metadata": times}).where == "scanner.result"
    problem(COSIGN, {"scanner": {"uri": "x", "result": a_log()}, "metadata": {}})


@pytest.mark.parametrize("wrapper", [{"Data": "\ud800"}, {"Data": 1}, {"content": "\u00e9"}, {"content": "="}])
def test_a_wrapper_around_nothing_readable_is_unreadable(wrapper: dict[str, Any]) -> None:
    assert problem(SARIF, wrapper).where == next(iter(wrapper))
