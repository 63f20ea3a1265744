"""Suites that must be in the newest test results about every artifact.

- A suite is there when one of the newest results has a passed test in it; different results may have different suites.
- A suite that none of them has denies: it was not run, or not reported, since.
- A suite that only results have which are too old, or not trusted any more, is pending.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.facts import EvidenceItem, TestFacts
from contracts.findings import Violation
from contracts.vocabulary import Digest, Outcome
from shared.policy.dossier import Dossier
from shared.policy.rules.coverage import Demand
from shared.policy.rules.faults import About
from shared.policy.rules.rule import Problem


@dataclass(frozen=True, slots=True)
class Suites:
    """What is missing of required suites, and until when those that are there are young enough."""

    problems: tuple[Problem, ...]
    valid_until: datetime | None


def required_suites(names: tuple[str, ...], demand: Demand, dossier: Dossier, about: About, at: datetime) -> Suites:
    """Whether the newest results `about` the version have all suites of these `names`, for every artifact."""
    held = {item.evidence_id: _passed(item) for items in about.values() for item in items}
    problems: list[Problem] = []
    ends: list[datetime] = []
    for target, subjects in dossier.covering.items():
        pieces = [item for subject in sorted(subjects) for item in about.get(subject, ())]
        for name in names if pieces else ():
            having = [item for item in pieces if name in held[item.evidence_id]]
            allowing = [item for item in having if demand.trusts(item)]
            newest = max((item.made_at for item in allowing), default=None)
            end = newest + demand.max_age if newest is not None and demand.max_age is not None else None
            if not having:
                problems.append(_missing(name, target, pieces))
            elif newest is None or (end is not None and end < at):
                problems.append(_powerless(name, target, having, demand))
            elif end is not None:
                ends.append(end)
    return Suites(tuple(problems), min(ends, default=None))


def failed_suites(facts: TestFacts, names: tuple[str, ...]) -> Iterator[str]:
    """What failed in required suites, in a few words each."""
    failed: Mapping[str, int] = {one.name: one.failed for one in facts.suites}
    yield from (f"{failed[name]} failed tests in the required suite {name}" for name in names if failed.get(name))


def _passed(item: EvidenceItem) -> frozenset[str]:
    facts = item.facts
    return frozenset(one.name for one in facts.suites if one.passed) if isinstance(facts, TestFacts) else frozenset()


def _missing(name: str, target: Digest, pieces: list[EvidenceItem]) -> Problem:
    return Problem(
        Violation(says=f"no passed test in the required suite {name}", artifact=target),
        lead="The newest test results have no passed test in the required suites: ",
        sentence=name,
        remedy="Run these suites for this build and attach the report, which names its suites.",
        evidence=tuple(item.evidence_id for item in pieces),
    )


def _powerless(name: str, target: Digest, having: list[EvidenceItem], demand: Demand) -> Problem:
    return Problem(
        Violation(says=f"the required suite {name} is only in results that allow nothing any more", artifact=target),
        Outcome.PENDING,
        "Only results that are too old, or not trusted any more, have the required suites: ",
        sentence=name,
        remedy=f"Run these suites again and attach the report: {demand.words}.",
        evidence=tuple(item.evidence_id for item in having),
        awaits=demand.awaited,
        rank=3,
    )
