"""Evidence, dossiers and policies for tests of the gate, well formed through the real models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from contracts.circumstances import WaivedSubject, WaiverFacts
from contracts.facts import (
    ApprovalFacts,
    EvidenceItem,
    Facts,
    FoundVulnerability,
    LicenseUse,
    ProvenanceFacts,
    SbomFacts,
    Signer,
    TestFacts,
    UnreadableFacts,
    VulnerabilityFacts,
)
from contracts.vocabulary import Criticality, GateKind, Role, Severity
from shared.digests import sha256_digest
from shared.policy.dossier import Dossier
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy, read_policy
from shared.policy.rules import AllOf, AnyOf, RuleContext, SimpleRule
from shared.policy.verdict import DecisionContext, Verdict, decide

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VERSION = sha256_digest(b"version")
WHEEL = sha256_digest(b"wheel")
IMAGE = sha256_digest(b"image")
TESTS_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
SBOM_TYPE = "https://cyclonedx.org/bom"
SCAN_TYPE = "https://in-toto.io/attestation/vulns/v0.2"
APPROVAL_TYPE = "https://hallmark.dev/attestation/approval/v1"
TYPES = {
    "tests": TESTS_TYPE,
    "sbom": SBOM_TYPE,
    "vulnerabilities": SCAN_TYPE,
    "approval": APPROVAL_TYPE,
    "provenance": "https://slsa.dev/provenance/v1",
    "unreadable": TESTS_TYPE,
}


def item(
    name: str, facts: Facts, *, role: str = "test", age: timedelta = timedelta(hours=1), **changes: Any
) -> EvidenceItem:
    made_at = NOW - age
    fields: dict[str, Any] = {
        "evidence_id": name,
        "content_digest": sha256_digest(name.encode()),
        "predicate_type": TYPES.get(facts.kind, "https://example.org/free"),
        "subjects": (VERSION,),
        "verified": True,
        "signers": (signer(role),),
        "made_at": made_at,
        "received_at": made_at,
        "facts": facts,
    }
    if changes.get("verified") is False:
        fields |= {"signers": (), "problem": "no_trusted_signature"}
    return EvidenceItem(**(fields | changes))


def signer(role: str, key: str = "") -> Signer:
    return Signer(key_id=sha256_digest((key or role).encode()), trust_root="ci", role=role)


def passed(count: int = 10) -> TestFacts:
    return TestFacts(result="passed", passed=count, failed=0)


def failed() -> TestFacts:
    return TestFacts(result="failed", passed=9, failed=1, failed_names=("test_sum",))


def provenance(**changes: Any) -> ProvenanceFacts:
    fields = {
        "builder_id": "https://builder.example/runner@v1",
        "build_type": "https://builder.example/type",
        "source_repository": "https://git.example/acme/shop",
        "source_commit": "c" * 40,
        "source_ref": "refs/heads/main",
    }
    return ProvenanceFacts(**(fields | changes))


def sbom() -> SbomFacts:
    return SbomFacts(format="cyclonedx", spec_version="1.6", component_count=3)


def licensed(expression: str) -> SbomFacts:
    return sbom().model_copy(update={"licenses": (LicenseUse(expression=expression, count=3),)})


def scan(**found: int) -> VulnerabilityFacts:
    listed = tuple(
        FoundVulnerability(id=f"CVE-{severity}-{number}", severity=Severity(severity))
        for severity, count in found.items()
        for number in range(count)
    )
    counts = {Severity(severity): count for severity, count in found.items()}
    return VulnerabilityFacts(scanner="scan", counts=counts, vulnerabilities=listed)


def unreadable() -> UnreadableFacts:
    return UnreadableFacts(where="$.result", problem="not a string")


def approval(
    who: str, evidence_set: str, decision: Literal["approved", "rejected"] = "approved", **changes: Any
) -> ApprovalFacts:
    fields = {
        "decision": decision,
        "approver": who,
        "role": Role.APPROVER,
        "stage": "prod",
        "evidence_set": evidence_set,
    }
    return ApprovalFacts(**(fields | changes))


def granted_waiver(rule_id: str, subject: WaivedSubject, **changes: Any) -> WaiverFacts:
    """A waiver of one rule of `prod-entry`, for the stage prod, granted yesterday until tomorrow."""
    fields = {
        "waiver_id": "w1",
        "policy": "prod-entry",
        "rule": rule_id,
        "stage": "prod",
        "subject": subject,
        "reason": "known",
        "requested_by": "rita",
        "approved_by": "sam",
        "granted_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=1),
    }
    return WaiverFacts(**(fields | changes))


def dossier(*items: EvidenceItem, artifacts: tuple[str, ...] = (WHEEL,), **changes: Any) -> Dossier:
    fields: dict[str, Any] = {
        "project": "shop",
        "application": "cart",
        "version": "1.0.0",
        "version_digest": VERSION,
        "artifacts": artifacts,
        "criticality": Criticality.HIGH,
        "labels": {"tier": "web"},
        "items": items,
    }
    return Dossier(**(fields | changes))


def document(*rules: dict[str, Any], name: str = "prod-entry", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": "shop", "name": name},
        "spec": {"gates": [{"stage": "prod", "gate": "entry"}], "rules": list(rules)} | spec,
    }


def rule_of(written: dict[str, Any]) -> SimpleRule:
    """A rule as a policy holds it; none that is made of others."""
    [read] = policy(written).spec.rules
    assert not isinstance(read, AllOf | AnyOf)
    return read


def policy(*rules: dict[str, Any], name: str = "prod-entry", **spec: Any) -> Policy:
    return read_policy(document(*rules, name=name, **spec))


def rule(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": kind.replace("_", "-"), "title": f"Rule {kind}", "kind": kind} | fields


def context_for(subject: Dossier, requested_by: str = "rita") -> RuleContext:
    return RuleContext(
        stage="prod",
        gate=GateKind.ENTRY,
        requested_by=requested_by,
        evidence_set=subject.evidence_set_digest,
        at=NOW,
    )


def judge(subject: Dossier, *policies: Policy, passages: tuple[Passage, ...] = (), **changes: Any) -> Verdict:
    asked = DecisionContext(**({"verdict_id": "verdict-1", "requested_by": "rita"} | changes))
    return decide(policies, subject, passages or (Passage(stage="prod", gate=GateKind.ENTRY),), asked, NOW)
