"""Another matcher beside Hallmark's: appthreat-vulnerability-db, in a Python of its own that is thrown away.

- It leaves out what PyPI and Go say of a flaw that GitHub has a record of, and expects that record. So that it matches
  against the same advisories, GitHub's names are taken off what it gets of these two.
- Each is asked in a process of its own that has done nothing else, and asked twice: about all components as the
  releases list them, and about every distinct one once.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.monitoring_differences import compared
from benchmarks.peers.installing import NotHereError, said

PACKAGE = "appthreat-vulnerability-db"
_PROGRAM = Path(__file__).parent / "peers" / "vdb_matching.py"
_LEFT_OUT = ("PYSEC-", "GO-")
Records = Sequence[dict[str, Any]]


async def beside(osv: Records, listed: Sequence[str]) -> dict[str, Any]:
    """What matching alone takes for these components, and where findings differ; why not, where it cannot be had."""
    asked = {"listed": list(listed), "distinct": sorted(set(listed))}
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-peer-") as folder:
        own = await _asked(sys.executable, ("-m", "benchmarks.monitoring_own"), Path(folder), osv, asked)
        ours = {purl: [frozenset(names) for names in hits] for purl, hits in own.pop("hits").items()}
        try:
            python = await _installed(Path(folder) / "python")
            release = (await said(python, "-m", "pip", "show", PACKAGE)).splitlines()[1]
            peer = await _asked(python, (_PROGRAM,), Path(folder), [_nameless(one) for one in osv], asked)
        except NotHereError as error:
            return {"own": own, "not_measured": str(error)}
    found = {(purl, name) for purl, name in peer.pop("found")}
    taken_over = set(peer.pop("taken_over"))
    times = {name: round(peer[name]["cpu_s"] / own[name]["cpu_s"], 1) for name in asked}
    findings = compared(osv, ours, found, taken_over)
    return {"release": release, "own": own, "peer": peer, "peer_to_own": times, "findings": findings}


def _nameless(record: dict[str, Any]) -> dict[str, Any]:
    if not record["id"].startswith(_LEFT_OUT):
        return record
    return {**record, "aliases": [one for one in record.get("aliases") or () if not one.startswith("GHSA-")]}


async def _asked(
    python: Path | str, program: Sequence[Path | str], folder: Path, osv: Records, asked: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    question = folder / "question.json"
    question.write_text(json.dumps({"records": list(osv), "asked": asked}), encoding="utf-8")
    answer: dict[str, Any] = json.loads(await said(python, *program, question))
    return answer


async def _installed(folder: Path) -> Path:
    await said(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    await said(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE)
    return python
