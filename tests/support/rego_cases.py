"""OPA's own conformance cases, read and run one by one; see docs/rego-conformance.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regorus import Engine

from shared.rego.builtins import ALLOWED, is_reserved

_CALL = re.compile(r"([a-z_]\w*(?:\.[a-z_]\w*)*)\(")


@dataclass(frozen=True, slots=True)
class Case:
    """One case, named by its file and its note."""

    name: str
    said: dict[str, Any]

    @property
    def modules(self) -> list[str]:
        """The texts of its modules."""
        return list(self.said.get("modules") or ())

    @property
    def uses_refused_builtins(self) -> bool:
        """Does it call, or mention with `with`, what policies may not call?"""
        text = re.sub(r"#.*", "", "\n".join([*self.modules, self.said["query"], self.said.get("input_term", "")]))
        own = set(re.findall(r"^(?:default )?([a-z_]\w*)\(", text, re.MULTILINE))
        names = {name for name in _CALL.findall(text) if name.split(".")[0] not in {"data", "input"}}
        return any(is_reserved(name) and name not in ALLOWED for name in names - own)


def cases(folder: Path) -> Iterator[Case]:
    """All cases in the order of their files."""
    for path in sorted(folder.rglob("*.json")):
        seen: dict[str, int] = {}
        for said in json.loads(path.read_bytes())["cases"]:
            note = said["note"]
            seen[note] = seen.get(note, 0) + 1
            again = f" ({seen[note]})" if seen[note] > 1 else ""
            yield Case(f"{path.stem.removeprefix('test-')}: {note}{again}", said)


def run(case: Case) -> list[Any]:
    """The bindings that the engine computes. Raises what the engine raises."""
    engine = Engine()
    for number, module in enumerate(case.modules):
        engine.add_policy(f"{number}.rego", module)
    if "data" in case.said:
        engine.add_data_json(json.dumps(case.said["data"]))
    if "input_term" in case.said:
        engine.set_input(Engine().eval_query(f"x = {case.said['input_term']}")["result"][0]["bindings"]["x"])
    elif "input" in case.said:
        engine.set_input_json(json.dumps(case.said["input"]))
    found = json.loads(engine.eval_query_as_json(case.said["query"])).get("result", [])
    return [one.get("bindings", {}) for one in found]


def passes(case: Case) -> str | None:
    """None when the engine does what the case wants, or what it does instead in a few words."""
    wanted = case.said.get("want_result")
    try:
        found = run(case)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = re.search(r"\berror: (.+)", str(error))
        return None if wanted is None else "error: " + (reason[1] if reason else str(error))[:80]
    except BaseException as panic:  # noqa: BLE001 - a panic of the engine is no `Exception`
        return f"panic: {panic}"
    if wanted is None:
        return "no error"
    return None if _comparable(found) == _comparable(wanted) else "another value"


def _comparable(value: Any) -> Any:
    """`value` without the order of lists (JSON has no sets) and without the form of whole numbers."""
    if isinstance(value, list):
        return sorted((_comparable(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, dict):
        return {name: _comparable(one) for name, one in value.items()}
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
