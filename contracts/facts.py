"""What evidence says, in one form for everybody, whatever tool said it.

The evidence service reads a statement once and turns it into one of these; gates and monitoring judge the facts
and never parse a tool's format. Absent, unreadable and failed stay three things: no facts at all, `UnreadableFacts`,
and facts whose result is bad.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from contracts.vocabulary import ActorKind, Digest, Frozen, Purl, Role, Severity, StageName, Text, Utc

MAX_LISTED = 200
"""How many single findings travel inside facts; counts are always complete."""
MAX_TEXT = 16_384
"""Bytes of a free predicate that travel inside facts."""


class Component(Frozen):
    """One part of an artifact, as its bill of materials names it."""

    purl: Purl
    version: str = ""
    """As the document says it; empty when it does not. The purl may say it too."""
    licenses: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    """`<algorithm>:<hex>` in lower case, sorted."""
    depends_on: tuple[Purl, ...] = ()
    """The components it depends on directly, sorted."""


class LicenseUse(Frozen):
    """One licence expression, and how many components of a bill of materials are under it."""

    expression: Annotated[str, Field(max_length=1100)]
    """As the document says it; several licences of one component are joined by `AND`."""
    count: int
    components: tuple[Purl, ...] = ()
    """At most 20 of them, sorted."""


class SbomFacts(Frozen):
    """A bill of materials. The components themselves are read page by page from the evidence service."""

    kind: Literal["sbom"] = "sbom"
    format: Literal["cyclonedx", "spdx"]
    spec_version: str
    component_count: int
    """Distinct components that have a package URL."""
    unidentified_count: int = 0
    """Components without a package URL: nothing can be matched against them."""
    listed_count: int = 0
    """Components as the document lists them, before those of one package URL are taken for one."""
    relationship_count: int = 0
    """Entries of the document's own list of dependencies (CycloneDX) or relationships (SPDX), of whatever type."""
    dependency_count: int = 0
    """Distinct direct dependencies between two components that both have a package URL."""
    document_id: str | None = None
    """What the document calls itself: its serial number (CycloneDX) or its namespace or URI (SPDX)."""
    purl: Purl | None = None
    """What the document as a whole describes, when it names one package with a package URL."""
    licenses: tuple[LicenseUse, ...] = ()
    """Every licence expression that a component is under, at most `MAX_LISTED`, sorted."""
    unlicensed: LicenseUse | None = None
    """The components for which no licence is said, under the expression `NOASSERTION`; None when there are none."""
    unlisted_licenses: int = 0
    """Licence expressions beyond those listed: what they allow cannot be judged."""


class SuiteResult(Frozen):
    """The tests of one suite, by the name that the report gives it."""

    name: Annotated[str, Field(max_length=300)]
    passed: int
    failed: int
    skipped: int = 0


class TestFacts(Frozen):
    """The result of running tests."""

    __test__ = False
    kind: Literal["tests"] = "tests"
    result: Literal["passed", "warned", "failed"]
    passed: int
    failed: int
    skipped: int = 0
    failed_names: tuple[str, ...] = ()
    """At most `MAX_LISTED`."""
    errored: int = 0
    """How many of `failed` broke down before their outcome could be judged, where the format tells the two apart."""
    flaky: int = 0
    """How many of `passed` failed first and passed when they were run again."""
    suites: tuple[SuiteResult, ...] = ()
    """By name, at most `MAX_LISTED`; empty where the format has no suites."""


class CoverageFacts(Frozen):
    """How much of the code the tests ran, in percent, 0 to 100."""

    kind: Literal["coverage"] = "coverage"
    lines: float
    branches: float | None = None
    lines_covered: int | None = None
    lines_total: int | None = None


class FoundVulnerability(Frozen):
    """One vulnerability that a scanner reported."""

    id: Annotated[str, Field(max_length=200)]
    severity: Severity
    score: float | None = None
    """CVSS base score, 0.0 to 10.0."""
    purl: Purl | None = None
    fixed_in: str | None = None
    location: Annotated[str, Field(max_length=500)] | None = None
    """Where it was found, as the scanner names places: a file and line, a layer, a target."""
    aliases: tuple[Annotated[str, Field(max_length=200)], ...] = ()
    """Other ids of the same flaw (CVE, GHSA), sorted, at most 10."""
    published_at: Utc | None = None
    """When it became publicly known, where the scanner says so."""


class VulnerabilityFacts(Frozen):
    """The result of a vulnerability scan. An empty one says that nothing was found."""

    kind: Literal["vulnerabilities"] = "vulnerabilities"
    scanner: str
    counts: dict[Severity, int]
    vulnerabilities: tuple[FoundVulnerability, ...] = ()
    """At most `MAX_LISTED`, the worst first."""
    suppressed: int = 0
    """Findings that the scanner's own configuration set aside; they are in no count."""


class ProvenanceFacts(Frozen):
    """Who built it and from what."""

    kind: Literal["provenance"] = "provenance"
    builder_id: str
    build_type: str
    source_uris: tuple[str, ...] = ()
    source_repository: str | None = None
    """The repository it was built from, without a reference; None unless exactly one commit of it is named."""
    source_commit: str | None = None
    """The git commit in lowercase hexadecimal digits, named together with `source_repository`."""
    source_ref: str | None = None
    """The branch or tag, `refs/heads/main`, where the document says one."""
    parameters_digest: Digest | None = None
    """Digest of the canonical JSON of the parameters from outside; None when they have no canonical form."""
    complete: tuple[Literal["parameters", "environment", "materials"], ...] = ()
    """What the builder claims to have listed completely (SLSA v0.2 only; v1 asks it of every builder)."""


VexStatus = Literal["not_affected", "affected", "fixed", "under_investigation"]


class VexProduct(Frozen):
    """One product that a VEX statement speaks of."""

    id: str
    """A package URL in canonical form, or the name that the document gives it."""
    digests: tuple[str, ...] = ()
    """`<algorithm>:<hex>` in lower case, sorted."""
    subcomponents: tuple[str, ...] = ()
    """The parts of the product that the statement speaks of; empty for the product as a whole."""
    versions: tuple[str, ...] = ()
    """The versions, or `vers:` ranges of them, that it speaks of; empty for those that `id` names."""


class VexStatement(Frozen):
    """What somebody says about one vulnerability in some products."""

    vulnerability: Annotated[str, Field(max_length=200)]
    aliases: tuple[str, ...] = ()
    status: VexStatus
    products: tuple[VexProduct, ...] = ()
    """At most `MAX_LISTED`; empty when it speaks of the evidence's own subjects."""
    justification: str | None = None
    """Why it is not affected, as one word of OpenVEX; CycloneDX's words are translated where OpenVEX has one."""
    impact: Text = ""
    action: Text = ""
    made_at: Utc | None = None


class VexFacts(Frozen):
    """Which vulnerabilities matter to which products. Statements that a later one replaced are left out."""

    kind: Literal["vex"] = "vex"
    dialect: Literal["openvex", "cyclonedx"]
    spec_version: str
    author: str
    counts: dict[VexStatus, int]
    """Statements by status, those included that are not listed."""
    statements: tuple[VexStatement, ...] = ()
    """At most `MAX_LISTED`, affected first, then those that are being looked into."""


class SummaryFacts(Frozen):
    """A verifier's verdict about an artifact: a SLSA verification summary (VSA)."""

    kind: Literal["summary"] = "summary"
    verifier_id: str
    verdict: Literal["passed", "failed"]
    resource_uri: str
    levels: tuple[str, ...] = ()
    """The levels that were reached, sorted; empty when it failed."""
    dependency_levels: dict[str, int] | None = None
    """Dependencies by level; None when nothing is claimed about them."""
    policy_uri: str = ""
    policy_digest: Digest | None = None
    input_digests: tuple[Digest, ...] = ()
    """The attestations that were looked at, at most `MAX_LISTED`."""


class DeploymentFacts(Frozen):
    """Somebody put it to work somewhere."""

    kind: Literal["deployment"] = "deployment"
    environment: str
    stage: StageName | None = None
    deployed_at: Utc
    by: str = ""
    """Who or what deployed it, as the statement says; nothing has proven it."""
    url: str | None = None


class ApprovalFacts(Frozen):
    """Somebody answered for one version's entry into one stage, having seen one set of evidence."""

    kind: Literal["approval"] = "approval"
    decision: Literal["approved", "rejected"]
    approver: str
    role: Role
    stage: StageName
    evidence_set: Digest
    """Digest of the evidence the approver answered for: another set needs another approval."""
    reason: Text = ""
    approver_kind: Annotated[ActorKind, Field(exclude_if=lambda kind: kind is ActorKind.HUMAN)] = ActorKind.HUMAN
    """Left out for people."""


class OtherFacts(Frozen):
    """Well-formed evidence of a type Hallmark knows nothing more about."""

    kind: Literal["other"] = "other"
    text: str | None = None
    """The predicate as compact JSON; None when that is longer than `MAX_TEXT` bytes."""


class UnreadableFacts(Frozen):
    """The signature may be good, the content could not be read: never a pass."""

    kind: Literal["unreadable"] = "unreadable"
    where: str
    """Path into the document, or its byte offset."""
    problem: str
    meant: str | None = None
    """The kind of facts that its predicate type announces; None when the type does not tell."""


Facts = Annotated[
    SbomFacts
    | TestFacts
    | CoverageFacts
    | VulnerabilityFacts
    | ProvenanceFacts
    | VexFacts
    | SummaryFacts
    | DeploymentFacts
    | ApprovalFacts
    | OtherFacts
    | UnreadableFacts,
    Field(discriminator="kind"),
]


class Signer(Frozen):
    """One key that verified a signature, and what a trust root lets it vouch for."""

    key_id: Digest
    """SHA-256 of the key's SubjectPublicKeyInfo, or for certificates of issuer and identity: whoever signs under two
    names, or with a new key each time, counts once."""
    trust_root: str
    role: str
    """The signer role that the trust root gives: `build`, `test`, `scanner`, whatever the operator named."""
    identity: str | None = None
    """Who a certificate says it was, such as a workflow's URI; None for plain keys."""
    issuer: str | None = None
    """The OIDC issuer that vouched for the identity; None for plain keys."""
    distrusted: bool = False
    """Verified once, and no trust root vouches for it in this role any more: what it signed still speaks against a
    version, never for one."""


class SignatureCheck(Frozen):
    """What became of one signature."""

    signer: str
    """The key id or certified identity that verified; else the hint that the envelope carries, which proves nothing."""
    outcome: str
    """`verified`, or the check that failed: one code of a closed list (docs/architecture/verification.md)."""
    detail: str = ""


class Standing(StrEnum):
    """What a piece of evidence counts for."""

    UNVERIFIED = "unverified"
    """Nothing: no trust root believes it."""
    VERIFIED = "verified"
    """It can allow and deny."""
    DISTRUSTED = "distrusted"
    """It denies and allows nothing: it was believed once, and every key that signed it has been distrusted since."""


class EvidenceItem(Frozen):
    """One piece of evidence as gates see it."""

    evidence_id: str
    content_digest: Digest
    """Digest of the envelope as received."""
    predicate_type: str
    subjects: tuple[Digest, ...]
    verified: bool
    problem: str | None = None
    """Why it is not verified, or was distrusted, as one code; None when it counts."""
    signers: tuple[Signer, ...]
    """The distinct keys that verified, those distrusted since included; empty when unverified."""
    checks: tuple[SignatureCheck, ...] = ()
    """What became of each signature, in the envelope's order."""
    distrusted: bool = False
    """Verified once, by keys that the project has distrusted since: allows nothing any more, and still denies."""
    revision: int = 0
    """How many judgements since its receipt have changed what it counts for: of two forms, the higher is the newer."""
    made_at: Utc
    """When what it says was found out: the time it claims, but never later than when it was received."""
    received_at: Utc
    facts: Facts
    submitted_by: str = ""
    """Who handed it in."""
    made_for: StageName | None = None
    """The stage that it was made for, where the signed statement says so: `stage` in its predicate."""

    @property
    def standing(self) -> Standing:
        """What it counts for."""
        if not self.verified:
            return Standing.UNVERIFIED
        return Standing.DISTRUSTED if self.distrusted else Standing.VERIFIED


class EarlierStanding(Frozen):
    """What a piece of evidence counted for until it was judged again: all that a judgement can change."""

    revision: int
    verified: bool
    distrusted: bool
    problem: str | None
    signers: tuple[Signer, ...]
    checks: tuple[SignatureCheck, ...] = ()
    until: Utc
    """When it was judged again."""
    trust_root: str
    """The trust root whose change ended it."""
    trust_root_revision: int
