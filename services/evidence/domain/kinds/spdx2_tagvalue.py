"""SPDX 2 as lines of tags and values, given the shape of its JSON form.

- A line is empty, a comment that starts with `#`, or `Tag: value`; a value that starts with `<text>` runs, over
  lines if need be, until `</text>`. Anything else is unreadable, with its line.
- `PackageName` begins a package, `FileName`, `SnippetSPDXID` and `LicenseID` begin something else; what follows
  belongs to what was begun last. A tag that may stand once there and stands twice is unreadable.
- Tags that are not read are passed over, as JSON's unknown fields are.

The library of the field reads some thirty packages a second, so that a document of allowed size could take hours;
this reader takes time in proportion to the text, and a test holds it to the library's answers.

Source: SPDX specification 2.3, chapters 5 to 11, the tags of each field.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from services.evidence.domain.kinds.reading import UnreadableError

_LINE = re.compile(r"([A-Za-z][A-Za-z0-9]{0,63})[ \t]*:(.*)", re.DOTALL)
_BEGIN, _END = "<text>", "</text>"
_OF_DOCUMENT = {
    "SPDXVersion": "spdxVersion",
    "DataLicense": "dataLicense",
    "DocumentName": "name",
    "DocumentNamespace": "documentNamespace",
}
_OF_PACKAGE = {
    "PackageVersion": "versionInfo",
    "PackageLicenseConcluded": "licenseConcluded",
    "PackageLicenseDeclared": "licenseDeclared",
}
_BEGINS_OTHER = frozenset({"FileName", "SnippetSPDXID", "LicenseID"})


def parsed(text: str) -> dict[str, Any]:
    """The document that `text` spells, in the shape of its JSON form. Raises `UnreadableError`."""
    builder = _Builder()
    for line, tag, value in _tags(text):
        try:
            builder.take(tag, value)
        except ValueError as error:
            raise UnreadableError(f"line {line}", f"{tag} {error}") from error
    return builder.document


def _tags(text: str) -> Iterator[tuple[int, str, str]]:
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.fullmatch(stripped)
        if found is None:
            raise UnreadableError(f"line {number}", "is neither `Tag: value` nor a comment")
        value = found[2].strip()
        if value.startswith(_BEGIN):
            value = _joined(number, value.removeprefix(_BEGIN), lines)
        yield number, found[1], value


def _joined(start: int, value: str, lines: Iterator[tuple[int, str]]) -> str:
    """The text that began with `value` in line `start`, up to its end mark."""
    parts = [value]
    while _END not in parts[-1]:
        following = next(lines, None)
        if following is None:
            raise UnreadableError(f"line {start}", f"begins a text that no {_END} ends")
        parts.append(following[1])
    kept, _, beyond = parts[-1].partition(_END)
    if beyond.strip():
        raise UnreadableError(f"line {start}", f"goes on after {_END}")
    return "".join([*parts[:-1], kept]).strip()


class _Builder:
    """Takes one tag after the other. `take` raises `ValueError` for one that cannot stand where it stands."""

    def __init__(self) -> None:
        self._packages: list[dict[str, Any]] = []
        self._relationships: list[dict[str, str]] = []
        self._creation: dict[str, Any] = {"creators": []}
        self.document: dict[str, Any] = {
            "creationInfo": self._creation,
            "packages": self._packages,
            "relationships": self._relationships,
        }
        self._current: dict[str, Any] = self.document

    def take(self, tag: str, value: str) -> None:
        if tag == "PackageName":
            self._current = {"name": value, "externalRefs": [], "checksums": []}
            self._packages.append(self._current)
        elif tag in _BEGINS_OTHER:
            self._current = {}
        elif tag == "SPDXID":
            _once(self._current, "SPDXID", value)
        elif tag == "Relationship":
            self._relationships.append(_relationship(value))
        elif tag in _OF_DOCUMENT:
            _once(self.document, _OF_DOCUMENT[tag], value)
        elif tag == "Created":
            _once(self._creation, "created", value)
        elif tag == "Creator":
            self._creation["creators"].append(value)
        else:
            self._take_of_package(tag, value)

    def _take_of_package(self, tag: str, value: str) -> None:
        if tag == "ExternalRef":
            self._list("externalRefs").append(_reference(value))
        elif tag == "PackageChecksum":
            algorithm, _, content = value.partition(":")
            self._list("checksums").append({"algorithm": algorithm.strip(), "checksumValue": content.strip()})
        elif tag in _OF_PACKAGE:
            self._list("checksums")
            _once(self._current, _OF_PACKAGE[tag], value)

    def _list(self, name: str) -> list[dict[str, str]]:
        if name not in self._current:
            raise ValueError("stands outside of a package")
        found: list[dict[str, str]] = self._current[name]
        return found


def _once(part: dict[str, Any], name: str, value: str) -> None:
    if name in part:
        raise ValueError("stands twice where it may stand once")
    part[name] = value


def _relationship(value: str) -> dict[str, str]:
    names = ("spdxElementId", "relationshipType", "relatedSpdxElement")
    words = value.split()
    if len(words) != len(names):
        raise ValueError(f"has {len(words)} words in place of {len(names)}")
    return dict(zip(names, words, strict=True))


def _reference(value: str) -> dict[str, str]:
    # Locators of real tools hold spaces, which SPDX forbids.
    words = value.split(maxsplit=2)
    if len(words) != len(("category", "type", "locator")):
        raise ValueError("lacks its category, type or locator")
    return {"referenceType": words[1], "referenceLocator": words[2]}
