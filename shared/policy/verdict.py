"""Whether a version may pass: the one decision every promotion rests on.

- A verdict allows only when every blocking rule of every passage allows.
- A passage without a blocking rule denies, unless the lifecycle declares it open; open passages still obey rules.
- Of several answers the worst holds: error, then deny, then pending, then allow. Only allow opens a gate.
- Rules of policies in mode `warn` or `shadow` are judged and shown; they neither stop nor open anything.
- A rule that breaks answers error: what could not be judged does not pass.
- Nothing is judged before the dossier holds all evidence that was recorded: withholding evidence opens nothing.
- Readiness is this same decision with whoever might ask as the requester; nobody acts on its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.findings import Finding
from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    Mode,
    Outcome,
    ProjectName,
    Utc,
    VersionName,
)
from shared.digests import canonical_digest
from shared.errors import Invalid
from shared.policy.dossier import Dossier, pinned
from shared.policy.house_rules import Passage, dossier_behind, no_policy
from shared.policy.policy import Policy
from shared.policy.rules import Rule, RuleAnswer, RuleContext, check

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
    requested_by: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    evidence_set: Digest
    policies: tuple[Digest, ...]
    """Digests of all policies that had a say, sorted."""
    evidence: tuple[UsedEvidence, ...]
    """What the findings rest on, by id."""
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


@dataclass(frozen=True, slots=True)
class _Judged:
    finding: Finding
    valid_until: datetime | None = None


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
    governing = _governing(policies, dossier, passages)
    behind = dossier.behind(context.positions)
    if behind:
        judged = [_Judged(dossier_behind(passage, behind)) for passage in passages]
    else:
        judged = [j for passage in passages for j in _judge(governing, dossier, passage, context, at)]
    outcome = _worst(judged)
    until = [j.valid_until for j in judged if j.valid_until and j.finding.mode is Mode.BLOCK]
    return Verdict(
        id=context.verdict_id,
        project=dossier.project,
        application=dossier.application,
        version=dossier.version,
        version_digest=dossier.version_digest,
        passages=passages,
        requested_by=context.requested_by,
        outcome=outcome,
        findings=tuple(j.finding for j in judged),
        evidence_set=dossier.evidence_set_digest,
        policies=tuple(sorted(governing)),
        evidence=_used(judged, dossier),
        judged_at=at,
        fingerprint=_fingerprint(governing, dossier, passages, context),
        valid_until=min(until, default=None) if outcome is Outcome.ALLOW else None,
    )


def _governing(policies: Iterable[Policy], dossier: Dossier, passages: tuple[Passage, ...]) -> dict[Digest, Policy]:
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
) -> list[_Judged]:
    moment = RuleContext(
        stage=passage.stage,
        gate=passage.gate,
        requested_by=context.requested_by,
        evidence_set=dossier.evidence_set_digest,
        at=at,
    )
    judged = [
        _judge_rule(rule, policy, digest, dossier, moment)
        for digest, policy in governing.items()
        if policy.governs(dossier, passage.stage, passage.gate)
        for rule in policy.spec.rules
    ]
    if not passage.open and all(j.finding.mode is not Mode.BLOCK for j in judged):
        judged.append(_Judged(no_policy(passage)))
    return judged


def _judge_rule(rule: Rule, policy: Policy, digest: Digest, dossier: Dossier, moment: RuleContext) -> _Judged:
    try:
        answer = check(rule, dossier, moment)
    except Exception as error:  # noqa: BLE001 - whatever breaks in a rule must close the gate, not the service
        answer = RuleAnswer(
            Outcome.ERROR,
            f"The rule could not be judged: {type(error).__name__}.",
            "The rule can be judged.",
            "Report this as a defect of Hallmark; the gate stays closed until the rule can be judged.",
        )
    advice = rule.remedy if rule.remedy and answer.outcome in (Outcome.DENY, Outcome.PENDING) else answer.remedy
    finding = Finding(
        policy=policy.name,
        policy_digest=digest,
        rule=rule.id,
        title=rule.title,
        gate=moment.gate,
        stage=moment.stage,
        mode=policy.spec.mode,
        outcome=answer.outcome,
        observed=answer.observed,
        required=answer.required,
        remedy=advice,
        evidence=answer.evidence,
        awaits=answer.awaits,
    )
    return _Judged(finding, answer.valid_until)


def _worst(judged: Iterable[_Judged]) -> Outcome:
    blocking = {j.finding.outcome for j in judged if j.finding.mode is Mode.BLOCK}
    return next((outcome for outcome in _WORST_FIRST if outcome in blocking), Outcome.ALLOW)


def _used(judged: Iterable[_Judged], dossier: Dossier) -> tuple[UsedEvidence, ...]:
    ids = {evidence_id for j in judged for evidence_id in j.finding.evidence}
    return tuple(
        UsedEvidence(evidence_id=item.evidence_id, content_digest=item.content_digest)
        for item in dossier.verified
        if item.evidence_id in ids
    )


def _fingerprint(
    governing: Mapping[Digest, Policy],
    dossier: Dossier,
    passages: tuple[Passage, ...],
    context: DecisionContext,
) -> Digest:
    return canonical_digest(
        {
            "application": dossier.application,
            "criticality": dossier.criticality,
            "evidence": [pinned(item) for item in dossier.verified],
            "labels": dossier.labels,
            "passages": [passage.model_dump(mode="json") for passage in passages],
            "policies": sorted(governing),
            "project": dossier.project,
            "requested_by": context.requested_by,
            "version": dossier.version_digest,
        }
    )
