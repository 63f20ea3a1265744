"""One piece of evidence, as people read it: what it says by its kind, who signed it, and whether it counts: pure.

- What a tool claims is shown as claimed; whether anybody believes it stands beside it, always.
- An envelope is opened for reading only. What cannot be opened is shown as it is.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from contracts.facts import (
    ApprovalFacts,
    CoverageFacts,
    DeploymentFacts,
    EarlierStanding,
    EvidenceItem,
    Facts,
    OtherFacts,
    ProvenanceFacts,
    SbomFacts,
    Standing,
    SummaryFacts,
    TestFacts,
    UnreadableFacts,
    VexFacts,
    VulnerabilityFacts,
)

MOST_SHOWN = 200_000
"""Characters of a statement that a page shows; the rest is in the file to download."""
LARGEST_OPENED = 8 * 2**20
"""Bytes of an envelope that is opened for a page."""
_ROWS = 100
_PROBLEMS = {
    "payload_type_unsupported": "it is no in-toto statement",
    "no_trusted_signature": "no key or identity of a trust root signed it",
    "identity_not_allowed": "no trust root means the identity that signed it",
    "predicate_not_allowed": "whoever signed it may not speak for this type of evidence",
    "key_not_yet_valid": "its key was not valid yet when it came",
    "key_distrusted": "its key was distrusted when it came",
    "threshold_not_met": "too few of the keys that have to sign it did",
}
_SEVERITIES = ("critical", "high", "medium", "low", "none", "unknown")


@dataclass(frozen=True)
class Table:
    """What a summary lists."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    left_out: int = 0


@dataclass(frozen=True)
class Summary:
    """What evidence says, by its kind."""

    line: str
    """In a few words."""
    facts: tuple[tuple[str, Any], ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Opened:
    """What an envelope holds."""

    payload_type: str
    text: str
    is_cut: bool
    problem: str = ""
    """Why it is shown as it was handed in; empty when it was opened."""


def title(item: EvidenceItem) -> str:
    """What kind of evidence it is, as people call it."""
    names = {
        "sbom": "Bill of materials",
        "tests": "Test results",
        "coverage": "Test coverage",
        "vulnerabilities": "Vulnerability scan",
        "provenance": "Provenance",
        "vex": "VEX statements",
        "summary": "Verification summary",
        "deployment": "Deployment",
        "approval": "Approval",
        "unreadable": "Unreadable evidence",
    }
    return names.get(item.facts.kind, item.predicate_type)


def counts(item: EvidenceItem | EarlierStanding) -> str:
    """Whether it counts, and why, in one sentence."""
    if not item.verified:
        return f"Counts for nothing: {_PROBLEMS.get(item.problem or '', item.problem) or 'no trust root believes it'}."
    roles = ", ".join(dict.fromkeys(signer.role for signer in item.signers)) or "nobody"
    if item.distrusted:
        return f"Can deny and allows nothing: its signer ({roles}) was believed once and is distrusted since."
    return f"Counts: signed in the role {roles}."


def standing(item: EvidenceItem | EarlierStanding) -> Standing:
    """What it counts for."""
    if not item.verified:
        return Standing.UNVERIFIED
    return Standing.DISTRUSTED if item.distrusted else Standing.VERIFIED


def summary(facts: Facts) -> Summary:  # noqa: C901, PLR0911 - one per kind
    """What it says."""
    match facts:
        case SbomFacts():
            return _sbom(facts)
        case TestFacts():
            return _tests(facts)
        case CoverageFacts():
            rest = (("Branches", f"{facts.branches} %" if facts.branches is not None else None),)
            return Summary(f"{facts.lines} % of the lines covered", rest)
        case VulnerabilityFacts():
            return _vulnerabilities(facts)
        case ProvenanceFacts():
            return _provenance(facts)
        case VexFacts():
            return _vex(facts)
        case SummaryFacts():
            levels = ", ".join(facts.levels)
            said = (("Verifier", facts.verifier_id), ("Levels", levels), ("Policy", facts.policy_uri))
            return Summary(f"{facts.verdict}{f': {levels}' if levels else ''}", said)
        case DeploymentFacts():
            where = (("By, as it says", facts.by), ("Stage", facts.stage), ("Address", facts.url))
            return Summary(f"deployed to {facts.environment}", (*where, ("At", facts.deployed_at)))
        case ApprovalFacts():
            bound = (("Reason", facts.reason), ("On the evidence set", facts.evidence_set))
            return Summary(f"{facts.approver}, {facts.role}, {facts.decision} the entry into {facts.stage}", bound)
        case OtherFacts():
            table = () if facts.text is None else (Table("As it was said", ("predicate",), ((facts.text,),)),)
            return Summary("a type that only Rego rules and people read", (), table)
        case UnreadableFacts():
            return Summary(f"unreadable at {facts.where}: {facts.problem}", (("Meant as", facts.meant),))
        case _:
            assert_never(facts)


def opened(content: bytes) -> Opened:
    """The statement inside of a DSSE envelope or a Sigstore bundle, laid out for reading."""
    try:
        envelope = json.loads(content)
        inner = envelope.get("dsseEnvelope", envelope)
        payload = base64.b64decode(inner["payload"], validate=True)
        kind = str(inner.get("payloadType", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        text = content.decode(errors="replace")
        return Opened("", text[:MOST_SHOWN], len(text) > MOST_SHOWN, "It is no envelope with a statement inside.")
    text = _laid_out(payload)
    return Opened(kind, text[:MOST_SHOWN], len(text) > MOST_SHOWN)


def _laid_out(payload: bytes) -> str:
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return payload.decode(errors="replace")


def _cut(title: str, heads: tuple[str, ...], found: Sequence[tuple[Any, ...]], total: int | None = None) -> Table:
    return Table(title, heads, tuple(found[:_ROWS]), max(0, (len(found) if total is None else total) - _ROWS))


def _sbom(facts: SbomFacts) -> Summary:
    licenses = [(one.expression, one.count) for one in sorted(facts.licenses, key=lambda one: -one.count)]
    if facts.unlicensed:
        licenses.append(("none is said", facts.unlicensed.count))
    said = (
        ("Format", f"{facts.format} {facts.spec_version}"),
        ("Components", facts.component_count),
        ("Without package URL", facts.unidentified_count or None),
        ("Dependencies", facts.dependency_count),
        ("Describes", facts.purl),
        ("Its own id", facts.document_id),
    )
    line = f"{facts.component_count} components ({facts.format} {facts.spec_version})"
    return Summary(line, said, (_cut("Licences", ("licence", "components"), licenses),) if licenses else ())


def _tests(facts: TestFacts) -> Summary:
    said = (
        ("Passed", facts.passed),
        ("Failed", facts.failed),
        ("Skipped", facts.skipped or None),
        ("Broken down", facts.errored or None),
        ("Flaky", facts.flaky or None),
    )
    failed = _cut("What failed", ("test",), [(one,) for one in facts.failed_names], facts.failed)
    suites = [(one.name, one.passed, one.failed, one.skipped) for one in facts.suites]
    tables = [failed] if failed.rows else []
    tables += [_cut("Suites", ("suite", "passed", "failed", "skipped"), suites)] if suites else []
    return Summary(f"{facts.result}: {facts.passed} passed, {facts.failed} failed", said, tuple(tables))


def _vulnerabilities(facts: VulnerabilityFacts) -> Summary:
    counted = [(one, facts.counts[key]) for one in _SEVERITIES for key in facts.counts if key == one]
    total = sum(count for _, count in counted)
    line = ", ".join(f"{count} {name}" for name, count in counted if count) or "nothing found"
    found = [(one.id, one.severity, one.purl, one.fixed_in or "no fix known") for one in facts.vulnerabilities]
    said = (("Scanner", facts.scanner), ("Set aside by its configuration", facts.suppressed or None))
    table = _cut("Found", ("vulnerability", "severity", "component", "fixed in"), found, total)
    return Summary(line, said, (table,) if found else ())


def _provenance(facts: ProvenanceFacts) -> Summary:
    said = (
        ("Builder", facts.builder_id),
        ("Build type", facts.build_type),
        ("Repository", facts.source_repository),
        ("Commit", facts.source_commit),
        ("Branch or tag", facts.source_ref),
    )
    sources = _cut("Materials", ("source",), [(one,) for one in facts.source_uris])
    return Summary(f"built by {facts.builder_id}", said, (sources,) if sources.rows else ())


def _vex(facts: VexFacts) -> Summary:
    line = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in facts.counts.items() if count)
    listed = [
        (one.vulnerability, one.status.replace("_", " "), _products(one.products), one.justification or one.impact)
        for one in facts.statements
    ]
    said = (("Author", facts.author), ("Dialect", f"{facts.dialect} {facts.spec_version}"))
    table = _cut("Statements", ("vulnerability", "status", "products", "why"), listed, sum(facts.counts.values()))
    return Summary(line or "no statements", said, (table,) if listed else ())


def _products(products: Iterable[Any]) -> str:
    return ", ".join(one.id for one in products) or "the subjects of this evidence"
