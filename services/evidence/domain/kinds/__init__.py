"""Reading predicates by their type, one file per kind of evidence.

`read` never raises: what cannot be read becomes `UnreadableFacts`, which no rule takes for a pass. Types that the
table does not know give `OtherFacts`, with the predicate itself when it is short.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from contracts.facts import MAX_TEXT, OtherFacts, UnreadableFacts, VulnerabilityFacts
from services.evidence.domain.kinds import (
    approval,
    coverage,
    cyclonedx,
    cyclonedx_vex,
    deployment,
    grype,
    openvex,
    provenance,
    run_reports,
    sarif,
    snyk,
    spdx,
    summary,
    tests,
    trivy,
    vulnerabilities,
)
from services.evidence.domain.kinds.reading import Reading, UnreadableError
from shared.trust.statement import APPROVAL_TYPE

__all__ = ["Reading", "kind_of_type", "read"]


class _Kind(NamedTuple):
    types: re.Pattern[str]
    """Matches whole predicate types."""
    kind: str
    """The facts it gives when it can be read."""
    read: Callable[[Mapping[str, Any]], Reading]
    """Raises pydantic's `ValidationError` or `UnreadableError`."""


_OURS = r"https://hallmark\.dev/attestation"
_KINDS = tuple(
    _Kind(re.compile(types), kind, reader)
    for types, kind, reader in (
        (r"https://cyclonedx\.org/bom(/v\d+\.\d+)?", "sbom", cyclonedx.read),
        (r"https://spdx\.dev/Document(/v(2\.2|2\.3|3))?", "sbom", spdx.read),
        (r"https://slsa\.dev/provenance/v0\.2", "provenance", provenance.read_v02),
        (r"https://slsa\.dev/provenance/v1", "provenance", provenance.read_v1),
        (r"https://in-toto\.io/attestation/test-result/v0\.1", "tests", tests.read),
        (_OURS + r"/(junit|nunit|xunit|trx|mocha)/v1", "tests", run_reports.read),
        (_OURS + r"/(cobertura|jacoco|lcov|coverage-py)/v1", "coverage", coverage.read),
        (r"https://in-toto\.io/attestation/vulns/v0\.[12]", "vulnerabilities", vulnerabilities.read),
        (r"(https://)?cosign\.sigstore\.dev/attestation/vuln/v1", "vulnerabilities", vulnerabilities.read_cosign),
        (_OURS + r"/sarif/v1", "vulnerabilities", sarif.read),
        (_OURS + r"/trivy/v1", "vulnerabilities", trivy.read),
        (_OURS + r"/grype/v1", "vulnerabilities", grype.read),
        (_OURS + r"/snyk/v1", "vulnerabilities", snyk.read),
        (r"https://openvex\.dev/ns(/v0\.0\.1|/v0\.2\.0)?", "vex", openvex.read),
        (_OURS + r"/cyclonedx-vex/v1", "vex", cyclonedx_vex.read),
        (r"https://slsa\.dev/verification_summary/(v0\.2|v1)", "summary", summary.read),
        (re.escape(deployment.DEPLOYMENT_TYPE), "deployment", deployment.read),
        (re.escape(APPROVAL_TYPE), "approval", approval.read),
    )
)
_VEX_IN_CYCLONEDX = _Kind(re.compile(""), "vex", cyclonedx_vex.read)
"""CycloneDX announces bills of materials and VEX by the same predicate type; the content tells them apart."""
_MAX_PROBLEM = 300
_COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def kind_of_type(predicate_type: str) -> str | None:
    """The kind of facts that a predicate type announces; None for types that nothing here reads."""
    found = _find(predicate_type)
    return found.kind if found else None


def read(predicate_type: str, predicate: Mapping[str, Any], received_at: datetime) -> Reading:
    """What `predicate` says. A claimed time later than `received_at` is taken for `received_at`.

    So is the time at which a vulnerability became known: nobody can have learnt of it later.
    """
    found = _find(predicate_type)
    if found is None:
        return Reading(OtherFacts(text=_text(predicate)))
    if found.kind == "sbom" and cyclonedx_vex.is_vex(predicate):
        found = _VEX_IN_CYCLONEDX
    try:
        reading = found.read(predicate)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return _unreadable(".".join(str(step) for step in first["loc"]), first["msg"], found.kind)
    except UnreadableError as error:
        return _unreadable(error.where, error.problem, found.kind)
    if isinstance(reading.facts, VulnerabilityFacts):
        reading = replace(reading, facts=_known_by(reading.facts, received_at))
    if reading.claimed_at is not None and reading.claimed_at > received_at:
        return replace(reading, claimed_at=received_at)
    return reading


def _known_by(facts: VulnerabilityFacts, at: datetime) -> VulnerabilityFacts:
    if not any(one.published_at and one.published_at > at for one in facts.vulnerabilities):
        return facts
    known = (
        one.model_copy(update={"published_at": min(one.published_at, at)}) if one.published_at else one
        for one in facts.vulnerabilities
    )
    return facts.model_copy(update={"vulnerabilities": tuple(known)})


def _find(predicate_type: str) -> _Kind | None:
    return next((kind for kind in _KINDS if kind.types.fullmatch(predicate_type)), None)


def _text(predicate: Mapping[str, Any]) -> str | None:
    parts: list[bytes] = []
    room = MAX_TEXT
    # Piece by piece, so that a large predicate is not written out only to be found too long.
    for part in _COMPACT.iterencode(predicate):
        parts.append(part.encode())
        room -= len(parts[-1])
        if room < 0:
            return None
    return b"".join(parts).decode()


def _unreadable(where: str, problem: str, meant: str) -> Reading:
    return Reading(UnreadableFacts(where=where[:_MAX_PROBLEM], problem=problem[:_MAX_PROBLEM], meant=meant))
