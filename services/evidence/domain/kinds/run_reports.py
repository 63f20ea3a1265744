"""Test reports in the form that the tool wrote, told apart by their root: JUnit, NUnit, xUnit.net, TRX, Mocha.

What the predicate type calls the report does not matter: a report is read as what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.evidence.domain.kinds import dotnet_tests, junit, mocha
from services.evidence.domain.kinds.documents import xml_root
from services.evidence.domain.kinds.reading import Reading, UnreadableError
from services.evidence.domain.kinds.wrapped import unwrapped


def read(predicate: Mapping[str, Any]) -> Reading:
    """The report in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    document = unwrapped(predicate)
    if not isinstance(document, bytes):
        return mocha.read_document(document)
    if not document.strip():
        raise UnreadableError("document", "is empty")
    root = xml_root(document)
    if root.tag in junit.ROOTS:
        return junit.read_root(root)
    if root.tag in dotnet_tests.NUNIT_ROOTS:
        return dotnet_tests.read_nunit(root)
    if root.tag in dotnet_tests.XUNIT_ROOTS:
        return dotnet_tests.read_xunit(root)
    if root.tag == dotnet_tests.TRX_ROOT:
        return dotnet_tests.read_trx(root)
    raise UnreadableError(root.tag[:100], "is no test report: known are JUnit, NUnit, xUnit.net, TRX and Mocha")
