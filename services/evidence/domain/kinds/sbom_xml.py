"""XML from strangers: a tree without a document type, without entities, with nothing from outside.

- At most `MAX_DEPTH` nested elements, and `MAX_NODES` elements and attributes in all. They are counted as a stream,
  before a tree is built.
- Comments and processing instructions are dropped.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml import sax as defused_sax
from lxml import etree

from services.evidence.domain.kinds.reading import UnreadableError

MAX_DEPTH = 64
MAX_NODES = 1_000_000
_DECLARATION = re.compile(r"\A\s*<\?xml\s[^>]{0,200}\?>")


def tree(text: str) -> etree._Element:
    """The outermost element of `text`. Raises `UnreadableError`."""
    # What the declaration says about the encoding is no longer true of a text. Its lines still count.
    data = _DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), text, count=1).encode()
    _survey(data)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError(f"line {error.lineno}", f"is not XML: {error.msg}") from error


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
        line = getattr(error, "getLineNumber", lambda: 1)()
        raise UnreadableError(f"line {line}", f"is not XML: {error.getMessage()}") from error
