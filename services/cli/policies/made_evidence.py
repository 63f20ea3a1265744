"""Evidence of a test case: a kind, the facts that matter, and defaults for everything else.

- Numbers that follow from others are computed: a result from its failures, counts from what is listed.
- Defaults are those of good evidence an hour old, about the version, signed in the role that usually signs its kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from contracts.facts import EvidenceItem, Facts, Signer, VexStatus
from contracts.vocabulary import Severity, StageName, utc
from services.cli.policies.cases import WHAT, Written
from services.cli.policies.written import Reading
from shared.digests import sha256_digest
from shared.policy.duration import Duration, parse_duration
from shared.policy.policy_errors import Location, nearest, wrong_value

KINDS: Mapping[str, type[BaseModel]] = {
    model.model_fields["kind"].default: model for model in get_args(get_args(Facts)[0])
}
"""The models of facts by kind."""
_PREDICATE_TYPES = {
    "sbom": "https://cyclonedx.org/bom",
    "tests": "https://in-toto.io/attestation/test-result/v0.1",
    "coverage": "https://hallmark.dev/attestation/cobertura/v1",
    "vulnerabilities": "https://in-toto.io/attestation/vulns/v0.2",
    "provenance": "https://slsa.dev/provenance/v1",
    "vex": "https://openvex.dev/ns/v0.2.0",
    "summary": "https://slsa.dev/verification_summary/v1",
    "deployment": "https://hallmark.dev/attestation/deployment/v1",
    "approval": "https://hallmark.dev/attestation/approval/v1",
}
_SIGNED_BY = {"tests": "test", "coverage": "test", "vulnerabilities": "scanner", "vex": "scanner"}
_OTHERS_SIGNED_BY = "build"


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class GivenSigner(BaseModel):
    """One key under a piece of evidence; keys of one name are one key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    key: str = ""
    """Its name; that of the role when absent."""
    trust_root: str = "trust-root"
    identity: str | None = None
    issuer: str | None = None
    distrusted: bool = False


class GivenEvidence(BaseModel):
    """What a case says of a piece of evidence beside the facts in it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str
    id: str = ""
    about: Annotated[tuple[str, ...], BeforeValidator(_several)] = ("version",)
    age: Duration = parse_duration("1h")
    signer_role: str | None = None
    signers: tuple[GivenSigner, ...] | None = None
    verified: bool = True
    distrusted: bool = False
    made_for: StageName | None = None
    submitted_by: str = ""
    predicate_type: str | None = None


def read_evidence(written: Written, location: Location) -> GivenEvidence:
    """The piece of evidence at `location`. Raises `Invalid`."""
    try:
        given = GivenEvidence.model_validate(written)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise wrong_value((*location, *problem["loc"]), problem["msg"], what=WHAT) from error
    if given.kind not in KINDS:
        why = f"{given.kind!r} is no kind of evidence. {nearest(given.kind, sorted(KINDS))}".rstrip(".")
        raise wrong_value((*location, "kind"), why, what=WHAT)
    return given


def make_item(
    given: GivenEvidence, number: int, stage: StageName, reading: Reading, location: Location
) -> EvidenceItem:
    """The piece of evidence as the gate would hold it. Raises `Invalid`."""
    name = given.id or f"{given.kind}-{number + 1}"
    made_at = reading.at - given.age
    facts = {**_defaults(given.kind, stage, made_at), **(given.model_extra or {})}
    if completed := _COMPLETED.get(given.kind):
        facts = {**completed(facts), **facts}
    other_fields = GivenEvidence.model_fields
    read = reading.model(KINDS[given.kind], {**facts, "kind": given.kind}, location, known=other_fields)
    return EvidenceItem.model_validate(
        {
            "evidence_id": name,
            "content_digest": sha256_digest(name.encode()),
            "predicate_type": given.predicate_type or _predicate_type(given.kind, facts),
            "subjects": tuple(sorted({reading.digest(one, (*location, "about")) for one in given.about})),
            "verified": given.verified,
            "problem": _problem(given),
            "signers": _signers(given, facts) if given.verified else (),
            "distrusted": given.distrusted,
            "made_at": made_at,
            "received_at": made_at,
            "facts": read,
            "submitted_by": given.submitted_by,
            "made_for": given.made_for,
        }
    )


def _defaults(kind: str, stage: StageName, made_at: datetime) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {
        "sbom": {"format": "cyclonedx", "spec_version": "1.6", "component_count": 1},
        "tests": {"failed": 0},
        "vulnerabilities": {"scanner": "scanner"},
        "provenance": {"builder_id": "https://ci.example/builder", "build_type": "https://ci.example/build"},
        "vex": {"dialect": "openvex", "spec_version": "v0.2.0", "author": "author"},
        "summary": {"verifier_id": "https://verifier.example", "verdict": "passed", "resource_uri": "pkg:generic/app"},
        "deployment": {"environment": "environment", "deployed_at": utc(made_at)},
        "approval": {
            "decision": "approved",
            "approver": "approver",
            "role": "approver",
            "stage": stage,
            "evidence_set": "current",
        },
        "unreadable": {"where": "$", "problem": "not what its type says"},
    }
    return found.get(kind, {})


def _tests(facts: Written) -> dict[str, Any]:
    return {"result": "failed" if facts.get("failed") else "passed", "passed": 10}


def _counts(listed: str, word: str, known: Iterable[str]) -> Callable[[Written], dict[str, Any]]:
    words = frozenset(known)

    def counted(facts: Written) -> dict[str, Any]:
        found = (one.get(word) for one in facts.get(listed, ()) if isinstance(one, Mapping))
        # What is no such word is refused where it stands.
        return {"counts": dict(sorted(Counter(one for one in found if one in words).items()))}

    return counted


_COMPLETED: Mapping[str, Callable[[Written], dict[str, Any]]] = {
    "tests": _tests,
    "vulnerabilities": _counts("vulnerabilities", "severity", Severity),
    "vex": _counts("statements", "status", get_args(VexStatus)),
}


def _predicate_type(kind: str, facts: Written) -> str:
    named = facts.get("meant") if kind == "unreadable" else kind
    return _PREDICATE_TYPES.get(str(named), f"https://example.org/{kind}/v1")


def _problem(given: GivenEvidence) -> str | None:
    if not given.verified:
        return "no_trusted_signature"
    return "distrusted" if given.distrusted else None


def _signers(given: GivenEvidence, facts: Written) -> tuple[Signer, ...]:
    usual = facts.get("role") if given.kind == "approval" else _SIGNED_BY.get(given.kind, _OTHERS_SIGNED_BY)
    signers = given.signers or (GivenSigner(role=given.signer_role or str(usual)),)
    return tuple(
        Signer(
            key_id=sha256_digest(f"key {one.key or one.role}".encode()),
            trust_root=one.trust_root,
            role=one.role,
            identity=one.identity,
            issuer=one.issuer,
            distrusted=one.distrusted or given.distrusted,
        )
        for one in signers
    )
