"""What a schema promises its readers, reduced to one line per field; and what breaks such a promise.

`python -m tests.contract.compatibility` writes the baseline: once per release, when its contracts are final.
"""

import re
from typing import Any

from contracts.catalog import MESSAGES
from deploy.describe import CONTRACTS, rendered, schema_of

_ENUM = re.compile(r"^enum\((.*)\)$")


def outline(schema: dict[str, Any]) -> dict[str, str]:
    """Every field by its path, with its type; `!` marks the required ones."""
    found: dict[str, str] = {}
    _walk(schema, schema.get("$defs", {}), "", found, ())
    return found


def _walk(
    node: dict[str, Any],
    defs: dict[str, Any],
    path: str,
    found: dict[str, str],
    seen: tuple[str, ...],
    *,
    one_of_many: bool = False,
) -> None:
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        # A further variant of a union may require what it likes: nobody has ever written it without.
        required = "!" if name in node.get("required", []) and not one_of_many else ""
        found[here] = _type(field, defs) + required
        inside = _objects(field, defs)
        for inner, reference in inside:
            if reference not in seen:
                _walk(inner, defs, here, found, (*seen, reference), one_of_many=len(inside) > 1)


def _type(field: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in field:
        return _type(defs[field["$ref"].rsplit("/", 1)[-1]], defs)
    if "enum" in field or "const" in field:
        return f"enum({'|'.join(sorted(map(str, field.get('enum', [field.get('const')]))))})"
    for union in ("anyOf", "oneOf"):
        if union in field:
            return "/".join(sorted({_type(one, defs) for one in field[union]}))
    if field.get("type") == "array":
        return f"array<{_type(field.get('items', {}), defs)}>"
    return str(field.get("type", "any"))


def _objects(field: dict[str, Any], defs: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return [(defs[name], name)]
    nested = [*field.get("anyOf", []), *field.get("oneOf", [])]
    nested += [field[key] for key in ("items", "additionalProperties") if isinstance(field.get(key), dict)]
    return [found for one in nested for found in _objects(one, defs)]


def narrowings(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Each way in which `now` breaks somebody who relied on `before`; empty when nothing does."""
    broken = []
    for path, kind in before.items():
        if path not in now:
            broken.append(f"{path}: gone")
        elif not _widened(kind.rstrip("!"), now[path].rstrip("!")):
            broken.append(f"{path}: {kind} became {now[path]}")
        elif now[path].endswith("!") and not kind.endswith("!"):
            broken.append(f"{path}: became required")
    for path, kind in now.items():
        parent = path.rpartition(".")[0]
        if path not in before and kind.endswith("!") and (not parent or parent in before):
            broken.append(f"{path}: new and required")
    return broken


def _widened(before: str, now: str) -> bool:
    old, new = _ENUM.match(before), _ENUM.match(now)
    if old and new:
        return set(old[1].split("|")) <= set(new[1].split("|"))
    return set(before.split("/")) <= set(now.split("/"))


if __name__ == "__main__":
    baseline = CONTRACTS / "released" / "v1.json"
    baseline.parent.mkdir(exist_ok=True)
    baseline.write_text(rendered({message.subject: outline(schema_of(message)) for message in MESSAGES}))
