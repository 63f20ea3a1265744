"""Whether a version may pass: the one decision every promotion rests on.

- A verdict allows only when every blocking rule of every passage allows.
- A passage without a blocking rule denies, unless the lifecycle declares it open; open passages still obey rules.
- Of several answers the worst holds: error, then deny, then pending, then allow. Only allow opens a gate.
- Rules of policies in mode `warn` or `shadow`, and rules that begin to count later, are judged and shown; they neither
  stop nor open anything.
- A rule that waivers let pass counts as passed; the verdict names them, and policies say what such a release may be
  called.
- Nothing is judged before the dossier holds all evidence that was recorded: withholding evidence opens nothing.
- Readiness is this same decision with whoever might ask as the requester; nobody acts on its verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contracts.circumstances import Circumstances, WaiverFacts
from contracts.findings import Finding
from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    Mode,
    Outcome,
    ProjectName,
    PromotionKind,
    Utc,
    VersionName,
)
from shared.digests import canonical_digest
from shared.errors import Invalid
from shared.policy.dossier import Dossier
from shared.policy.duration import before
from shared.policy.fitting import MAX_USED, fitted
from shared.policy.house_rules import Passage, contents_unknown, dossier_behind, no_policy
from shared.policy.judging import Bench, Judged, Moment
from shared.policy.policy import Policy
from shared.policy.rules import Rego, each_rule
from shared.rego.question import Answer, Question

LIFETIME = timedelta(minutes=15)
"""How long a verdict may be acted on at most, even where no rule cares for age."""
_WORST_FIRST = (Outcome.ERROR, Outcome.DENY, Outcome.PENDING)


class UsedEvidence(Frozen):
    """One piece of evidence that decided a rule."""

    evidence_id: str
    content_digest: Digest


class Verdict(Frozen):
    """What was decided, about what, from what, and when."""

    id: str
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    passages: tuple[Passage, ...]
    kind: PromotionKind
    requested_by: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    evidence_set: Digest
    policies: tuple[Digest, ...]
    """Digests of all policies that had a say, sorted."""
    evidence: tuple[UsedEvidence, ...]
    """What the findings rest on, by id; nothing when it is more than a message carries."""
    evidence_count: int
    waivers: tuple[WaiverFacts, ...]
    """Those without which it would not allow, by id."""
    may_be_trusted: bool
    """Whether policies let a release that rests on it be called trusted, for all the waivers on its way."""
    judged_at: Utc
    fingerprint: Digest
    """Digest of everything the decision read but the time: while it is equal, only the time can change the answer."""
    valid_until: Utc | None
    """For `allow`: the last moment at which all evidence is young enough; None when age does not matter."""

    @property
    def expires_at(self) -> datetime:
        """Not to be acted on after this: `LIFETIME` after the judgement, or when evidence gets too old before."""
        latest = self.judged_at + LIFETIME
        return latest if self.valid_until is None else min(self.valid_until, latest)


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What a decision needs to know of the request."""

    verdict_id: str
    requested_by: str
    """Subject of the actor who asked for the promotion."""
    positions: Mapping[Digest, int] = field(default_factory=dict)
    """Per subject, the evidence service's position when it was asked: the dossier must have reached it."""
    kind: PromotionKind = PromotionKind.PROMOTE
    rego: Mapping[str, Answer] = field(default_factory=dict)
    """What the Rego engine answered to `questions`, by key: a question that is not answered opens no gate."""


def questions(
    policies: Iterable[Policy],
    dossier: Dossier,
    passages: tuple[Passage, ...],
    context: DecisionContext,
    at: datetime,
) -> tuple[Question, ...]:
    """What the Rego engine has to be asked before `decide` is called with the same arguments and its answers."""
    asking = [one for one in policies if any(isinstance(rule, Rego) for rule in each_rule(one.spec.rules))]
    governing = governing_policies(asking, dossier, passages)
    return tuple(
        question
        for passage in passages
        for bench in _benches(governing, dossier, passage, context, at)
        for question in bench.questions()
    )


def decide(
    policies: Iterable[Policy],
    dossier: Dossier,
    passages: tuple[Passage, ...],
    context: DecisionContext,
    at: datetime,
) -> Verdict:
    """The verdict on letting the version through all `passages` at the time `at`.

    Raises `Invalid` (`passages_missing`) when there is no passage: to judge nothing must not allow anything.
    """
    if not passages:
        raise Invalid("passages_missing", "No gate was named to judge.", remedy="Name at least one stage and gate.")
    governing = governing_policies(policies, dossier, passages)
    behind = dossier.behind(context.positions)
    if behind:
        judged = [Judged(dossier_behind(passage, behind)) for passage in passages]
    else:
        judged = [j for passage in passages for j in _judge(governing, dossier, passage, context, at)]
    outcome, rests_on = _worst(judged), _used(judged, dossier)
    used = {one for j in judged if j.finding.mode is Mode.BLOCK for one in j.finding.waived}
    return Verdict(
        id=context.verdict_id,
        project=dossier.project,
        application=dossier.application,
        version=dossier.version,
        version_digest=dossier.version_digest,
        passages=passages,
        kind=context.kind,
        requested_by=context.requested_by,
        outcome=outcome,
        findings=fitted(j.finding for j in judged),
        evidence_set=dossier.evidence_set_digest,
        policies=tuple(sorted(governing)),
        evidence=rests_on if len(rests_on) <= MAX_USED else (),
        evidence_count=len(rests_on),
        waivers=_needed(dossier, used),
        may_be_trusted=_may_be_trusted(governing.values(), dossier, used),
        judged_at=at,
        fingerprint=_fingerprint(governing, dossier, passages, context),
        valid_until=_valid_until(judged, governing.values(), at) if outcome is Outcome.ALLOW else None,
    )


def governing_policies(
    policies: Iterable[Policy], dossier: Dossier, passages: tuple[Passage, ...]
) -> dict[Digest, Policy]:
    """The policies that have a say at any of the passages, by digest."""
    by_digest = {policy.digest: policy for policy in policies}
    ordered = sorted(by_digest.items(), key=lambda entry: (entry[1].name, entry[0]))
    return {
        digest: policy
        for digest, policy in ordered
        if any(policy.governs(dossier, passage.stage, passage.gate) for passage in passages)
    }


def _judge(
    governing: Mapping[Digest, Policy],
    dossier: Dossier,
    passage: Passage,
    context: DecisionContext,
    at: datetime,
) -> list[Judged]:
    benches = _benches(governing, dossier, passage, context, at)
    judged = [bench.judge(rule) for bench in benches for rule in bench.policy.spec.rules]
    if not passage.open and all(j.finding.mode is not Mode.BLOCK for j in judged):
        judged.append(Judged(no_policy(passage)))
    if judged and dossier.circumstances.unknown:
        judged.append(Judged(contents_unknown(passage, dossier.circumstances.unknown)))
    return judged


def _benches(
    governing: Mapping[Digest, Policy],
    dossier: Dossier,
    passage: Passage,
    context: DecisionContext,
    at: datetime,
) -> list[Bench]:
    moment = Moment(passage.stage, passage.gate, context.kind, context.requested_by, at)
    return [
        Bench(policy, digest, dossier, moment, context.rego)
        for digest, policy in governing.items()
        if policy.governs(dossier, passage.stage, passage.gate)
    ]


def _worst(judged: Iterable[Judged]) -> Outcome:
    blocking = {j.finding.outcome for j in judged if j.finding.mode is Mode.BLOCK and not j.finding.lets_pass}
    return next((outcome for outcome in _WORST_FIRST if outcome in blocking), Outcome.ALLOW)


def _used(judged: Iterable[Judged], dossier: Dossier) -> tuple[UsedEvidence, ...]:
    ids = {evidence_id for j in judged for evidence_id in j.finding.evidence}
    return tuple(
        UsedEvidence(evidence_id=item.evidence_id, content_digest=item.content_digest)
        for item in dossier.verified
        if item.evidence_id in ids
    )


def _needed(dossier: Dossier, used: Collection[str]) -> tuple[WaiverFacts, ...]:
    needed = (one for one in dossier.circumstances.waivers if one.waiver_id in used)
    return tuple(sorted(needed, key=_ORDER["waivers"]))


def _may_be_trusted(governing: Iterable[Policy], dossier: Dossier, used: Collection[str]) -> bool:
    needed = used or any(passage.waivers for passage in dossier.circumstances.passed)
    return not needed or all(policy.spec.waivers.trusted for policy in governing if policy.spec.mode is Mode.BLOCK)


def _valid_until(judged: Iterable[Judged], governing: Iterable[Policy], at: datetime) -> datetime | None:
    ends = [j.valid_until for j in judged if j.valid_until and j.finding.mode is Mode.BLOCK]
    # What is only announced today may stop the version when its day comes.
    announced = [
        before(begins)
        for policy in governing
        for rule in policy.spec.rules
        if (begins := policy.effective_on(rule)) and begins > at and policy.spec.mode is Mode.BLOCK
    ]
    return min([*ends, *announced], default=None)


def _fingerprint(
    governing: Mapping[Digest, Policy],
    dossier: Dossier,
    passages: tuple[Passage, ...],
    context: DecisionContext,
) -> Digest:
    return canonical_digest(
        {
            "application": dossier.application,
            "circumstances": pinned_circumstances(dossier),
            "criticality": dossier.criticality,
            "evidence": dossier.verified_digest,
            "kind": context.kind,
            "labels": dossier.labels,
            "passages": [passage.model_dump(mode="json") for passage in passages],
            "policies": sorted(governing),
            "project": dossier.project,
            "requested_by": context.requested_by,
            "version": dossier.version_digest,
        }
    )


def circumstances_digest(circumstances: Circumstances) -> Digest:
    """The digest by which a verdict pins what it was given on beside policies and evidence."""
    return canonical_digest(_in_order(circumstances).model_dump(mode="json"))


def pinned_circumstances(dossier: Dossier) -> Digest:
    """The `circumstances_digest` of a dossier's circumstances, computed once."""
    if "circumstances" not in dossier.remembered:
        dossier.remembered["circumstances"] = circumstances_digest(dossier.circumstances)
    found: Digest = dossier.remembered["circumstances"]
    return found


def waiver_digest(waiver: WaiverFacts) -> Digest:
    """The digest by which a verdict pins a waiver that it needed."""
    return canonical_digest(waiver.model_dump(mode="json"))


def _in_order(circumstances: Circumstances) -> Circumstances:
    # Whoever collected them may have met them in another order.
    ordered = {name: sorted(getattr(circumstances, name), key=key) for name, key in _ORDER.items()}
    return circumstances.model_copy(update={name: tuple(things) for name, things in ordered.items()})


_ORDER: Mapping[str, Callable[[Any], Any]] = {
    "artifacts": lambda one: (one.digest, one.purl),
    "contained": lambda one: one.digest,
    "unknown": str,
    "passed": lambda one: (one.at, one.promotion_id),
    "incidents": lambda one: (one.opened_at, one.incident_id),
    "exploitation": lambda one: one.vulnerability,
    "waivers": lambda one: one.waiver_id,
}
