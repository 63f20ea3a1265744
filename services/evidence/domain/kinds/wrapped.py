"""Documents that are no JSON object, or that a tool has wrapped into one.

An in-toto predicate is an object, and much of what tools write is XML or lines of text. Read are:

- cosign's wrapper: `Data` holds the document as text or as JSON, beside a `Timestamp`;
- a resource descriptor of in-toto: `content` holds the bytes in base64, `mediaType` may say what they are, and `stage`
  beside them the stage that it was made for;
- anything else: the predicate itself is the document.

Source: sigstore/cosign specs/COSIGN_PREDICATE_SPEC.md; in-toto/attestation spec/v1/resource_descriptor.md.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from services.evidence.domain.kinds.reading import UnreadableError
from shared.crypto import strict_json
from shared.errors import HallmarkError

MAX_DOCUMENT_BYTES = 64 * 2**20
_WRAPPER = frozenset({"Data", "Timestamp"})
_DESCRIPTOR = frozenset({"content", "mediaType", "name", "digest", "stage"})


def unwrapped(predicate: Mapping[str, Any]) -> Mapping[str, Any] | bytes:
    """The document in `predicate`: an object when it is JSON, else its bytes. Raises `UnreadableError`."""
    if "Data" in predicate and predicate.keys() <= _WRAPPER:
        data = predicate["Data"]
        if isinstance(data, str):
            try:
                return _parsed(data.encode(), "Data")
            except UnicodeEncodeError as error:
                raise UnreadableError("Data", "holds half of a surrogate pair") from error
        if isinstance(data, dict):
            return data
        raise UnreadableError("Data", "is neither a text nor an object")
    if isinstance(predicate.get("content"), str) and predicate.keys() <= _DESCRIPTOR:
        try:
            return _parsed(base64.b64decode(predicate["content"], validate=True), "content")
        except ValueError as error:
            raise UnreadableError("content", "is not base64") from error
    return predicate


def _parsed(data: bytes, where: str) -> Mapping[str, Any] | bytes:
    if not data.lstrip().startswith(b"{"):
        return data
    try:
        return strict_json.loads_object(data, max_bytes=MAX_DOCUMENT_BYTES)
    except HallmarkError as error:
        raise UnreadableError(where, error.message) from error
