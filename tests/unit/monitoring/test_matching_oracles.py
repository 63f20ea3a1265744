"""How far matching agrees with recorded answers and published suites; docs/architecture/matching.md tells the counts.

The counts are those of the corpus that lies beside the repository (or in HALLMARK_CORPUS). A count that changes is a
change of what matching says: either a mistake, or a reason to tell both anew.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from services.monitoring.domain.advisory import Advisory, RangeType, read_advisory
from services.monitoring.domain.matching import Match, match
from services.monitoring.domain.ordering import Unreadable, ordering_for
from services.monitoring.domain.packages import PackageKey, advisory_key, component_of
from shared.errors import Invalid

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
OSV, SUITES = CORPUS / "06-osv" / "give", CORPUS / "07-purl-vers" / "give"
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS"),
]
FOLDERS = ("PyPI", "Go", "Maven", "crates.io", "other")
TYPES = {"PyPI": "pypi", "Go": "golang", "Maven": "maven", "crates.io": "cargo", "RubyGems": "gem", "NuGet": "nuget"}
DISTRIBUTIONS = {"Debian": "deb/debian", "Ubuntu": "deb/ubuntu", "Alpine": "apk/alpine", "openSUSE": "rpm/opensuse"}


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for folder in FOLDERS:
        with zipfile.ZipFile(OSV / "records" / folder / "all.zip") as archive:
            found |= {one["id"]: one for one in (json.loads(archive.read(name)) for name in archive.namelist())}
    return found


@pytest.fixture(scope="module")
def advisories(records: dict[str, dict[str, Any]]) -> dict[str, Advisory]:
    return {name: read_advisory(record) for name, record in records.items()}


def purl(ecosystem: str, name: str, version: str) -> str:
    base, _, suffix = ecosystem.partition(":")
    if base in DISTRIBUTIONS:
        kind, _, namespace = DISTRIBUTIONS[base].partition("/")
        return PackageURL(kind, namespace, name, version, {"distro": suffix}).to_string()
    namespace, _, last = name.replace(":", "/").rpartition("/")
    return PackageURL(TYPES.get(base, base.lower()), namespace, last, version).to_string()


def said(component: str, advisory: Advisory) -> str:
    answer = match(component, advisory)
    return "hit" if isinstance(answer, Match) else "undecided" if answer else "no"


def by_ranges_alone(advisory: Advisory) -> Advisory:
    entries = (replace(one, versions=()) for one in advisory.affected)
    return replace(advisory, affected=tuple(entries))


def test_answers_of_the_osv_service(advisories: dict[str, Advisory]) -> None:
    naming: dict[PackageKey, set[str]] = defaultdict(set)
    for advisory in advisories.values():
        for one in advisory.affected:
            naming[advisory_key(one.ecosystem, one.name)].add(advisory.id)
    counts: Counter[tuple[bool, str]] = Counter()
    differences: set[str] = set()
    for asked in json.loads((OSV / "oracle-osv-api-answers.json").read_bytes()):
        component = purl(asked["ecosystem"], asked["name"], asked["version"])
        candidates = {name for package in component_of(component).advised for name in naming[package.key]}
        assert not (advisories.keys() & set(asked["osv_ids"])) - candidates, "an advisory it found is not even asked"
        for name in candidates:
            answer = said(component, advisories[name])
            counts[name in asked["osv_ids"], answer] += 1
            if (answer == "hit") is not (name in asked["osv_ids"]):
                differences.add(name)
    assert counts == {(True, "hit"): 108, (False, "no"): 212, (False, "hit"): 15}
    later = {f"GO-2026-{number}" for number in (5026, 5972, 6088, 6090, 6091, 6218, 6179, 6180)}
    assert differences == later | {"GHSA-mmwx-rj87-vfgr"}


def test_versions_that_pypi_advisories_enumerate(advisories: dict[str, Advisory]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for line in map(json.loads, (OSV / "oracle-pypi-enumerated-versions.jsonl").read_text("utf-8").splitlines()):
        advisory = advisories.get(line["id"])
        if advisory is None:
            counts["record is not there", ""] += 1
            continue
        for kind in ("affected", "not_affected", "affected_by_list_only", "in_range_but_not_listed"):
            asked = advisory if kind == "affected_by_list_only" else by_ranges_alone(advisory)
            for version in line[kind]:
                counts[kind, said(purl("PyPI", line["package"], version), asked)] += 1
    assert counts == {
        ("affected", "hit"): 69_733,
        ("not_affected", "no"): 71_225,
        ("affected_by_list_only", "hit"): 3,
        ("in_range_but_not_listed", "hit"): 561,
        ("record is not there", ""): 1,
    }


def test_versions_that_other_advisories_enumerate(advisories: dict[str, Advisory]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for advisory in advisories.values():
        for entry in advisory.affected:
            by_version = any(one.type is not RangeType.GIT for one in entry.ranges)
            if entry.ecosystem == "PyPI" or not entry.versions or not by_version:
                continue
            alone = by_ranges_alone(replace(advisory, affected=(entry,)))
            for version in entry.versions:
                answer = said(purl(entry.ecosystem, entry.name, version), alone)
                counts[entry.ecosystem.partition(":")[0], answer] += 1
    assert counts == {
        ("Maven", "hit"): 14_744,
        ("RubyGems", "hit"): 199,
        ("Ubuntu", "hit"): 180,
        ("NuGet", "hit"): 16,
        ("crates.io", "hit"): 3,
    }


def test_reports_of_osv_scanner() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted((OSV / "osv-scanner").glob("*.json")):
        for result in json.loads(path.read_bytes()).get("results") or ():
            for found in result["packages"]:
                package = found["package"]
                component = purl(package["ecosystem"], package["name"], package["version"])
                for record in found.get("vulnerabilities") or ():
                    counts[package["ecosystem"], said(component, read_advisory(record))] += 1
    assert counts == {("crates.io", "hit"): 46, ("Go", "hit"): 25, ("Debian:10", "hit"): 2}


def test_words_and_vectors_of_the_same_advisory(records: dict[str, dict[str, Any]]) -> None:
    counts: Counter[str] = Counter()
    for record in records.values():
        word = (record.get("database_specific") or {}).get("severity")
        if not isinstance(word, str) or not record.get("severity"):
            continue
        rated = read_advisory({**record, "database_specific": None}).severity
        counts["same" if rated is read_advisory(record).severity else record["id"]] += 1
    assert counts == {"same": 175, "GHSA-mmwx-rj87-vfgr": 1}


SUITES_OF_ORDER = [
    ("Maven", "vers/maven_version_cmp_test.json", {"same": 977}),
    ("NuGet", "vers/nuget_version_cmp_test.json", {"same": 33}),
    ("Debian", "univers/deb_version_python_pkg_test.json", {"same": 16}),
]


@pytest.mark.parametrize(("ecosystem", "path", "expected"), SUITES_OF_ORDER)
def test_suites_of_version_order(ecosystem: str, path: str, expected: dict[str, int]) -> None:
    ordering = ordering_for(ecosystem, RangeType.ECOSYSTEM)
    assert ordering is not None
    counts: Counter[str] = Counter()
    suite = json.loads((SUITES / path).read_bytes())
    for case in suite if isinstance(suite, list) else suite["tests"]:
        versions, wanted = case["input"]["versions"], case["expected_output"]
        ordered = sorted(versions, key=ordering.bound)
        first, second = ordering.bound(ordered[0]), ordering.bound(ordered[-1])
        # The suites write their answers in normal form: only letter case may differ.
        same = (not first < second) is wanted if wanted in (True, False) else _lower(ordered) == _lower(wanted)
        counts["same" if same else str(versions)] += 1
    assert counts == expected


def test_ranges_of_the_vers_specification() -> None:
    suite = json.loads((SUITES / "vers" / "pypi_range_containment_test.json").read_bytes())
    counts: Counter[bool] = Counter()
    for case in suite["tests"]:
        advisory = _advisory_of(case["input"]["vers"])
        answer = said(purl("PyPI", "a", case["input"]["version"]), advisory)
        counts[(answer == "hit") is case["expected_output"]] += 1
    assert counts == {True: 10}


def test_package_urls_of_the_specification() -> None:
    counts: Counter[str] = Counter()
    for path in sorted((SUITES / "purl").glob("*-test.json")):
        for case in json.loads(path.read_bytes())["tests"]:
            if case["test_type"] == "parse":
                counts["same" if _reads(case) else case["input"]] += 1
    assert counts == {
        "same": 108,
        "pkg:brew/SQLite@3.43.2": 1,
        "pkg:brew/Homebrew/Core/sqlite@3.43.2": 1,
        "pkg:gem/jruby-launcher@1.1.2?Platform=java": 1,
        "pkg:vcpkg/boost/asio@1.84.0": 1,
    }


def test_every_distribution_version_that_the_service_was_asked_about_can_be_read() -> None:
    unreadable: set[tuple[str, str]] = set()
    asked = Counter[str]()
    for one in json.loads((OSV / "oracle-osv-api-answers.json").read_bytes()):
        base = one["ecosystem"].partition(":")[0]
        ordering = ordering_for(base, RangeType.ECOSYSTEM)
        if base not in DISTRIBUTIONS or ordering is None:
            continue
        asked[base] += 1
        try:
            ordering.bound(one["version"])
        except Unreadable:
            unreadable.add((base, one["version"]))
    assert asked == {"Alpine": 68, "Debian": 95, "Ubuntu": 72, "openSUSE": 76}
    assert unreadable == set()


def _reads(case: dict[str, Any]) -> bool:
    try:
        component_of(case["input"])
        read = PackageURL.from_string(case["input"]).to_dict()
    except (Invalid, ValueError):
        return bool(case["expected_failure"])
    wanted = case.get("expected_output") or {}
    same = all((read[name] or None) == (wanted.get(name) or None) for name in ("type", "namespace", "name", "version"))
    return same and not case["expected_failure"]


def _advisory_of(vers: str) -> Advisory:
    """A range of the vers specification as an OSV record: single versions are listed, bounds become one range."""
    parts = vers.partition("/")[2].split("|")
    events: list[dict[str, str]] = []
    lower = False
    for part in sorted((one for one in parts if one[0] in "<>"), key=_bound):
        version = part.lstrip("<>=")
        if part.startswith(">"):
            events.append({"introduced": version if part.startswith(">=") else f"{version}.0.0.0.0.1.dev0"})
        else:
            events += [] if lower else [{"introduced": "0"}]
            events.append({"last_affected" if part.startswith("<=") else "fixed": version})
        lower = part.startswith(">")
    entry: dict[str, Any] = {
        "package": {"ecosystem": "PyPI", "name": "a"},
        "versions": [part.lstrip("=") for part in parts if part[0] not in "<>!"],
    }
    if events:
        entry["ranges"] = [{"type": "ECOSYSTEM", "events": events}]
    return read_advisory({"id": "VERS", "modified": "2026-01-01T00:00:00Z", "affected": [entry]})


def _bound(part: str) -> Any:
    ordering = ordering_for("PyPI", RangeType.ECOSYSTEM)
    assert ordering is not None
    return ordering.bound(part.lstrip("<>="))


def _lower(texts: list[str]) -> list[str]:
    return [text.lower() for text in texts]
