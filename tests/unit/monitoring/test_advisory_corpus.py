"""Real advisories are read, and mean what their makers said; needs the corpus (HALLMARK_CORPUS says where)."""

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

from services.monitoring.domain.advisory import read_advisory
from services.monitoring.domain.matching import Match, match

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
OSV = CORPUS / "06-osv" / "give"
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS"),
]


def _documents(folder: str) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(OSV / "records" / folder / "all.zip") as archive:
        for name in archive.namelist():
            yield json.loads(archive.read(name))


def _purl(ecosystem: str, name: str, version: str) -> str:
    namespace, _, last = name.replace(":", "/").rpartition("/")
    return PackageURL(ecosystem, namespace, last, version).to_string()


@pytest.mark.parametrize("folder", ["PyPI", "Go", "Maven", "crates.io", "other"])
def test_every_real_record_is_read(folder: str) -> None:
    for document in _documents(folder):
        assert read_advisory(document).id == document["id"]


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
