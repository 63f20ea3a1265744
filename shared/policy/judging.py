"""Judging one rule at one gate, and what is said of it.

- A rule that breaks answers error: what could not be judged does not pass, and no waiver covers it.
- A rule is judged without waivers first. Where they then cover all that stands against a version, the finding says what
  the rule itself answers, and which waivers let it pass nevertheless; so no waiver can make an answer worse.
- A rule that begins to count later is shown in mode `warn` until then, its parts too.
- The parts of a combined rule that is not waivable are not waivable.
- Where a version is judged again after its admission, rules about how it was admitted (`ANSWERED_ONCE`) are judged on
  what was so then, and rules that began to count later still do not. Waivers are those of now, for all rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from contracts.findings import Finding, Violation
from contracts.vocabulary import Digest, GateKind, Mode, Outcome, PromotionKind, StageName
from shared.policy.dossier import Dossier
from shared.policy.policy import Policy
from shared.policy.rules import AllOf, AnyOf, Rego, Rule, RuleAnswer, RuleContext, SimpleRule, check, each_rule
from shared.policy.rules.combined import Combination, Part, combine
from shared.policy.rules.rego import question_of
from shared.policy.waivers import Waivers, waivers_for
from shared.rego.question import Answer, Question

MAX_VIOLATIONS = 50
"""How many single violations a finding lists."""
ANSWERED_ONCE = frozenset({"approvals", "stage_passed"})
"""Kinds of rules about how a version came to be admitted: who approved what was there, what it had passed lately."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """On what a version was admitted, and when."""

    dossier: Dossier
    at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """The gate, the request and the time at which rules are judged."""

    stage: StageName
    gate: GateKind
    kind: PromotionKind
    requested_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of one rule, and until when at most."""

    finding: Finding
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What the rules of one policy are judged with."""

    policy: Policy
    digest: Digest
    dossier: Dossier
    moment: Moment
    rego: Mapping[str, Answer] = field(default_factory=dict)
    """What the Rego engine has answered."""
    admitted: Admitted | None = None
    """Set when a version is judged again after its admission."""

    def judge(self, rule: Rule) -> Judged:
        """The finding of one rule, parts included."""
        return self._judge(rule, self.policy.effective_on(rule), waivable=True)

    def _judge(self, rule: Rule, begins: datetime | None, *, waivable: bool) -> Judged:
        waivable = waivable and rule.waivable
        if isinstance(rule, AllOf | AnyOf):
            judged = self._combined(rule, [self._judge(one, begins, waivable=waivable) for one in rule.rules])
        else:
            judged = self._simple(rule, self._waivers(rule) if waivable else Waivers())
        finding = judged.finding
        if begins is not None and begins > (self.admitted or self.moment).at:
            mode = Mode.WARN if finding.mode is Mode.BLOCK else finding.mode
            finding = finding.model_copy(update={"effective_on": begins, "mode": mode})
        return Judged(finding, judged.valid_until)

    def _combined(self, rule: AllOf | AnyOf, judged: Sequence[Judged]) -> Judged:
        combined = combine(rule, [Part(one.finding, one.valid_until) for one in judged])
        parts = tuple(one.finding for one in judged)
        finding = self._finding(rule, _answer(combined, parts), combined.waived)
        counts = sum(one.violation_count for one in parts)
        return Judged(
            finding.model_copy(update={"parts": parts, "violation_count": counts if finding.violation_count else 0}),
            combined.valid_until,
        )

    def _simple(self, rule: SimpleRule, waivers: Waivers) -> Judged:
        context = self._context
        bare = self._checked(rule, context)
        if bare.outcome in (Outcome.ALLOW, Outcome.ERROR) or not waivers.known:
            return Judged(self._finding(rule, bare, ()), bare.valid_until)
        answer = self._checked(rule, replace(context, waivers=waivers))
        if answer.outcome is Outcome.ALLOW and answer.waivers:
            until = min((one for one in (answer.valid_until, waivers.ends(answer.waivers)) if one), default=None)
            waived = replace(bare, violations=answer.violations)
            return Judged(self._finding(rule, waived, answer.waivers), until)
        return Judged(self._finding(rule, answer, ()), answer.valid_until)

    def questions(self) -> Iterator[Question]:
        """What the Rego engine has to be asked before the rules of this policy can be judged."""
        for rule in each_rule(self.policy.spec.rules):
            if isinstance(rule, Rego) and (question := question_of(rule, self.dossier, self._context)):
                yield question

    @property
    def _context(self) -> RuleContext:
        return RuleContext(
            stage=self.moment.stage,
            gate=self.moment.gate,
            kind=self.moment.kind,
            requested_by=self.moment.requested_by,
            evidence_set=self.dossier.evidence_set_digest,
            at=self.moment.at,
            rego=self.rego,
        )

    def _waivers(self, rule: SimpleRule) -> Waivers:
        counting = waivers_for(
            self.dossier.circumstances.waivers,
            self.policy.spec.waivers,
            rule=rule.id,
            policy=self.policy.name,
            stage=self.moment.stage,
            at=self.moment.at,
        )
        return Waivers(self.dossier.version_digest, counting)

    def _checked(self, rule: SimpleRule, context: RuleContext) -> RuleAnswer:
        try:
            if self.admitted is None or rule.kind not in ANSWERED_ONCE:
                return check(rule, self.dossier, context)
            dossier, at = self.admitted.dossier, self.admitted.at
            then = replace(context, at=at, evidence_set=dossier.evidence_set_digest)
            return replace(check(rule, dossier, then), valid_until=None)
        except Exception as error:  # noqa: BLE001 - whatever breaks in a rule must close the gate, not the service
            return RuleAnswer(
                Outcome.ERROR,
                f"The rule could not be judged: {type(error).__name__}.",
                "The rule can be judged.",
                "Report this as a defect of Hallmark; the gate stays closed until the rule can be judged.",
            )

    def _finding(self, rule: Rule, answer: RuleAnswer, waived: tuple[str, ...]) -> Finding:
        speaks = answer.outcome in (Outcome.DENY, Outcome.PENDING)
        return Finding(
            policy=self.policy.name,
            policy_digest=self.digest,
            rule=rule.id,
            title=rule.title,
            gate=self.moment.gate,
            stage=self.moment.stage,
            mode=self.policy.spec.mode,
            outcome=answer.outcome,
            observed=answer.observed,
            required=answer.required,
            remedy=rule.remedy if rule.remedy and speaks else answer.remedy,
            evidence=answer.evidence,
            evidence_count=len(answer.evidence),
            awaits=answer.awaits,
            passes_at=answer.passes_at,
            violations=_bounded(answer.violations),
            violation_count=len(answer.violations),
            waived=waived,
            approver_kinds=answer.approver_kinds,
        )


def _answer(combined: Combination, parts: tuple[Finding, ...]) -> RuleAnswer:
    passed = combined.outcome is Outcome.ALLOW
    told = [one for one in parts if one.lets_pass] if passed else parts
    kinds = {kind for one in told for kind in one.approver_kinds}
    return RuleAnswer(
        combined.outcome,
        combined.observed,
        combined.required,
        combined.remedy,
        evidence=tuple(sorted({evidence_id for one in told for evidence_id in one.evidence})),
        awaits=combined.awaits,
        passes_at=combined.passes_at,
        violations=() if passed else tuple(violation for one in parts for violation in one.violations),
        approver_kinds=tuple(sorted(kinds)),
    )


def _bounded(violations: tuple[Violation, ...]) -> tuple[Violation, ...]:
    # Those that count first; within, in an order that does not depend on the order of the evidence.
    ordered = sorted(violations, key=lambda one: (one.waived_by is not None, one.model_dump_json()))
    return tuple(ordered[:MAX_VIOLATIONS])
