"""Which CycloneDX documents in JSON are refused: those that break the official schema, but for slips.

- The official schema of the version that a document names decides, with its formats checked.
- A slip is a violation that changes nothing of what is read. Real tools make these, and documents with them are read:
  - a field that the schema does not know, and `null` where a field could be absent;
  - a text that is no URL or address of the wanted form, and a serial number of another form;
  - licences and expressions side by side; the same entry twice in a list that wants it once;
  - the address of the schema itself, written another way;
  - a digest in another encoding than hexadecimal, which is then not kept;
  - a missing `version`, required before 1.4; a missing name of what the document is about.
- The violations of a document are looked at piece by piece and up to a limit, so that many of them cost no memory.
- Anything else makes the whole document unreadable, with the path of the first violation.

Source: CycloneDX/specification schema/bom-1.2 to bom-1.7, as cyclonedx-python-lib bundles them.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from services.evidence.domain.kinds.reading import UnreadableError

VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
SCHEMAS = resources.files("cyclonedx.schema._res")
"""Where the library keeps the schemas as their publisher wrote them."""
_BASE = "http://cyclonedx.org/schema/"
_REFERRED = ("spdx", "cryptography-defs", "jsf-0.82")
_Place = tuple[str | int, ...]
MAX_SLIPS = 20_000
"""More violations than this are not forgiven, whatever they are: each takes a millisecond to look at."""
_BATCH = 100
_MAX_EXAMINED = 50_000
"""Values in one piece of a document of which all violations are looked at."""
_OTHER_ENCODING = re.compile(r"[A-Za-z0-9+/=_-]{32,200}", re.ASCII)


def check(document: Mapping[str, Any], version: str) -> None:
    """Raise `UnreadableError` when `document` breaks the schema of `version`, one of `VERSIONS`, beyond slips."""
    validator = _validator(version)
    try:
        if validator.is_valid(document):
            return
        slips = 0
        for piece, places in _pieces(document, version):
            if validator.is_valid(piece):
                continue
            for error in _violations(validator, piece):
                slips += 1
                fatal = next(_fatal(error), None)
                if fatal is not None:
                    raise _unreadable(fatal, places)
                if slips > MAX_SLIPS:
                    raise UnreadableError(_where(error, places), f"is the violation after the first {MAX_SLIPS}")
    except UnicodeEncodeError as error:
        raise UnreadableError("", "a text holds half of a surrogate pair") from error


def _pieces(document: Mapping[str, Any], version: str) -> Iterator[tuple[dict[str, Any], dict[int, _Place]]]:
    """`document` cut up, each piece with the places of its items: one violation costs kilobytes and more."""
    yield {name: value for name, value in document.items() if not isinstance(value, list)}, {}
    for name, items in document.items():
        if isinstance(items, list):
            located = iter(_located((name,), items) if name == "components" else _numbered((name,), items))
            while batch := list(islice(located, _BATCH)):
                header = {"bomFormat": "CycloneDX", "specVersion": version, "version": 1}
                yield header | {name: [item for _, item in batch]}, dict(enumerate(place for place, _ in batch))


def _located(name: _Place, items: list[Any]) -> Iterator[tuple[_Place, Any]]:
    """All components of a list and those inside of them, each without its own."""
    waiting = deque(_numbered(name, items))
    while waiting:
        place, item = waiting.popleft()
        inside = item.get("components") if isinstance(item, dict) else None
        if isinstance(inside, list):
            waiting.extend(_numbered((*place, "components"), inside))
            item = {key: value for key, value in item.items() if key != "components"}
        yield place, item


def _numbered(name: _Place, items: list[Any]) -> Iterator[tuple[_Place, Any]]:
    return (((*name, number), item) for number, item in enumerate(items))


def _violations(validator: jsonschema_rs.Validator, piece: dict[str, Any]) -> Iterable[jsonschema_rs.ValidationError]:
    if _values(piece) <= _MAX_EXAMINED:
        return validator.iter_errors(piece)
    try:
        validator.validate(piece)
    except jsonschema_rs.ValidationError as error:
        # All violations of a large piece would fill the memory; nothing in it is forgiven.
        raise _unreadable(error, {}) from error
    return ()


def _values(piece: Any) -> int:
    count, waiting = 0, [piece]
    while waiting and count <= _MAX_EXAMINED:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return count


def _unreadable(error: jsonschema_rs.ValidationError, places: Mapping[int, _Place]) -> UnreadableError:
    return UnreadableError(_where(error, places), error.message)


def _where(error: jsonschema_rs.ValidationError, places: Mapping[int, _Place]) -> str:
    path = error.instance_path
    if len(path) > 1 and isinstance(path[1], int):
        path = [*places.get(path[1], path[:2]), *path[2:]]
    return ".".join(map(str, path))


@cache
def _validator(version: str) -> jsonschema_rs.Validator:
    registry = jsonschema_rs.Registry([(f"{_BASE}{name}.SNAPSHOT.schema.json", _schema(name)) for name in _REFERRED])
    return jsonschema_rs.validator_for(
        _schema(f"bom-{version}"),
        registry=registry,
        validate_formats=True,
        mask="the value",
        pattern_options=jsonschema_rs.RegexOptions(),  # the engine that never backtracks
        offline=True,
    )


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMAS.joinpath(f"{name}.SNAPSHOT.schema.json").read_bytes())
    return found


def _fatal(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """What remains of `error` when slips are forgiven; of alternatives, what remains of the nearest one."""
    if isinstance(error.kind, Kind.AnyOf | Kind.OneOfNotValid):
        alternatives = [[fatal for one in branch for fatal in _fatal(one)] for branch in error.kind.context]
        if all(alternatives):
            yield max((one for branch in alternatives for one in branch), key=lambda one: len(one.instance_path))
    elif not _is_slip(error):
        yield error


def _is_slip(error: jsonschema_rs.ValidationError) -> bool:
    path, value = error.instance_path, error.instance
    match error.kind.name:
        case "format" | "uniqueItems":
            return True
        case "type":
            return value is None
        case "enum" | "const" | "pattern":
            return _may_differ(path[-1] if path else "", value)
        case "additionalProperties":
            return not (path[-2:-1] == ["licenses"] and {"license", "expression"} <= set(_keys(value)))
        case "required":
            return _may_miss(error.kind, path, value)
        case _:
            return False


def _may_differ(name: str | int, value: Any) -> bool:
    return name in {"$schema", "serialNumber"} or (name == "content" and bool(_OTHER_ENCODING.fullmatch(str(value))))


def _may_miss(kind: Kind, path: list[str | int], value: Any) -> bool:
    match kind:
        case Kind.Required(property="version"):
            return True
        case Kind.Required(property="license"):
            return path[-2:-1] == ["licenses"] and "expression" in _keys(value)
        case Kind.Required(property="name"):
            return path == ["metadata", "component"]
        case _:
            return False


def _keys(value: Any) -> Iterable[str]:
    return value.keys() if isinstance(value, dict) else ()
