"""Hallmark's matching alone, asked what the peer is asked (`peers/vdb_matching.py`), in memory.

The time has everything in it that a component takes: reading its package URL and version, and of each advisory its
ranges and versions, when the first component asks about it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.monitoring.domain.advisory import Advisory, read_advisory
from services.monitoring.domain.matching import Answer, Matcher, matches_among


def _matched(advisories: Sequence[Advisory], purls: Sequence[str]) -> tuple[dict[str, float], dict[str, Any]]:
    began, cpu = time.perf_counter(), time.process_time()
    matcher = Matcher(advisories)
    answers: dict[str, tuple[Answer, ...]] = {}
    for purl in purls:
        if purl not in answers:
            answers[purl] = matcher.answers(purl)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    hits = {
        purl: [sorted({hit.advisory_id, *hit.aliases}) for hit in matches_among(said)] for purl, said in answers.items()
    }
    return {
        "components": len(purls),
        "s": round(took, 2),
        "cpu_s": round(cpu, 3),
        "cpu_ms_per_component": round(cpu * 1000 / len(purls), 4),
    }, hits


def main(path: str) -> None:
    given = json.loads(Path(path).read_bytes())
    advisories = [read_advisory(one) for one in given.pop("records")]
    said: dict[str, Any] = {}
    hits: dict[str, Any] = {}
    for name, purls in given["asked"].items():
        said[name], hits = _matched(advisories, purls)
    said["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({**said, "hits": hits}))


if __name__ == "__main__":
    main(sys.argv[1])
