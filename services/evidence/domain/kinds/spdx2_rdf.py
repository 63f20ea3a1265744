"""SPDX 2 in RDF/XML, given the shape of its JSON form.

- Read is the spelling that SPDX's own tools write: nodes are elements named by their type, one inside of the other or
  referred to by `rdf:resource`. RDF has other spellings of the same graph (`rdf:Description`, `rdf:parseType`,
  properties as attributes); they are refused, since what they say would go unseen.
- A node that is described in two places is one node with what both say.
- Elements of other documents keep their full address, which no package here bears.
- Sets of licences become an expression, their members in alphabetical order.

Source: SPDX specification 2.3, annex on RDF; RDF 1.1 XML syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from services.evidence.domain.kinds import sbom_xml
from services.evidence.domain.kinds.reading import UnreadableError

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SPDX = "{http://spdx.org/rdf/terms#}"
_CAPITAL = re.compile(r"(?=[A-Z])")
_OPERATORS = {"ConjunctiveLicenseSet": " AND ", "DisjunctiveLicenseSet": " OR "}
_UNKNOWN_LICENSES = {"noassertion": "NOASSERTION", "none": "NONE"}


def parsed(text: str) -> dict[str, Any]:
    """The document that `text` spells, in the shape of its JSON form. Raises `UnreadableError`."""
    root = sbom_xml.tree(text)
    if root.tag != f"{_RDF}RDF":
        raise UnreadableError("line 1", "is XML, but not SPDX in RDF")
    for element in root.iter():
        _check_spelling(element)
    documents = [one for one in root.iter(f"{_SPDX}SpdxDocument") if len(one)]
    if len(documents) != 1:
        raise UnreadableError("line 1", f"describes {len(documents)} documents in place of one")
    return _Graph(root, documents[0]).document()


def _check_spelling(element: etree._Element) -> None:
    strange = [name for name in element.attrib if name.startswith(_SPDX) or name == f"{_RDF}parseType"]
    if strange or element.tag == f"{_RDF}Description":
        name = etree.QName(strange[0] if strange else element.tag).localname
        raise UnreadableError(f"line {element.sourceline}", f"uses {name}, a spelling of RDF that is not read")


class _Graph:
    """The nodes of one RDF/XML document."""

    def __init__(self, root: etree._Element, document: etree._Element) -> None:
        self._root = root
        self._document = document
        self._namespace = str(document.get(f"{_RDF}about", "")).rpartition("#")[0]

    def document(self) -> dict[str, Any]:
        creation = self._document.find(f"{_SPDX}creationInfo/{_SPDX}CreationInfo")
        found: dict[str, Any] = {
            "spdxVersion": _text(self._document, "specVersion"),
            "SPDXID": self._id(self._document),
            "dataLicense": next(self._licenses(self._document, "dataLicense"), None),
            "name": _text(self._document, "name"),
            "documentNamespace": self._namespace,
            "documentDescribes": [self._target(one) for one in self._document.iterfind(f"{_SPDX}describesPackage")],
            "packages": list(self._packages()),
            "relationships": list(self._relationships()),
        }
        if creation is not None:
            creators = [one.text or "" for one in creation.iterfind(f"{_SPDX}creator")]
            found["creationInfo"] = {"created": _text(creation, "created"), "creators": creators}
        return found

    def _packages(self) -> Iterator[dict[str, Any]]:
        packages: dict[str, dict[str, Any]] = {}
        for element in self._root.iter(f"{_SPDX}Package"):
            package = packages.setdefault(
                self._id(element), {"SPDXID": self._id(element), "externalRefs": [], "checksums": []}
            )
            package["externalRefs"] += [
                {
                    "referenceType": _resource(one, "referenceType"),
                    "referenceLocator": _text(one, "referenceLocator"),
                }
                for one in element.iterfind(f"{_SPDX}externalRef/{_SPDX}ExternalRef")
            ]
            package["checksums"] += [
                {
                    "algorithm": _resource(one, "algorithm").rpartition("checksumAlgorithm_")[2],
                    "checksumValue": _text(one, "checksumValue"),
                }
                for one in element.iterfind(f"{_SPDX}checksum/{_SPDX}Checksum")
            ]
            stated = {
                "versionInfo": _text(element, "versionInfo"),
                "licenseConcluded": next(self._licenses(element, "licenseConcluded"), None),
                "licenseDeclared": next(self._licenses(element, "licenseDeclared"), None),
            }
            package |= {name: value for name, value in stated.items() if value is not None}
        yield from packages.values()

    def _relationships(self) -> Iterator[dict[str, Any]]:
        for element in self._root.iter(f"{_SPDX}Relationship"):
            source = element.getparent().getparent()
            related = element.find(f"{_SPDX}relatedSpdxElement")
            name = _resource(element, "relationshipType").rpartition("relationshipType_")[2]
            yield {
                "spdxElementId": self._id(source) if source is not None else None,
                "relationshipType": _CAPITAL.sub("_", name).upper(),
                "relatedSpdxElement": self._target(related) if related is not None else None,
            }

    def _id(self, element: etree._Element) -> str:
        return self._local(element.get(f"{_RDF}about") or f"_:{element.get(f'{_RDF}nodeID', '')}")

    def _target(self, element: etree._Element) -> str:
        """What the property `element` points at: a node inside of it, or one elsewhere."""
        resource = element.get(f"{_RDF}resource")
        if resource is not None:
            return self._local(resource)
        return self._id(element[0] if len(element) else element)

    def _local(self, address: str) -> str:
        return address.removeprefix(f"{self._namespace}#")

    def _licenses(self, element: etree._Element, name: str) -> Iterator[str]:
        for one in element.iterfind(f"{_SPDX}{name}"):
            yield self._license(one)

    def _license(self, element: etree._Element) -> str:
        """The expression that the property `element` points at."""
        inside = element[0] if len(element) else None
        kind = etree.QName(inside).localname if inside is not None else ""
        if inside is not None and inside.find(f"{_SPDX}member") is not None:
            members = sorted(self._license(one) for one in inside.iterfind(f"{_SPDX}member"))
            if kind in _OPERATORS:
                return f"({_OPERATORS[kind].join(members)})"
            if kind == "OrLaterOperator":
                return f"{members[0]}+"
            exceptions = [self._target(one) for one in inside.iterfind(f"{_SPDX}licenseException")]
            return " WITH ".join([*members, *(one.rpartition("/")[2] for one in exceptions)])
        if element.get(f"{_RDF}nodeID") is not None:
            raise UnreadableError(f"line {element.sourceline}", "points at a set of licences that stands elsewhere")
        stated = (element.text or "").strip() if inside is None and not element.attrib else self._target(element)
        last = re.split("[/#]", stated)[-1]
        return _UNKNOWN_LICENSES.get(last, last)


def _text(element: etree._Element, name: str) -> str | None:
    text = element.findtext(f"{_SPDX}{name}")
    return None if text is None else text.strip()


def _resource(element: etree._Element, name: str) -> str:
    found = element.find(f"{_SPDX}{name}")
    return "" if found is None else str(found.get(f"{_RDF}resource", ""))
