from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts.vocabulary import Severity
from services.monitoring.domain.advisory import is_newer, reaches, read_advisory, worst
from services.monitoring.storage import advisories
from shared.errors import Invalid


def record(**changes: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "Django"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "4.2.1"}]}],
        "versions": ["4.2"],
    }
    return {
        "id": "PYSEC-1",
        "modified": "2026-01-02T03:04:05+02:00",
        "aliases": ["GHSA-x", "CVE-1"],
        "details": "First line.\nSecond line.",
        "affected": [affected],
        **changes,
    }


def ranged(*events: dict[str, Any]) -> dict[str, Any]:
    package = {"ecosystem": "PyPI", "name": "a"}
    return record(affected=[{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}])


def test_a_record_becomes_an_advisory_that_survives_storage() -> None:
    advisory = read_advisory(record())
    assert (advisory.id, advisory.aliases, advisory.summary) == ("PYSEC-1", ("CVE-1", "GHSA-x"), "First line.")
    assert advisory.modified.isoformat() == "2026-01-02T01:04:05+00:00"
    assert advisory.affected[0].fixed_versions == ("4.2.1",)
    assert advisory.affected[0].versions == ("4.2",)
    assert advisories.from_document(advisories._to_document(advisory)) == advisory
    withdrawn = replace(advisory, withdrawn=advisory.modified)
    assert advisories.from_document(advisories._to_document(withdrawn)) == withdrawn


@pytest.mark.parametrize(
    ("word", "severity"),
    [("MODERATE", Severity.MEDIUM), ("critical", Severity.CRITICAL), ("odd", Severity.UNKNOWN), (7, Severity.UNKNOWN)],
)
def test_the_databases_word_is_the_severity(word: object, severity: Severity) -> None:
    assert read_advisory(record(database_specific={"severity": word})).severity is severity


V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("scores", "severity"),
    [
        ([V2], Severity.HIGH),
        ([V3], Severity.CRITICAL),
        ([V3 + "/"], Severity.CRITICAL),
        ([V4], Severity.LOW),
        ([V2, V4, V3], Severity.LOW),
        ([V3, V2], Severity.CRITICAL),
        (["CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"], Severity.NONE),
        (["Medium"], Severity.MEDIUM),
        (["negligible", V3], Severity.LOW),
        (["CVSS:3.1/AV:N", V2], Severity.HIGH),
        (["CVSS:3.1/AV:N", "9.8", "A" * 5000, "", "CVSS:9.9/AV:N", "()"], Severity.UNKNOWN),
    ],
)
def test_without_a_word_the_worst_vector_is_rated(scores: list[str], severity: Severity) -> None:
    severities = [{"type": "CVSS_V3", "score": score} for score in scores]
    assert read_advisory(record(severity=severities)).severity is severity
    entry = {"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1"], "severity": severities}
    assert read_advisory(record(affected=[entry])).severity is severity
    word = read_advisory(record(severity=severities, database_specific={"severity": "MODERATE"}))
    assert word.severity is Severity.MEDIUM, "the word of a database wins"


@pytest.mark.parametrize("junk", [None, 7, "CVSS:3.1", {}, [None, 7, {"score": 9.8}, {"type": "CVSS_V3"}]])
def test_a_severity_that_cannot_be_read_is_unknown(junk: Any) -> None:
    assert read_advisory(record(severity=junk)).severity is Severity.UNKNOWN


def test_the_worst_word_of_the_affected_entries_stands_in() -> None:
    entries = [
        {"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1"], "ecosystem_specific": {"severity": "LOW"}},
        {"package": {"ecosystem": "npm", "name": "b"}, "versions": ["1"], "database_specific": {"severity": "HIGH"}},
    ]
    assert read_advisory(record(affected=entries)).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (record(id=None), "id"),
        (record(id="two words"), "id"),
        (record(modified="yesterday"), "modified"),
        (record(modified="2026-01-02T03:04:05"), "modified"),
        (record(aliases="CVE-1"), "aliases"),
        (record(affected=[{"package": {"ecosystem": "PyPI"}}]), "affected.0.package.name"),
        (ranged({"introduced": 5.0}), "affected.0.ranges.0.events.0.introduced"),
        (ranged({"introduced": "0", "fixed": "1"}), "affected.0.ranges.0"),
        (ranged({"fixed": "1"}), "affected.0.ranges.0"),
        (ranged({"introduced": "0"}, {"fixed": "2"}, {"last_affected": "1"}), "affected.0.ranges.0"),
        (ranged({"introduced": "0"}, {"until": "2"}), "affected.0.ranges.0.events.1.until"),
        (ranged(), "affected.0.ranges.0.events"),
    ],
)
def test_a_malformed_record_is_refused_with_its_id_and_path(broken: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_advisory(broken)
    assert refused.value.code == "advisory_malformed"
    assert f"malformed at {path}" in refused.value.message
    assert str(broken["id"]) in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("nothing", [[], "text", None, 7])
def test_what_is_no_object_is_refused(nothing: Any) -> None:
    with pytest.raises(Invalid, match="malformed at the record"):
        read_advisory(nothing)


def test_entries_without_a_package_are_left_out() -> None:
    git = {"ranges": [{"type": "GIT", "repo": "https://example.org/r", "events": [{"introduced": "0"}]}]}
    assert read_advisory(record(affected=[git])).affected == ()


def test_only_a_different_record_that_is_not_older_replaces_a_known_one() -> None:
    known = read_advisory(record())
    assert is_newer(known, None)
    assert not is_newer(known, known)
    assert is_newer(read_advisory(record(summary="revised")), known)
    assert is_newer(read_advisory(record(modified="2027-01-01T00:00:00Z")), known)
    assert not is_newer(read_advisory(record(modified="2025-01-01T00:00:00Z")), known)


def test_unknown_counts_at_every_threshold_but_yields_to_a_rating() -> None:
    assert all(reaches(Severity.UNKNOWN, threshold) for threshold in Severity)
    assert reaches(Severity.LOW, Severity.LOW)
    assert not reaches(Severity.NONE, Severity.LOW)
    assert not reaches(Severity.HIGH, Severity.CRITICAL)
    assert worst([Severity.UNKNOWN, Severity.LOW]) is Severity.LOW
    assert worst([Severity.NONE, Severity.UNKNOWN]) is Severity.UNKNOWN
    assert worst([]) is Severity.UNKNOWN
