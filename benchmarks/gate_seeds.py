"""What the gate is measured on: versions with evidence of five kinds, three policies, waivers, and a past.

- Documents have the shape that the gate itself writes; only what must exist in hundreds of thousands is written in bulk.
- A version has at most `ARTIFACTS` artifacts: with more of them a verdict that lists its evidence is too long to be
  announced. More evidence is more runs, as in a pipeline that tests and scans again every night.
- Every piece is verified; each scan lists 20 findings, of which one is high and waived.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.circumstances import Exploitation
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
from contracts.registry.v1.events import VersionCreated, VersionMoved
from contracts.vocabulary import Artifact, Criticality, PromotionKind, ReleaseStatus, Severity, SourceCommit
from services.gate.domain.application import ApplicationContext
from services.gate.domain.waiver import GRANTED, Waiver
from services.gate.storage.unit_of_work import GateWork
from shared.digests import sha256_digest
from shared.mongo import Document
from shared.policy.policy import Policy, read_policy
from shared.records import record_digest

PROJECT, APPLICATION = "bench", "web"
ARTIFACTS, KINDS = 100, 5
NOW = datetime.now(UTC).replace(microsecond=0)
REPOSITORY = "https://git.example/bench/web"
WAIVED = "CVE-2026-09999"
_KNOWN = 1000
_TYPES = {
    "tests": "https://in-toto.io/attestation/test-result/v0.1",
    "sbom": "https://cyclonedx.org/bom",
    "vulnerabilities": "https://in-toto.io/attestation/vulns/v0.2",
    "provenance": "https://slsa.dev/provenance/v1",
    "other": "https://bench.example/review/v1",
}
_ROLES = {"tests": "test", "vulnerabilities": "scanner"}
_GATE = [{"stage": "prod", "gate": "entry"}]


def digest_of(*words: object) -> str:
    """A digest that stands for something."""
    return sha256_digest("/".join(map(str, words)).encode())


def artifacts_of(version: str, pieces: int, most: int = ARTIFACTS) -> list[Artifact]:
    """The artifacts of a version with that many pieces of evidence."""
    count = max(1, min(pieces // KINDS, most))
    purl = f"pkg:oci/web-{{}}@{version}?repository_url=registry.example"
    return [Artifact(purl=purl.format(number), digest=digest_of(version, number)) for number in range(count)]


def _tests(number: int) -> TestFacts:
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
            id=WAIVED if one == 0 else f"CVE-2026-{(number * 7 + one) % _KNOWN:05}",
            severity=Severity.HIGH if one == 0 else Severity.MEDIUM,
            score=8.1 if one == 0 else 5.5,
            purl=f"pkg:pypi/part-{one}@1.{number % 50}",
            fixed_in="2.0",
            location="usr/lib/python3/site-packages",
            aliases=(f"GHSA-{number % 9999:04}-{one:04}",),
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


_FACTS: dict[str, Any] = {
    "tests": _tests,
    "sbom": _sbom,
    "vulnerabilities": _scan,
    "provenance": _provenance,
    "other": _review,
}


def evidence_of(version: str, pieces: int, most: int = ARTIFACTS) -> list[EvidenceItem]:
    """That many pieces about the artifacts of a version, of each kind about each artifact, run by run."""
    artifacts, kinds = artifacts_of(version, pieces, most), list(_TYPES)
    return [
        _item(version, number, kinds[number % KINDS], artifacts[number // KINDS % len(artifacts)].digest)
        for number in range(pieces)
    ]


def _item(version: str, number: int, kind: str, subject: str) -> EvidenceItem:
    facts: Facts = _FACTS[kind](number)
    role = _ROLES.get(kind, "build")
    made_at = NOW - timedelta(days=3) + timedelta(seconds=number)
    return EvidenceItem(
        evidence_id=f"ev-{digest_of(version, 'evidence', number)[7:39]}",
        content_digest=digest_of(version, "envelope", number),
        predicate_type=_TYPES[kind],
        subjects=(subject,),
        verified=True,
        signers=(Signer(key_id=digest_of(role), trust_root="ci", role=role),),
        made_at=made_at,
        received_at=made_at,
        facts=facts,
        submitted_by="ci",
    )


def evidence_documents(items: list[EvidenceItem]) -> Iterator[tuple[Document, Document]]:
    """Each piece as the gate keeps it: in its newest form, and that form by its record."""
    for item in items:
        record, text = record_digest(item), item.model_dump_json()
        subjects = sorted(set(item.subjects))
        key = f"{PROJECT}|{item.evidence_id}"
        yield (
            {"_id": key, "record": record, "project": PROJECT, "subjects": subjects, "item": text},
            {"_id": f"{PROJECT}|{record}", "item": text},
        )


def version_created(version: str, pieces: int) -> VersionCreated:
    """The fact that a version with so much evidence was registered."""
    return VersionCreated(
        project=PROJECT,
        application=APPLICATION,
        version=version,
        version_digest=digest_of(version),
        artifacts=tuple(artifacts_of(version, pieces)),
        nested=(),
        source=SourceCommit(repository=REPOSITORY, commit="c" * 40, branch="main"),
        criticality=Criticality.HIGH,
        labels={"tier": "web"},
        owners=("ann",),
        by="ci",
        at=NOW - timedelta(days=4),
    )


def moved_to_qa(version: str) -> VersionMoved:
    """The fact that a version entered the stage before."""
    return VersionMoved(
        project=PROJECT,
        application=APPLICATION,
        version=version,
        version_digest=digest_of(version),
        promotion_id=f"qa-{version}",
        attempt=1,
        kind=PromotionKind.PROMOTE,
        from_stage=None,
        to_stage="qa",
        release=False,
        release_status=ReleaseStatus.PRE_RELEASE,
        replaced=None,
        source=None,
        criticality=Criticality.HIGH,
        owners=("ann",),
        verdict_id=f"vd-{version}",
        passage_digest=digest_of("passage", version),
        by="ann",
        reason="",
        at=NOW - timedelta(days=2),
    )


async def surround(work: GateWork) -> None:
    """Policies, waivers and what is known of vulnerabilities."""
    for policy in policies():
        await work.policies.apply(PROJECT, policy, "ann")
    for number in range(5):
        await work.dossiers.waivers.save(_waiver(number))
    known = [
        Exploitation(vulnerability=f"CVE-2026-{number:05}", epss="0.00123", epss_model="v2026")
        for number in range(_KNOWN)
    ]
    await work.dossiers.exploitation.learn(known, [1] * len(known))
    context = ApplicationContext(
        project=PROJECT,
        application=APPLICATION,
        criticality=Criticality.HIGH,
        labels={"tier": "web"},
        owners=("ann",),
        lifecycle="default",
        revision=1,
        at=NOW - timedelta(days=9),
    )
    await work.dossiers.surroundings.put_context(context)


def _waiver(number: int) -> Waiver:
    return Waiver.model_validate(
        {
            "waiver_id": f"wv-{number}",
            "project": PROJECT,
            "application": APPLICATION,
            "policy": "safe",
            "rule": "no-severe" if number == 0 else f"other-{number}",
            "stage": "prod",
            "subject": {"vulnerability": WAIVED},
            "max_severity": "high",
            "reason": "Not reachable.",
            "requested_by": "ann",
            "requested_at": NOW - timedelta(days=2),
            "expires_at": NOW + timedelta(days=30),
            "state": GRANTED,
            "decided_by": "sec",
            "decided_at": NOW - timedelta(days=1),
        }
    )


def _rule(kind: str, rule_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": rule_id, "title": f"Rule {rule_id}", "kind": kind, **fields}


def document(name: str, rules: list[dict[str, Any]], mode: str = "block") -> dict[str, Any]:
    """A policy as people write it."""
    head = {"apiVersion": "hallmark/v1", "kind": "Policy", "metadata": {"project": PROJECT, "name": name}}
    return {**head, "spec": {"gates": _GATE, "mode": mode, "rules": rules}}


def policies() -> list[Policy]:
    """Three policies with 20 rules of ten kinds; with the waiver, all of those that block let pass."""
    builders = [{"id": "https://builder.example/*", "level": 3}]
    qa = {"stage": "qa"}
    works = [
        _rule("tests_passed", "tests", signer_role="test", max_age="30d"),
        _rule("required_evidence", "sbom", evidence="sbom", signer_role="build"),
        _rule("required_evidence", "review", predicate_type=_TYPES["other"]),
        _rule("composition", "made-of", artifact_types=["oci"], min_artifacts=1),
        _rule("source_branch", "branch", branches=["main"], repositories=[REPOSITORY]),
        _rule("version_order", "newer", scheme="semver"),
        _rule("stage_passed", "through-qa", **qa),
        _rule("soak", "soaked", still_there=False, **{"for": "1d"}, **qa),
    ]
    safe = [
        _rule("vulnerability_limit", "no-severe", max={"critical": 0, "high": 0}, signer_role="scanner", max_age="7d"),
        _rule("vulnerability_limit", "not-exploited", exploited=0, epss={"at_least": "0.5", "max": 0}),
        _rule("licenses", "licences", deny=["GPL-3.0*", "AGPL-*"], unknown="allow"),
        _rule("provenance", "built-well", builders=builders, min_level=2, source_repositories=[REPOSITORY]),
        _rule(
            "any_of", "either", rules=[_rule("tests_passed", "either-tests"), _rule("stage_passed", "either-qa", **qa)]
        ),
        _rule("required_evidence", "fresh-scan", evidence="vulnerabilities", max_age="7d"),
    ]
    seen = [
        _rule("tests_passed", "well-tested", min_passed=100, max_skipped=5),
        _rule("vulnerability_limit", "mild", max={"critical": 0, "medium": 15}),
        _rule("licenses", "permissive", allow=["MIT", "Apache-2.0", "BSD-3-Clause", "ISC"]),
        _rule("provenance", "from-main", builders=builders, source_refs=["refs/heads/main"], same_commit=True),
        _rule("required_evidence", "provenance", evidence="provenance", min_signers=1),
        _rule("source_branch", "any-branch", branches=["**"]),
    ]
    return [read_policy(document(*one)) for one in (("works", works), ("safe", safe), ("seen", seen, "warn"))]
