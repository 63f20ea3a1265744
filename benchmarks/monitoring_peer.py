"""Another matcher beside Hallmark's: appthreat-vulnerability-db, in a Python of its own that is thrown away."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.installing import NotHereError, said

PACKAGE = "appthreat-vulnerability-db"
_PROGRAM = Path(__file__).parent / "peers" / "vdb_matching.py"


async def beside(
    osv: Sequence[dict[str, Any]], purls: Sequence[str], own: tuple[float, Mapping[str, Sequence[set[str]]]]
) -> dict[str, Any]:
    """What it takes for these components, and where its findings and ours differ; why not, where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-peer-") as folder:
        question = Path(folder) / "question.json"
        question.write_text(json.dumps({"records": list(osv), "purls": list(purls)}), encoding="utf-8")
        try:
            python = await _installed(Path(folder) / "python")
            release = (await said(python, "-m", "pip", "show", PACKAGE)).splitlines()[1]
            answer = json.loads(await said(python, _PROGRAM, question))
        except NotHereError as error:
            return {"not_measured": str(error)}
    took, ours = own
    found = {(purl, name) for purl, name in answer.pop("found")}
    return {
        "release": release,
        "components": len(purls),
        **answer,
        "ms_per_component": round(answer["match_cpu_s"] * 1000 / len(purls), 3),
        "own_matching_cpu_s": round(took, 2),
        "own_ms_per_component": round(took * 1000 / len(purls), 3),
        **compared(ours, found),
    }


def compared(ours: Mapping[str, Sequence[set[str]]], theirs: set[tuple[str, str]]) -> dict[str, Any]:
    """How many findings both have, by any name of a flaw, and some that only one has."""
    both = sum(any((purl, name) in theirs for name in names) for purl, hits in ours.items() for names in hits)
    only_ours = [
        (purl, min(names))
        for purl, hits in ours.items()
        for names in hits
        if not any((purl, name) in theirs for name in names)
    ]
    known = {(purl, name) for purl, hits in ours.items() for names in hits for name in names}
    only_theirs = sorted(theirs - known)
    return {
        "both": both,
        "only_ours": len(only_ours),
        "only_theirs": len(only_theirs),
        "some_only_ours": only_ours[:15],
        "some_only_theirs": only_theirs[:15],
    }


async def _installed(folder: Path) -> Path:
    await said(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    await said(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE)
    return python
