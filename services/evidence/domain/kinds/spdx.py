"""SPDX bills of materials: versions 2.2 and 2.3 in JSON, YAML, tag-value and RDF/XML, version 3.0 in JSON.

- Every syntax of version 2 is given the shape of its JSON form and read by one reader (`spdx2`).
- Other XML is recognised and unreadable.

Source: SPDX specifications 2.2, 2.3 and 3.0.1; predicate types `https://spdx.dev/Document`, with and without version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.evidence.domain.kinds import sbom_text, spdx2, spdx2_rdf, spdx2_tagvalue, spdx2_yaml, spdx3
from services.evidence.domain.kinds.reading import Reading, UnreadableError
from services.evidence.domain.kinds.wrapped import unwrapped

_TAG_VALUE = re.compile(r"^SPDXVersion[ \t]*:", re.MULTILINE)
_YAML = re.compile(r"""^["']?spdxVersion["']?[ \t]*:""", re.MULTILINE)


def read(predicate: Mapping[str, Any]) -> Reading:
    """The bill of materials in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError`."""
    document = unwrapped(predicate)
    if isinstance(document, bytes):
        document = _parsed(sbom_text.decoded(document))
    return spdx3.read(document) if "@context" in document else spdx2.read(document)


def _parsed(text: str) -> Mapping[str, Any]:
    if sbom_text.is_json(text):
        return sbom_text.parsed_json(text)
    if sbom_text.is_xml(text):
        return spdx2_rdf.parsed(text)
    if _TAG_VALUE.search(text):
        return spdx2_tagvalue.parsed(text)
    if _YAML.search(text):
        return spdx2_yaml.parsed(text)
    raise UnreadableError("", "states no SPDX version in JSON, YAML, tag-value or RDF")
