"""In which lines two values differ, as JSON: pure."""

from __future__ import annotations

import difflib
import json
from typing import Any


def difference(there: Any, wanted: Any) -> list[str]:
    """The lines in which what is wanted differs; fields that the document does not mention do not count."""
    there = _projected(there, wanted)
    return [] if there == wanted else changed_lines(there, wanted)


def changed_lines(there: Any, wanted: Any) -> list[str]:
    """The lines that change between two values, as a unified diff shows them."""
    before, after = (json.dumps(side, indent=2, sort_keys=True, default=str).splitlines() for side in (there, wanted))
    return list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]


def _projected(there: Any, wanted: Any) -> Any:
    if isinstance(there, dict) and isinstance(wanted, dict):
        return {key: _projected(there.get(key), value) for key, value in wanted.items()}
    if isinstance(there, list) and isinstance(wanted, list) and len(there) == len(wanted):
        return [_projected(one, other) for one, other in zip(there, wanted, strict=True)]
    return there
