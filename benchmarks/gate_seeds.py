"""What the gate is measured on: versions with evidence of five kinds, three policies, waivers, and a past.

- Documents have the shape that the gate itself writes; evidence is inserted in bulk.
- With the waiver, everything that blocks lets pass; one rule of another mode does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from benchmarks.gate_facts import KNOWN, NOW, REPOSITORY, TYPES, WAIVED, artifacts_of, digest_of
from contracts.circumstances import Exploitation
from contracts.facts import EvidenceItem
from contracts.registry.v1.events import VersionCreated, VersionMoved
from contracts.vocabulary import Criticality, PromotionKind, ReleaseStatus, SourceCommit
from services.gate.domain.application import ApplicationContext
from services.gate.domain.waiver import GRANTED, Waiver
from services.gate.storage.unit_of_work import GateWork
from shared.mongo import Database, Document
from shared.policy.policy import Policy, read_policy
from shared.records import record_digest

PROJECT, APPLICATION = "bench", "web"
_AT_ONCE = 5_000
_GATE = [{"stage": "prod", "gate": "entry"}]


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


async def add_evidence(database: Database, items: list[EvidenceItem]) -> None:
    """Keep evidence as the gate does, many pieces in one write."""
    documents = evidence_documents(items)
    while batch := list(islice(documents, _AT_ONCE)):
        await database.collection("evidence").add_all([one for one, _ in batch])
        await database.collection("evidence_forms").add_all([form for _, form in batch])


async def register(work: GateWork, version: str, pieces: int) -> None:
    """Have the gate hear of a version, and that it stands in the stage before."""
    await work.dossiers.versions.add(version_created(version, pieces))
    await work.dossiers.surroundings.moved(moved_to_qa(version))


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
        for number in range(KNOWN)
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


def draft() -> dict[str, Any]:
    """A stricter one in the place of `safe`."""
    rules = [
        _rule("vulnerability_limit", "no-severe", max={"critical": 0, "high": 0, "medium": 10}),
        _rule("provenance", "built-well", builders=[{"id": "https://builder.example/*", "level": 3}], min_level=3),
        _rule("tests_passed", "tested", min_passed=100),
    ]
    return document("safe", rules)


def policies() -> list[Policy]:
    """Three policies with 20 rules of ten kinds; with the waiver, all of those that block let pass."""
    builders = [{"id": "https://builder.example/*", "level": 3}]
    qa = {"stage": "qa"}
    works = [
        _rule("tests_passed", "tests", signer_role="test", max_age="30d"),
        _rule("required_evidence", "sbom", evidence="sbom", signer_role="build"),
        _rule("required_evidence", "review", predicate_type=TYPES["other"]),
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
        _rule("any_of", "either", rules=[_rule("tests_passed", "tested"), _rule("stage_passed", "in-qa", **qa)]),
        _rule("required_evidence", "fresh-scan", evidence="vulnerabilities", max_age="7d"),
    ]
    seen = [
        _rule("tests_passed", "well-tested", min_passed=100, max_skipped=5),
        _rule("vulnerability_limit", "mild", max={"critical": 0, "medium": 25}),
        _rule("licenses", "permissive", allow=["MIT", "Apache-2.0", "BSD-3-Clause", "ISC"]),
        _rule("provenance", "from-main", builders=builders, source_refs=["refs/heads/main"], same_commit=True),
        _rule("required_evidence", "provenance", evidence="provenance", min_signers=1),
        _rule("source_branch", "any-branch", branches=["**"]),
    ]
    return [read_policy(document(*one)) for one in (("works", works), ("safe", safe), ("seen", seen, "warn"))]
