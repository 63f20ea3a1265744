"""By which other ids a finding is known, and since when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.facts import FoundVulnerability, VulnerabilityFacts
from tests.unit.evidence.report_builders import NOW, OURS, facts_of, problem
from tests.unit.evidence.test_kinds import VULNS, a_scan
from tests.unit.evidence.test_scan_reports import a_log, a_match, a_project, a_result, a_snyk, a_trivy

CVE, OTHER_CVE, GHSA = "CVE-2024-12345", "CVE-2023-1111", "GHSA-abcd-1234-wxyz"
PUBLISHED = "2026-10-20T10:00:00.123Z"
AT = datetime(2026, 10, 20, 10, 0, 0, 123_000, tzinfo=UTC)


def found(name: str, predicate: dict[str, Any]) -> FoundVulnerability:
    facts = facts_of(name if ":" in name else f"{OURS}/{name}/v1", predicate)
    assert isinstance(facts, VulnerabilityFacts), facts
    (only,) = facts.vulnerabilities
    return only


def grype(related: list[Any] | None, name: str = GHSA, **vulnerability: Any) -> dict[str, Any]:
    match = a_match(name, "High")
    match["vulnerability"] |= vulnerability
    return {"matches": [match | {"relatedVulnerabilities": related}]}


def trivy(**fields: Any) -> dict[str, Any]:
    return a_trivy({"Vulnerabilities": [{"VulnerabilityID": CVE} | fields]})


def in_toto(*annotations: Any) -> dict[str, Any]:
    return a_scan({"id": GHSA, "annotations": list(annotations)})


@pytest.mark.parametrize(
    ("name", "predicate", "aliases"),
    [
        ("grype", grype([{"id": CVE}, {"id": GHSA}, {"id": OTHER_CVE}, {"id": CVE}, {}]), (OTHER_CVE, CVE)),
        ("grype", grype(None), ()),
        ("trivy", trivy(VendorIDs=["RHSA-2024:1", GHSA, CVE, "DSA-1-1"]), (GHSA,)),
        ("trivy", trivy(VendorIDs=None), ()),
        (
            "snyk",
            a_project(a_snyk("SNYK-1", identifiers={"CVE": [CVE], "GHSA": [GHSA], "CWE": ["CWE-1"]})),
            (CVE, GHSA),
        ),
        ("snyk", a_project(a_snyk("SNYK-1", identifiers={"CWE": ["CWE-1"]})), ()),
        ("snyk", a_project(a_snyk("SNYK-1", identifiers=None)), ()),
        (VULNS, in_toto({"aliases": [CVE, GHSA, 1, "x"]}), (CVE,)),
        (VULNS, in_toto({"purl": "pkg:npm/a@1"}, {"aliases": f"{OTHER_CVE}, {CVE}"}), (OTHER_CVE, CVE)),
        (VULNS, in_toto({"aliases": None}), ()),
    ],
)
def test_aliases_are_the_other_cve_and_ghsa_ids(name: str, predicate: dict[str, Any], aliases: tuple[str, ...]) -> None:
    assert found(name, predicate).aliases == aliases


@pytest.mark.parametrize(
    ("rule", "aliases"),
    [
        ({"properties": {"cve": CVE}}, (CVE,)),
        ({"properties": {"tags": ["security", GHSA, CVE], "other": {"cve": OTHER_CVE}}}, (CVE, GHSA)),
        ({"properties": {"text": f"see {CVE}"}}, ()),
        ({"deprecatedIds": [OTHER_CVE, "old-rule"]}, (OTHER_CVE,)),
        ({}, ()),
    ],
)
def test_sarif_rules_carry_aliases(rule: dict[str, Any], aliases: tuple[str, ...]) -> None:
    assert found("sarif", a_log(a_result(ruleId="A"), rules=({"id": "A"} | rule,))).aliases == aliases


def test_aliases_are_spelled_in_one_way_and_never_the_id_itself() -> None:
    related = [{"id": "ghsa-ABCD-1234-WXYZ"}, {"id": "cve-2024-12345"}, {"id": CVE}, {"id": "CVE-2024-12345-x"}]
    assert found("grype", grype(related)).aliases == (CVE,)
    assert found("grype", grype(related, name="cve-2024-12345")).aliases == (GHSA,)


def test_ten_aliases_are_kept() -> None:
    related = [{"id": f"CVE-2024-{number:04}"} for number in range(20, 0, -1)]
    assert found("grype", grype(related)).aliases == tuple(f"CVE-2024-{number:04}" for number in range(1, 11))


@pytest.mark.parametrize(
    ("name", "predicate", "at"),
    [
        ("grype", grype(None, publishedDate=PUBLISHED), AT),
        ("grype", grype(None), None),
        ("trivy", trivy(PublishedDate=PUBLISHED), AT),
        ("trivy", trivy(PublishedDate="2026-10-20"), None),
        ("trivy", trivy(PublishedDate=1), None),
        ("snyk", a_project(a_snyk("S", publicationTime=PUBLISHED, disclosureTime="2020-01-01T00:00:00Z")), AT),
        ("snyk", a_project(a_snyk("S", disclosureTime=PUBLISHED)), AT),
        (VULNS, in_toto({"published_at": PUBLISHED}), AT),
        (VULNS, in_toto({"published_at": "lately"}), None),
        ("trivy", trivy(PublishedDate="2036-10-20T10:00:00Z"), NOW),
    ],
)
def test_publication_is_told_where_the_scanner_says_it(name: str, predicate: dict[str, Any], at: Any) -> None:
    assert found(name, predicate).published_at == at


def test_ids_that_are_no_texts_make_the_report_unreadable() -> None:
    assert problem(f"{OURS}/trivy/v1", trivy(VendorIDs=[1])).where.startswith("Results.0.Vulnerabilities.0.VendorIDs")
