"""How much of the code the tests ran: Cobertura, JaCoCo, LCOV and coverage.py, told apart by what is in them.

What the predicate type calls the report does not matter: a report is read as what it is.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

from services.evidence.domain.kinds import coverage_py, coverage_xml, lcov
from services.evidence.domain.kinds.reading import Reading, UnreadableError
from services.evidence.domain.kinds.wrapped import unwrapped

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(predicate: Mapping[str, Any]) -> Reading:
    """The report in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    document = unwrapped(predicate)
    if not isinstance(document, bytes):
        return coverage_py.read_document(document)
    text = document.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise UnreadableError("document", "is empty")
    if text.startswith((b"<", *_WIDE)):
        return coverage_xml.read_document(document)
    return lcov.read_document(text)
