"""Reading predicates by their type, one file per kind of evidence.

`read` never raises: what cannot be read becomes `UnreadableFacts`, which no rule takes for a pass. Types that the
table does not know give `OtherFacts`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from contracts.facts import OtherFacts, UnreadableFacts
from services.evidence.domain.kinds import approval, cyclonedx, provenance, spdx, tests, vulnerabilities
from services.evidence.domain.kinds.reading import Reading

__all__ = ["Reading", "read"]

_Reader = Callable[[Mapping[str, Any]], Reading]
_READERS: dict[str, _Reader] = {
    "https://cyclonedx.org/bom": cyclonedx.read,
    "https://spdx.dev/Document": spdx.read,
    "https://spdx.dev/Document/v2.2": spdx.read,
    "https://spdx.dev/Document/v2.3": spdx.read,
    "https://spdx.dev/Document/v3": spdx.read,
    "https://in-toto.io/attestation/test-result/v0.1": tests.read,
    "https://in-toto.io/attestation/vulns/v0.1": vulnerabilities.read,
    "https://in-toto.io/attestation/vulns/v0.2": vulnerabilities.read,
    "https://slsa.dev/provenance/v0.2": provenance.read_v02,
    "https://slsa.dev/provenance/v1": provenance.read_v1,
    approval.APPROVAL_TYPE: approval.read,
}
_CYCLONEDX_WITH_VERSION = re.compile(r"https://cyclonedx\.org/bom/v\d+\.\d+")
_MAX_PROBLEM = 300


def read(predicate_type: str, predicate: Mapping[str, Any], received_at: datetime) -> Reading:
    """What `predicate` says. A claimed time later than `received_at` is taken for `received_at`."""
    reader = _READERS.get(predicate_type)
    if reader is None and _CYCLONEDX_WITH_VERSION.fullmatch(predicate_type):
        reader = cyclonedx.read
    if reader is None:
        return Reading(OtherFacts())
    try:
        reading = reader(predicate)
    except ValidationError as error:
        return Reading(_unreadable(error))
    if reading.claimed_at is not None and reading.claimed_at > received_at:
        return replace(reading, claimed_at=received_at)
    return reading


def _unreadable(error: ValidationError) -> UnreadableFacts:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return UnreadableFacts(where=where[:_MAX_PROBLEM], problem=first["msg"][:_MAX_PROBLEM])
