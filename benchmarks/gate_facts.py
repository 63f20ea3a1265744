"""Evidence of five kinds, as pipelines attach it, for measuring the gate.

- A version has at most as many artifacts as one can be registered with; more evidence is more runs, as in a pipeline
  that tests and scans again every night.
- Every piece is verified. Each scan lists 20 findings, of which one is high and waived.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from contracts.facts import (
    EvidenceItem,
    Facts,
    FoundVulnerability,
    LicenseUse,
    OtherFacts,
    ProvenanceFacts,
    SbomFacts,
    Signer,
    SuiteResult,
    TestFacts,
    VulnerabilityFacts,
)
from contracts.vocabulary import Artifact, Severity
from shared.digests import sha256_digest

ARTIFACTS, KINDS = 1_000, 5
"""The most artifacts (`contracts.registry.v1.commands`), and the kinds of evidence about each."""
NOW = datetime.fromtimestamp(int(os.environ.setdefault("HALLMARK_BENCH_NOW", str(int(time.time())))), UTC)
"""The same for all processes of one run."""
REPOSITORY = "https://git.example/bench/web"
WAIVED = "CVE-2026-09999"
KNOWN = 1000
"""From so many vulnerabilities the scans find theirs."""
TYPES = {
    "tests": "https://in-toto.io/attestation/test-result/v0.1",
    "sbom": "https://cyclonedx.org/bom",
    "vulnerabilities": "https://in-toto.io/attestation/vulns/v0.2",
    "provenance": "https://slsa.dev/provenance/v1",
    "other": "https://bench.example/review/v1",
}
_ROLES = {"tests": "test", "vulnerabilities": "scanner"}


def digest_of(*words: object) -> str:
    """A digest that stands for something."""
    return sha256_digest("/".join(map(str, words)).encode())


def artifacts_of(version: str, pieces: int, most: int = ARTIFACTS) -> list[Artifact]:
    """The artifacts of a version with that many pieces of evidence."""
    count = max(1, min(pieces // KINDS, most))
    purl = f"pkg:oci/web-{{}}@{version}?repository_url=registry.example"
    return [Artifact(purl=purl.format(number), digest=digest_of(version, number)) for number in range(count)]


def _tests(_: int) -> TestFacts:
    suites = tuple(SuiteResult(name=f"tests.unit.part_{one:02}", passed=40 + one, failed=0) for one in range(8))
    return TestFacts(result="passed", passed=sum(one.passed for one in suites), failed=0, skipped=2, suites=suites)


def _sbom(number: int) -> SbomFacts:
    names = ("MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "MIT AND Apache-2.0")
    uses = tuple(
        LicenseUse(expression=name, count=4, components=tuple(f"pkg:pypi/part-{one}@1.{number}" for one in range(4)))
        for name in names
    )
    return SbomFacts(format="cyclonedx", spec_version="1.6", component_count=20, listed_count=20, licenses=uses)


def _scan(number: int) -> VulnerabilityFacts:
    found = tuple(
        FoundVulnerability(
            id=WAIVED if one == 0 else f"CVE-2026-{(number * 7 + one) % KNOWN:05}",
            severity=Severity.HIGH if one == 0 else Severity.MEDIUM,
            score=8.1 if one == 0 else 5.5,
            purl=f"pkg:pypi/part-{one}@1.{number % 50}",
            fixed_in="2.0",
            location="usr/lib/python3/site-packages",
            aliases=(f"GHSA-{(number * 7 + one) % KNOWN:05}",),
        )
        for one in range(20)
    )
    return VulnerabilityFacts(scanner="scan@1.2", counts={Severity.HIGH: 1, Severity.MEDIUM: 19}, vulnerabilities=found)


def _provenance(number: int) -> ProvenanceFacts:
    return ProvenanceFacts(
        builder_id="https://builder.example/runner@v1",
        build_type="https://builder.example/workflow/v1",
        source_repository=REPOSITORY,
        source_commit="c" * 40,
        source_ref="refs/heads/main",
        parameters_digest=digest_of("parameters", number),
    )


def _review(number: int) -> OtherFacts:
    return OtherFacts(text=f'{{"findings":[],"reviewed":true,"run":{number}}}')


_FACTS: dict[str, Callable[[int], Facts]] = {
    "tests": _tests,
    "sbom": _sbom,
    "vulnerabilities": _scan,
    "provenance": _provenance,
    "other": _review,
}


def evidence_of(version: str, pieces: int, most: int = ARTIFACTS) -> list[EvidenceItem]:
    """That many pieces about the artifacts of a version, of each kind about each artifact, run by run."""
    artifacts, kinds = artifacts_of(version, pieces, most), list(TYPES)
    return [
        _item(version, number, kinds[number % KINDS], artifacts[number // KINDS % len(artifacts)].digest)
        for number in range(pieces)
    ]


def _item(version: str, number: int, kind: str, subject: str) -> EvidenceItem:
    role = _ROLES.get(kind, "build")
    made_at = NOW - timedelta(days=3) + timedelta(seconds=number)
    return EvidenceItem(
        evidence_id=f"ev-{digest_of(version, 'evidence', number)[7:39]}",
        content_digest=digest_of(version, "envelope", number),
        predicate_type=TYPES[kind],
        subjects=(subject,),
        verified=True,
        signers=(Signer(key_id=digest_of(role), trust_root="ci", role=role),),
        made_at=made_at,
        received_at=made_at,
        facts=_FACTS[kind](number),
        submitted_by="ci",
    )
