"""Small reports of each format, and the facts that reading them gives."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from contracts.facts import (
    Facts,
    OtherFacts,
    SummaryFacts,
    TestFacts,
    UnreadableFacts,
    VexFacts,
    VulnerabilityFacts,
)
from services.evidence.domain import kinds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OURS = "https://hallmark.dev/attestation"
OPENVEX = "https://openvex.dev/ns"


def wrapped(data: bytes | str) -> dict[str, Any]:
    """A document as a resource descriptor carries it."""
    return {"content": base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()}


def facts_of(predicate_type: str, predicate: dict[str, Any]) -> Facts:
    return kinds.read(predicate_type, predicate, NOW).facts


def scan(name: str, predicate: dict[str, Any]) -> VulnerabilityFacts:
    facts = facts_of(f"{OURS}/{name}/v1", predicate)
    assert isinstance(facts, VulnerabilityFacts), facts
    return facts


def counts(facts: VulnerabilityFacts) -> dict[str, int]:
    """The severities that occur."""
    return {severity.value: number for severity, number in facts.counts.items() if number}


def run_of(document: bytes | str) -> TestFacts:
    facts = facts_of(f"{OURS}/junit/v1", wrapped(document))
    assert isinstance(facts, TestFacts), facts
    return facts


def totals(facts: TestFacts) -> tuple[int, int, int, int]:
    """Passed, skipped, failed (without errors), errors."""
    return facts.passed, facts.skipped, facts.failed - facts.errored, facts.errored


def vex(predicate: dict[str, Any], predicate_type: str = OPENVEX) -> VexFacts:
    facts = facts_of(predicate_type, predicate)
    assert isinstance(facts, VexFacts), facts
    return facts


def summary(predicate: dict[str, Any], version: str = "v1") -> SummaryFacts:
    facts = facts_of(f"https://slsa.dev/verification_summary/{version}", predicate)
    assert isinstance(facts, SummaryFacts), facts
    return facts


def problem(predicate_type: str, predicate: dict[str, Any]) -> UnreadableFacts:
    facts = facts_of(predicate_type, predicate)
    assert isinstance(facts, UnreadableFacts), facts
    assert facts.problem
    return facts


def says_nothing(predicate_type: str, predicate: dict[str, Any]) -> bool:
    return facts_of(predicate_type, predicate) == OtherFacts()
