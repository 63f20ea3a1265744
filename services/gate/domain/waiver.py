"""A waiver's own life: asked for by one person, granted or refused by another, and over at its end.

- It names what it is for: without a subject it would cover everything.
- It always expires, no later than its policy allows, and needs a reason.
- Whoever asked neither grants it nor counts as the one who did; only people grant.
- Where vulnerabilities may be covered it says up to which severity.
- Decided and ended are final: who wants it again asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from contracts.circumstances import WaivedSubject, WaiverFacts
from contracts.vocabulary import ActorKind, ApplicationName, Frozen, PolicyName, ProjectName, Severity, StageName, Utc
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.policy.duration import format_duration
from shared.policy.policy import Policy
from shared.policy.rules import AllOf, AnyOf, Rule

REQUESTED, GRANTED, REFUSED, EXPIRED, REVOKED = "requested", "granted", "refused", "expired", "revoked"


class Waiver(Frozen):
    """One waiver, from its request to its end."""

    waiver_id: str
    project: ProjectName
    application: ApplicationName
    policy: PolicyName
    rule: str
    stage: StageName
    subject: WaivedSubject
    max_severity: Severity | None
    reason: str
    requested_by: str
    requested_at: Utc
    expires_at: Utc
    state: str = REQUESTED
    decided_by: str | None = None
    decided_at: Utc | None = None
    decision_reason: str = ""
    ended_at: Utc | None = None
    ended_by: str | None = None
    end_reason: str = ""

    @property
    def facts(self) -> WaiverFacts:
        """What gates need of a waiver in force."""
        return WaiverFacts(
            waiver_id=self.waiver_id,
            policy=self.policy,
            rule=self.rule,
            stage=self.stage,
            subject=self.subject,
            max_severity=self.max_severity,
            reason=self.reason,
            requested_by=self.requested_by,
            approved_by=self.decided_by or "",
            granted_at=self.decided_at or self.expires_at,
            expires_at=self.expires_at,
        )


def check_request(waiver: Waiver, named: Sequence[Policy]) -> None:
    """Pass for a waiver that can be granted under every policy of that name, its project's own and those of others.

    Raises `Invalid`, `NotFound` or `Conflict` with what is in the way.
    """
    if not named:
        raise NotFound(
            "policy_unknown", f"No policy {waiver.policy} is in force in {waiver.project}.", remedy="Name one that is."
        )
    rules = [(policy, *one) for policy in named for one in _with_waivable(policy.spec.rules)]
    meant = [one for one in rules if one[1].id == waiver.rule]
    if not meant:
        known = ", ".join(one.id for _, one, _ in rules)
        raise NotFound("rule_unknown", f"{waiver.policy} has no rule {waiver.rule}.", remedy=f"It has: {known}.")
    check_subject(waiver.subject)
    _check_stage(waiver, named)
    for policy, rule, waivable in meant:
        _check_rule(waiver, policy, rule, waivable=waivable)
        _check_duration(waiver, policy)


def _with_waivable(rules: Iterable[Rule], *, inside: bool = True) -> Iterator[tuple[Rule, bool]]:
    """Every rule, parts included, and whether it is waivable: parts are only where the whole is."""
    for rule in rules:
        waivable = inside and rule.waivable
        yield rule, waivable
        if isinstance(rule, AllOf | AnyOf):
            yield from _with_waivable(rule.rules, inside=waivable)


def _check_rule(waiver: Waiver, policy: Policy, rule: Rule, *, waivable: bool) -> None:
    if isinstance(rule, AllOf | AnyOf):
        raise Invalid(
            "waiver_rule_combined", f"{rule.id} is made of other rules.", remedy="Name the one of them that fails."
        )
    if not policy.spec.waivers.allowed or not waivable:
        raise Conflict(
            "waiver_not_allowed",
            f"The policy allows no exception from {waiver.policy}/{waiver.rule}.",
            remedy="Meet the rule, or have the policy changed.",
        )
    if rule.kind == "vulnerability_limit" and waiver.max_severity is None:
        raise Invalid(
            "waiver_severity_missing",
            "A waiver from a limit of vulnerabilities must say how severe they may be.",
            remedy="Give `max_severity`, the worst that you answer for.",
        )


def _check_stage(waiver: Waiver, named: Sequence[Policy]) -> None:
    stages = {gate.stage for policy in named for gate in policy.spec.gates}
    if stages.isdisjoint({"*", waiver.stage}):
        raise Invalid(
            "waiver_stage_ungoverned",
            f"{waiver.policy} governs no gate of the stage {waiver.stage}: the waiver would cover nothing.",
            remedy=f"Name one of its stages: {', '.join(sorted(stages))}.",
        )


def check_subject(subject: WaivedSubject) -> None:
    """Pass for a subject that names something. Raises `Invalid` for none and for wildcards."""
    named = [str(part) for part in (subject.artifact, subject.component, subject.vulnerability) if part]
    if not named or any("*" in part or "?" in part for part in named):
        raise Invalid(
            "waiver_subject_open",
            "A waiver names exactly what it is for, without wildcards.",
            remedy="Name an artifact or version by digest, a component by package URL, or a vulnerability by id.",
        )


def _check_duration(waiver: Waiver, policy: Policy) -> None:
    most = policy.spec.waivers.max_duration
    if not waiver.requested_at < waiver.expires_at <= waiver.requested_at + most:
        raise Invalid(
            "waiver_too_long" if waiver.expires_at > waiver.requested_at else "waiver_in_the_past",
            f"A waiver from {waiver.policy} lasts {format_duration(most)} at most, and ends in the future.",
            remedy="Give an `expires_at` within that time.",
        )


def decided(waiver: Waiver, decision: str, *, by: str, kind: ActorKind, reason: str, at: datetime) -> Waiver:
    """The waiver as somebody decided. Raises `Forbidden` for who may not, `Conflict` when it is too late."""
    if kind is not ActorKind.HUMAN:
        raise Forbidden("waiver_not_human", "Only people decide about waivers.", remedy="Have a person decide.")
    if by == waiver.requested_by:
        raise Forbidden("waiver_own_request", "Nobody grants their own waiver.", remedy="Ask somebody else to decide.")
    if waiver.state != REQUESTED:
        raise Conflict("waiver_decided", f"The waiver is {waiver.state}.", remedy="Request another one if it is over.")
    if at >= waiver.expires_at:
        raise Conflict("waiver_expired", "Its time is over already.", remedy="Request another one.")
    return waiver.model_copy(update={"state": decision, "decided_by": by, "decided_at": at, "decision_reason": reason})


def revoked(waiver: Waiver, *, by: str, reason: str, at: datetime) -> Waiver:
    """The waiver ended by somebody. Raises `Conflict` when there is nothing to end."""
    if waiver.state not in (REQUESTED, GRANTED):
        raise Conflict("waiver_over", f"The waiver is {waiver.state} already.", remedy="There is nothing to revoke.")
    return waiver.model_copy(update={"state": REVOKED, "ended_at": at, "ended_by": by, "end_reason": reason})


def expired(waiver: Waiver, at: datetime) -> Waiver:
    """The waiver ended by its time; itself while that has not come, or when it is over."""
    if waiver.state not in (REQUESTED, GRANTED) or at < waiver.expires_at:
        return waiver
    return waiver.model_copy(update={"state": EXPIRED, "ended_at": at})
