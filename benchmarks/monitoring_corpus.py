"""The advisories that releases are matched against: those of the corpus beside the repository (or HALLMARK_CORPUS)."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from benchmarks.monitoring_scene import Package, advisory
from services.monitoring.domain.advisory import RangeType
from services.monitoring.domain.ordering import Unreadable, ordering_for

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
_TYPES = {"PyPI": "pypi", "Go": "golang", "Maven": "maven", "crates.io": "cargo"}
_MOST_VERSIONS = 40


def records() -> list[dict[str, Any]]:
    """OSV records."""
    found: dict[str, dict[str, Any]] = {}
    for folder in _TYPES:
        path = CORPUS / "06-osv" / "give" / "records" / folder / "all.zip"
        if path.exists():
            with zipfile.ZipFile(path) as archive:
                found |= {one["id"]: one for one in (json.loads(archive.read(name)) for name in archive.namelist())}
    return list(found.values()) or [advisory(f"B-{number}", f"made-up-{number}") for number in range(2_000)]


def packages(osv: list[dict[str, Any]]) -> list[Package]:
    """Packages that these name, each at versions that these mention, and at the next one."""
    found: dict[Package, None] = {}
    for affected in (one for record in osv for one in record.get("affected") or ()):
        package = affected.get("package") or {}
        kind = _TYPES.get(str(package.get("ecosystem")))
        if kind is None:
            continue
        namespace, _, last = package["name"].replace(":", "/").rpartition("/")
        name = PackageURL(kind, namespace, last).to_string()
        events = [version for one in affected.get("ranges") or () if one["type"] != "GIT" for version in _events(one)]
        for version in [*events, *(affected.get("versions") or ())[:_MOST_VERSIONS]]:
            if _readable(package["ecosystem"], version):
                found[name, version] = None
    return list(found)


def _events(one: dict[str, Any]) -> list[str]:
    return [version for event in one["events"] for version in event.values() if version != "0"]


def _readable(ecosystem: str, version: str) -> bool:
    ordering = ordering_for(ecosystem, RangeType.ECOSYSTEM)
    try:
        return ordering is not None and bool(ordering.bound(version)) and "+" not in version
    except Unreadable:
        return False
