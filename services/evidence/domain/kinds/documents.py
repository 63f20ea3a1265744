"""A tool's own document inside a predicate: JSON values and XML trees, within limits.

- The document is what `wrapped.unwrapped` finds: the predicate itself, or the text or bytes it carries.
- Text may start with a byte order mark, which many tools on Windows write.
- XML is read without entities and without anything from outside; an entity makes it unreadable.
- Of XML only elements and attributes are kept, since no reader needs the text: logs may be long. Their number and
  nesting are limited while reading, so that a small document cannot become a large tree.
- Of long XML no tree is made: `xml_walk` shows each element once, and takes more of them.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from services.evidence.domain.kinds.reading import UnreadableError
from services.evidence.domain.kinds.wrapped import MAX_DOCUMENT_BYTES, unwrapped
from shared.crypto import strict_json
from shared.errors import HallmarkError

MAX_XML_ELEMENTS = 300_000
MAX_XML_ATTRIBUTES = 2_000_000
MAX_XML_DEPTH = 100
MAX_XML_WALKED = 3_000_000


def json_value(predicate: Mapping[str, Any]) -> Any:
    """The JSON value in `predicate`. Raises `UnreadableError` when it carries something else."""
    document = unwrapped(predicate)
    if not isinstance(document, bytes):
        return document
    try:
        return strict_json.loads(document.removeprefix(codecs.BOM_UTF8), max_bytes=MAX_DOCUMENT_BYTES)
    except HallmarkError as error:
        raise UnreadableError("document", error.message) from error


def json_object(predicate: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON object in `predicate`. Raises `UnreadableError` when it carries something else."""
    value = json_value(predicate)
    if not isinstance(value, Mapping):
        raise UnreadableError("document", "is not a JSON object")
    return value


def xml_root(data: bytes) -> Element:
    """The root of the XML document `data`; tags have no namespace, and no text is kept. Raises `UnreadableError`."""
    root = _parsed(data, _Outline())
    if not isinstance(root, Element):
        raise UnreadableError("document", "is not XML: it has no element")
    return root


def xml_walk(data: bytes, visit: Callable[[Sequence[str], Mapping[str, str]], None]) -> None:
    """Show `visit` each element of the XML document: the tags from the root down to it, and its attributes.

    Tags have no namespace. Raises `UnreadableError`, and what `visit` raises.
    """
    _parsed(data, _Walk(visit))


def _parsed(data: bytes, target: Any) -> Any:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise UnreadableError("document", f"has more than {MAX_DOCUMENT_BYTES} bytes")
    parser = DefusedXMLParser(target=target)
    try:
        parser.feed(data)
        return parser.close()
    except ParseError as error:
        raise UnreadableError("document", f"is not XML: {error}") from error
    except DefusedXmlException as error:
        raise UnreadableError("document", "declares an XML entity, which is never followed") from error
    except (LookupError, ValueError, AssertionError) as error:
        raise UnreadableError("document", "is XML in an encoding that cannot be read") from error


class _Outline(TreeBuilder):
    """Builds the tree of elements without their text, and stops when there are too many."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = 0
        self._attributes = 0
        self._depth = 0

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        self._elements += 1
        self._attributes += len(attrs)
        self._depth += 1
        if self._elements > MAX_XML_ELEMENTS or self._attributes > MAX_XML_ATTRIBUTES:
            raise UnreadableError("document", f"has more than {MAX_XML_ELEMENTS} elements, or too many attributes")
        if self._depth > MAX_XML_DEPTH:
            raise UnreadableError("document", f"nests deeper than {MAX_XML_DEPTH} elements")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])

    def data(self, data: str, /) -> None:
        """Text is dropped."""


class _Walk:
    """Shows elements as they begin, and stops when there are too many."""

    def __init__(self, visit: Callable[[Sequence[str], Mapping[str, str]], None]) -> None:
        self._visit = visit
        self._path: list[str] = []
        self._elements = 0

    def start(self, tag: str, attrs: dict[str, str]) -> None:
        self._elements += 1
        self._path.append(tag.rpartition("}")[2])
        if self._elements > MAX_XML_WALKED:
            raise UnreadableError("document", f"has more than {MAX_XML_WALKED} elements")
        if len(self._path) > MAX_XML_DEPTH:
            raise UnreadableError("document", f"nests deeper than {MAX_XML_DEPTH} elements")
        self._visit(self._path, attrs)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser's form
        self._path.pop()

    def close(self) -> None:
        """Nothing is kept."""
