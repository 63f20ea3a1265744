"""CycloneDX in XML: checked with the official schema, then given the shape of the JSON form.

- No document type, no entities, nothing from outside; at most `MAX_DEPTH` nested elements and `MAX_NODES` in all.
  These are counted as a stream, before a tree is built.
- Elements of the CycloneDX namespace that its schema does not know at all are passed over, as JSON's unknown fields
  are; any other violation makes the document unreadable, with the line of the first one.
- Only what the reader of the JSON form reads is carried over.

Source: CycloneDX/specification schema/bom-1.2.xsd to bom-1.7.xsd, as cyclonedx-python-lib bundles them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml import sax as defused_sax
from lxml import etree

from services.evidence.domain.kinds.cyclonedx_schema import SCHEMAS, VERSIONS
from services.evidence.domain.kinds.reading import UnreadableError

MAX_DEPTH = 64
MAX_NODES = 1_000_000
"""Elements and attributes."""
_NAMESPACE = re.compile(r"http://cyclonedx\.org/schema/bom/(\d\.\d)")
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]{0,200}\?>")
_XSD_ELEMENT = "{http://www.w3.org/2001/XMLSchema}element"


def parsed(text: str) -> dict[str, Any]:
    """The bill of materials that `text` spells, in the shape of its JSON form. Raises `UnreadableError`."""
    # What the declaration says about the encoding is no longer true of a text.
    data = _DECLARATION.sub("", text, count=1).encode() if _DECLARATION.match(text) else text.encode()
    _survey(data)
    root = _tree(data)
    name = etree.QName(root)
    version = _NAMESPACE.fullmatch(name.namespace or "")
    if version is None or version[1] not in VERSIONS or name.localname != "bom":
        raise UnreadableError("line 1", f"is no CycloneDX document of version {VERSIONS[0]} to {VERSIONS[-1]}")
    _check(root, version[1])
    return _Reader(f"{{{name.namespace}}}").bom(root, version[1])


class _Survey(ContentHandler):
    """Counts while a document streams by."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._nodes = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: ARG002, N802 - the handler's interface
        self._depth += 1
        self._nodes += 1 + len(attrs)
        if self._depth > MAX_DEPTH:
            raise UnreadableError("", f"nests deeper than {MAX_DEPTH} elements")
        if self._nodes > MAX_NODES:
            raise UnreadableError("", f"has more than {MAX_NODES} elements and attributes")

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - the handler's interface
        self._depth -= 1


def _survey(data: bytes) -> None:
    try:
        defused_sax.parseString(data, _Survey(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnreadableError("", "declares a document type or entities") from error
    except SAXException as error:
        raise UnreadableError("", f"is not XML: {error}") from error


def _tree(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError(f"line {error.lineno}", f"is not XML: {error.msg}") from error


@cache
def _schema(version: str) -> tuple[etree.XMLSchema, frozenset[str]]:
    """The schema, and the names of all elements it knows."""
    document = etree.parse(str(SCHEMAS.joinpath(f"bom-{version}.SNAPSHOT.xsd")))
    names = frozenset(str(one.get("name")) for one in document.iter(_XSD_ELEMENT))
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
