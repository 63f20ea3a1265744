"""CycloneDX in XML: checked with the official schema, then given the shape of the JSON form.

- Elements of the CycloneDX namespace that its schema does not know at all are passed over, as JSON's unknown fields
  are; any other violation makes the document unreadable, with the line of the first one.
- References need not be unique, which no schema of the JSON form asks for either.
- Only what the reader of the JSON form reads is carried over.

Source: CycloneDX/specification schema/bom-1.2.xsd to bom-1.7.xsd, as cyclonedx-python-lib bundles them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from lxml import etree

from services.evidence.domain.kinds import sbom_xml
from services.evidence.domain.kinds.cyclonedx_schema import SCHEMAS, VERSIONS
from services.evidence.domain.kinds.reading import UnreadableError

_NAMESPACE = re.compile(r"http://cyclonedx\.org/schema/bom/(\d\.\d)")
_XSD = "{http://www.w3.org/2001/XMLSchema}"


def parsed(text: str) -> dict[str, Any]:
    """The bill of materials that `text` spells, in the shape of its JSON form. Raises `UnreadableError`."""
    root = sbom_xml.tree(text)
    name = etree.QName(root)
    version = _NAMESPACE.fullmatch(name.namespace or "")
    if version is None or version[1] not in VERSIONS or name.localname != "bom":
        raise UnreadableError("line 1", f"is no CycloneDX document of version {VERSIONS[0]} to {VERSIONS[-1]}")
    _check(root, version[1])
    return _Reader(f"{{{name.namespace}}}").bom(root, version[1])


@cache
def _schema(version: str) -> tuple[etree.XMLSchema, frozenset[str]]:
    """The schema, and the names of all elements it knows."""
    document = etree.parse(str(SCHEMAS.joinpath(f"bom-{version}.SNAPSHOT.xsd")))
    names = frozenset(str(one.get("name")) for one in document.iter(f"{_XSD}element"))
    # Checking that references are unique takes quadratic time: hours for a document that repeats one.
    for constraint in list(document.iter(f"{_XSD}unique", f"{_XSD}key", f"{_XSD}keyref")):
        constraint.getparent().remove(constraint)
    return etree.XMLSchema(document), names


def _check(root: etree._Element, version: str) -> None:
    schema, known = _schema(version)
    if schema.validate(root):
        return
    namespace = etree.QName(root).namespace
    for element in list(root.iter(f"{{{namespace}}}*")):
        parent = element.getparent()
        if parent is not None and etree.QName(element).localname not in known:
            parent.remove(element)
    if not schema.validate(root):
        first = schema.error_log[0]
        raise UnreadableError(f"line {first.line}", first.message.replace(f"{{{namespace}}}", ""))


class _Reader:
    """Reads one document, whose elements' names all start with `prefix`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def bom(self, root: etree._Element, version: str) -> dict[str, Any]:
        metadata = root.find(self._prefix + "metadata")
        found: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": version, "metadata": {}}
        found["serialNumber"] = root.get("serialNumber")
        if metadata is not None:
            found["metadata"]["timestamp"] = self._text(metadata, "timestamp")
            described = metadata.find(self._prefix + "component")
            found["metadata"]["component"] = None if described is None else {"purl": self._text(described, "purl")}
        found["components"] = self._components(root)
        found["dependencies"] = [
            {"ref": one.get("ref"), "dependsOn": [needed.get("ref") for needed in self._all(one, "dependency")]}
            for one in self._all(root, "dependencies", "dependency")
        ]
        return found

    def _components(self, parent: etree._Element) -> list[dict[str, Any]]:
        return [
            {
                "bom-ref": component.get("bom-ref"),
                "purl": self._text(component, "purl"),
                "version": self._text(component, "version"),
                "licenses": list(self._licenses(component)),
                "hashes": [
                    {"alg": one.get("alg"), "content": one.text or ""} for one in self._all(component, "hashes", "hash")
                ],
                "components": self._components(component),
            }
            for component in self._all(parent, "components", "component")
        ]

    def _licenses(self, component: etree._Element) -> Iterator[dict[str, Any]]:
        for one in self._all(component, "licenses", "license"):
            yield {"license": {"id": self._text(one, "id"), "name": self._text(one, "name")}}
        for one in self._all(component, "licenses", "expression"):
            yield {"expression": one.text}

    def _all(self, parent: etree._Element, *names: str) -> list[etree._Element]:
        return list(parent.iterfind("/".join(self._prefix + name for name in names)))

    def _text(self, parent: etree._Element, name: str) -> str | None:
        text = parent.findtext(self._prefix + name)
        return text.strip() or None if text else None
