"""appthreat-vulnerability-db on the same advisories and components, in a Python that has it and nothing of Hallmark.

Reads `{"records": [...], "purls": [...]}` from a file, says what it took and what it found as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {"VDB_HOME": tempfile.mkdtemp(prefix="hallmark-bench-vdb-"), "NVD_START_YEAR": "1990", "VDB_QUIET": "1"}

from vdb.lib.osv import OSVSource  # type: ignore[import-not-found]
from vdb.lib.search import search_packages_batched  # type: ignore[import-not-found]


def _imported(records: list[dict[str, Any]]) -> float:
    began = time.perf_counter()
    source = OSVSource()
    source._start_year = None  # noqa: SLF001 - as its own download does for feeds of applications: no year is too early
    for record in records:
        source.store(source.convert(record))
    return time.perf_counter() - began


def _matched(purls: list[str]) -> tuple[float, set[tuple[str, str]]]:
    found: set[tuple[str, str]] = set()
    began = time.perf_counter()
    for batch in search_packages_batched([{"purl": purl} for purl in purls], batch_size=200):
        for package in batch:
            found |= {(package["locator"]["purl"], name) for name in package["cve_ids"]}
    return time.perf_counter() - began, found


def main(path: str) -> None:
    given = json.loads(Path(path).read_bytes())
    importing = _imported(given["records"])
    before = time.process_time()
    matching, found = _matched(given["purls"])
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    took = {"import_s": round(importing, 1), "match_s": round(matching, 2), "match_cpu_s": round(cpu, 2)}
    print(json.dumps({**took, "memory_mib": peak, "found": sorted(found)}))


if __name__ == "__main__":
    main(sys.argv[1])
