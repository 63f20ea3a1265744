"""What is wrong with the evidence that speaks: the part of the rules about evidence that looks inside of it.

- What cannot be read stands against a version like any fault.
- Waivers are taken out before the rest is judged: what is left may be tolerable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contracts.facts import EvidenceItem, UnreadableFacts
from contracts.findings import Violation
from contracts.vocabulary import Digest
from shared.policy.rules.rule import Problem, RuleContext

About = Mapping[Digest, tuple[EvidenceItem, ...]]
"""The pieces of evidence that speak, by subject."""
Faults = Callable[[EvidenceItem, Digest], Sequence[Violation]]
"""What is wrong with a readable piece of evidence about one subject; nothing when it is good."""
Verdict = Callable[[EvidenceItem, Sequence[Violation]], str | None]
"""Why what is wrong with a piece of evidence is too much, in a few words; None when it can be tolerated."""
Names = Callable[[EvidenceItem, Violation], Collection[str]]
"""The names under which a waiver covers the vulnerability of a violation, by what the evidence says."""


@dataclass(frozen=True, slots=True)
class Judging:
    """How one rule looks at evidence."""

    context: RuleContext
    remedy: str
    faults: Faults
    too_much: Verdict
    names: Names


def unreadable(about: About, remedy: str) -> Iterator[Problem]:
    """What cannot be read; for rules that judge the rest themselves."""
    for evidence_id, subject, item in _pairs(about):
        for violation in _unreadable(item, subject):
            yield Problem(violation, remedy=remedy, evidence=(evidence_id,))


def _pairs(about: About) -> list[tuple[str, Digest, EvidenceItem]]:
    pairs = [(item.evidence_id, subject, item) for subject, items in about.items() for item in items]
    return sorted(pairs, key=lambda pair: pair[:2])


def faulty(about: About, judging: Judging) -> Iterator[Problem]:
    """What stands against a version in the evidence about it."""
    too_much = judging.too_much
    for evidence_id, subject, item in _pairs(about):
        found = _unreadable(item, subject) or [
            _at(violation, subject, evidence_id) for violation in judging.faults(item, subject)
        ]
        if not found or (whole := _told(item, found, too_much)) is None:
            continue
        if not judging.context.waivers.known:
            yield from (Problem(one, remedy=judging.remedy, evidence=(evidence_id,), sentence=whole) for one in found)
            continue
        marked = [_marked(item, violation, judging) for violation in found]
        left = [violation for violation in marked if violation.waived_by is None]
        # What is left may be tolerable; then the waivers were needed, and those that were used are shown.
        told = _told(item, left, too_much) if left else None
        for violation in marked:
            if violation.waived_by or told:
                yield Problem(violation, remedy=judging.remedy, evidence=(evidence_id,), sentence=told or whole)


def _told(item: EvidenceItem, found: Sequence[Violation], too_much: Verdict) -> str | None:
    if isinstance(item.facts, UnreadableFacts):
        return found[0].says
    return too_much(item, found)


def _marked(item: EvidenceItem, violation: Violation, judging: Judging) -> Violation:
    waiver = judging.context.waivers.covering(violation, judging.names(item, violation))
    return violation.model_copy(update={"waived_by": waiver}) if waiver else violation


def _at(violation: Violation, subject: Digest, evidence_id: str) -> Violation:
    return violation.model_copy(update={"artifact": subject, "evidence": evidence_id})


def _unreadable(item: EvidenceItem, subject: Digest) -> list[Violation]:
    if not isinstance(item.facts, UnreadableFacts):
        return []
    says = f"{item.evidence_id} could not be read at {item.facts.where}: {item.facts.problem}"
    return [Violation(says=says, artifact=subject, evidence=item.evidence_id)]


def nothing(_: EvidenceItem, __: Digest) -> Sequence[Violation]:
    """For rules that only want evidence to be there."""
    return ()


def no_names(_: EvidenceItem, __: Violation) -> Collection[str]:
    """For faults that are no vulnerabilities."""
    return ()


def anything(_: EvidenceItem, found: Sequence[Violation]) -> str | None:
    """For rules that tolerate no fault."""
    return found[0].says if found else None
