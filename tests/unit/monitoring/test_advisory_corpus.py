"""Real advisories against recorded answers; needs the corpus beside the repository or in HALLMARK_CORPUS."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from services.monitoring.domain.advisory import Advisory, RangeType, read_advisory
from services.monitoring.domain.matching import Match, match
from services.monitoring.domain.ordering import ordering_for

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
OSV = CORPUS / "06-osv" / "give"
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS"),
]
ECOSYSTEMS = {"PyPI": "pypi", "Go": "golang", "Maven": "maven"}


def _documents(folder: str) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(OSV / "records" / folder / "all.zip") as archive:
        for name in archive.namelist():
            yield json.loads(archive.read(name))


def _purl(ecosystem: str, name: str, version: str) -> str:
    namespace, _, last = name.replace(":", "/").rpartition("/")
    return PackageURL(ECOSYSTEMS.get(ecosystem, ecosystem), namespace, last, version).to_string()


def _by_ranges_alone(advisory: Advisory) -> Advisory:
    entries = (one.model_copy(update={"versions": ()}) for one in advisory.affected)
    return advisory.model_copy(update={"affected": tuple(entries)})


@pytest.mark.parametrize("folder", ["PyPI", "Go", "Maven", "crates.io", "other"])
def test_every_real_record_is_read(folder: str) -> None:
    for document in _documents(folder):
        assert read_advisory(document).id == document["id"]


def test_pypi_ranges_agree_with_the_versions_enumerated_upstream() -> None:
    advisories = {one["id"]: _by_ranges_alone(read_advisory(one)) for one in _documents("PyPI")}
    lines = (OSV / "oracle-pypi-enumerated-versions.jsonl").read_text("utf-8").splitlines()
    asked = [(advisories[line["id"]], line) for line in map(json.loads, lines) if line["id"] in advisories]
    agreed, wrong = 0, []
    for advisory, line in asked:
        for version in line["affected"] + line["not_affected"]:
            answer = match(_purl("PyPI", line["package"], version), advisory)
            if isinstance(answer, Match if version in line["affected"] else type(None)):
                agreed += 1
            else:
                wrong.append((advisory.id, version, answer))
    assert wrong == []
    assert agreed > 100_000


def test_what_a_public_matcher_reported_is_reported() -> None:
    advisories = {one["id"]: read_advisory(one) for folder in ECOSYSTEMS for one in _documents(folder)}
    reported = 0
    for answer in json.loads((OSV / "oracle-osv-api-answers.json").read_bytes()):
        for advisory in (advisories[name] for name in answer["osv_ids"] if name in advisories):
            found = match(_purl(answer["ecosystem"], answer["name"], answer["version"]), advisory)
            assert isinstance(found, Match), (answer["name"], answer["version"], advisory.id, found)
            reported += 1
    assert reported > 100


def test_npm_bounds_agree_with_what_the_maintainers_called_vulnerable_and_patched() -> None:
    asked = 0
    for document in _documents("npm-nodejs-security-wg-not-osv"):
        vulnerable = re.fullmatch(r"(<=?)\s*(\d+\.\d+\.\d+)", str(document["vulnerable_versions"]))
        patched = re.fullmatch(r">=\s*(\d+\.\d+\.\d+)", str(document["patched_versions"]))
        if not vulnerable or not patched:
            continue
        bound = "fixed" if vulnerable[1] == "<" else "last_affected"
        events = [{"introduced": "0"}, {bound: vulnerable[2]}]
        package = {"ecosystem": "npm", "name": document["module_name"]}
        affected = {"package": package, "ranges": [{"type": "SEMVER", "events": events}]}
        record = {"id": f"NSWG-{document['id']}", "modified": "2026-01-01T00:00:00Z", "affected": [affected]}
        advisory = read_advisory(record)
        at_bound = match(_purl("npm", document["module_name"], vulnerable[2]), advisory)
        assert isinstance(at_bound, Match) is (bound == "last_affected"), document["id"]
        assert match(_purl("npm", document["module_name"], patched[1]), advisory) is None, document["id"]
        asked += 1
    assert asked > 100


@pytest.mark.parametrize(("ecosystem", "least"), [("Maven", 900), ("NuGet", 30)])
def test_versions_are_ordered_as_the_vers_specification_says(ecosystem: str, least: int) -> None:
    ordering = ordering_for(ecosystem, RangeType.ECOSYSTEM)
    assert ordering is not None
    suite = json.loads(
        (CORPUS / "07-purl-vers" / "give" / "vers" / f"{ecosystem.lower()}_version_cmp_test.json").read_bytes()
    )
    for case in suite["tests"]:
        versions, expected = case["input"]["versions"], case["expected_output"]
        first, second = map(ordering.bound, versions)
        if case["test_type"] == "equality":
            assert (not first < second and not second < first) is expected, case
        else:
            # The suite writes its answers in normal form: only letter case may differ.
            ordered = [text.lower() for text in sorted(versions, key=ordering.bound)]
            assert ordered == [text.lower() for text in expected], case
    assert len(suite["tests"]) >= least
