"""appthreat-vulnerability-db on the same advisories and components, in a Python that has it and nothing of Hallmark.

Reads `{"records": [...], "asked": {name: [purl, ...]}}` from a file; says what it took for each of the questions, what
it found of the last, and from which records it has taken something over, as JSON.
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

from vdb.lib.osv import OSVSource
from vdb.lib.search import search_packages_batched


def _imported(records: list[dict[str, Any]]) -> list[str]:
    source = OSVSource()
    source._start_year = None  # noqa: SLF001 - as its own download does for feeds of applications: no year is too early
    taken_over = []
    for record in records:
        converted = source.convert(record)
        source.store(converted)
        taken_over += [record["id"]] if converted else []
    return taken_over


def _matched(purls: list[str]) -> tuple[dict[str, float], set[tuple[str, str]]]:
    found: set[tuple[str, str]] = set()
    began, cpu = time.perf_counter(), time.process_time()
    for batch in search_packages_batched([{"purl": purl} for purl in purls], batch_size=200):
        for package in batch:
            found |= {(package["locator"]["purl"], name) for name in package["cve_ids"]}
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "components": len(purls),
        "s": round(took, 2),
        "cpu_s": round(cpu, 2),
        "cpu_ms_per_component": round(cpu * 1000 / len(purls), 4),
    }, found


def main(path: str) -> None:
    given = json.loads(Path(path).read_bytes())
    began = time.perf_counter()
    taken_over = _imported(given["records"])
    said: dict[str, Any] = {"import_s": round(time.perf_counter() - began, 1)}
    found: set[tuple[str, str]] = set()
    for name, purls in given["asked"].items():
        said[name], found = _matched(purls)
    said["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({**said, "taken_over": taken_over, "found": sorted(found)}))


if __name__ == "__main__":
    main(sys.argv[1])
