"""What somebody experienced would say on reading the rules of a policy that is well formed; see `advice`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import permutations
from typing import Any

from contracts.vocabulary import Severity
from services.cli.policies.advice import Remark, for_critical
from shared.policy.policy import Policy
from shared.policy.rules import AllOf, AnyOf, Approvals, RequiredEvidence, Rule, VulnerabilityLimit, each_rule
from shared.policy.rules.rule import RuleHead

_RATED = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_AGES_FAST = {"vulnerabilities", "vex"}
"""Kinds of evidence that new knowledge makes worthless, though nothing about the version changes."""
_MORE_IS_STRICTER = {"count", "min_passed", "min_signers"}
_LESS_IS_STRICTER = {"max", "max_age"}
_COMPARABLE = {"required_evidence", "tests_passed", "vulnerability_limit", "approvals"}
"""Kinds whose fields are all known to be a demand, or to be one of the two above."""


def remarks_on_rules(policy: Policy) -> list[Remark]:
    """What there is to say about the rules, one after the other."""
    found = [remark for rule in policy.spec.rules for remark in _about_whole(rule)]
    found += [remark for rule in each_rule(policy.spec.rules) for remark in _about_each(rule, policy)]
    return found + list(_about_twins(policy))


def _about_whole(rule: Rule) -> Iterator[Remark]:
    if rule.remedy is None:
        yield Remark(
            "remedy-missing",
            "info",
            rule.id,
            "Whoever it stops gets the built-in advice only.",
            "Write a `remedy` that names your pipeline, your tool or your people.",
        )


def _about_each(rule: Rule, policy: Policy) -> Iterator[Remark]:
    if isinstance(rule, Approvals):
        yield from _about_approvals(rule, policy)
        return
    yield from _about_evidence(rule)
    if isinstance(rule, VulnerabilityLimit) and rule.max is not None and rule.max_score is None:
        yield from _about_limits(rule, rule.max)


def _about_evidence(rule: Rule) -> Iterator[Remark]:
    """What holds for every kind of rule that can say how old evidence may be, and who has to sign it."""
    fields = type(rule).model_fields
    if "max_age" in fields and getattr(rule, "max_age", None) is None:
        fast = isinstance(rule, VulnerabilityLimit)
        fast = fast or (isinstance(rule, RequiredEvidence) and rule.evidence in _AGES_FAST)
        why = "what was found then says little about what is known now" if fast else "evidence of any age will do"
        yield Remark(
            "evidence-never-ages",
            "warning" if fast else "info",
            rule.id,
            f"It has no `max_age`: {why}.",
            "Say how old the evidence may be, such as `max_age: 7d`.",
        )
    if "signer_role" in fields and getattr(rule, "signer_role", None) is None:
        yield Remark(
            "signer-unnamed",
            "info",
            rule.id,
            "It has no `signer_role`: any key that the project believes, in whatever role, can vouch for it.",
            "Name the role that signs this evidence.",
        )


def _about_limits(rule: VulnerabilityLimit, most: Mapping[Severity, int]) -> Iterator[Remark]:
    lowest = next((rank for rank, one in enumerate(_RATED) if one in most), len(_RATED))
    missing = [one.value for one in _RATED[lowest:] if one not in most]
    if missing:
        yield Remark(
            "worse-unlimited",
            "warning",
            rule.id,
            f"Worse than {_RATED[lowest]} is not limited: {', '.join(missing)}.",
            "Limit every severity above the lowest one that is limited.",
        )
    if Severity.UNKNOWN not in most:
        yield Remark(
            "unrated-unlimited",
            "info",
            rule.id,
            "Vulnerabilities that nobody has rated yet are not limited.",
            "Give `max` a number for `unknown`.",
        )


def _about_approvals(rule: Approvals, policy: Policy) -> Iterator[Remark]:
    if rule.waivable:
        yield Remark(
            "approvals-waivable",
            "warning",
            rule.id,
            "A waiver can take the place of the people who have to answer.",
            "Remove `waivable: true`.",
        )
    if sum(rule.seats.values()) == 1 and for_critical(policy):
        yield Remark(
            "single-approval",
            "warning",
            rule.id,
            "One person alone can let a critical application through.",
            "Ask for two approvals with `count: 2`.",
        )


def _about_twins(policy: Policy) -> Iterator[Remark]:
    """Rules that ask for nothing that another one does not ask for."""
    demands = [(rule, _demand(rule)) for rule in policy.spec.rules if not isinstance(rule, AllOf | AnyOf)]
    for (rule, asked), (other, wanted) in permutations(demands, 2):
        equal = asked == wanted
        # Of two equal ones the later is told. One that is only announced asks for something else: its day differs.
        later = demands.index((rule, asked)) > demands.index((other, wanted))
        if (equal and later) or (not equal and rule.kind in _COMPARABLE and _is_weaker(asked, wanted)):
            yield Remark(
                "weaker-twin",
                "warning",
                rule.id,
                f"It asks for nothing that {other.id} does not ask for.",
                f"Keep one of the two, or say what {rule.id} should ask for beyond it.",
            )


def _demand(rule: RuleHead) -> dict[str, Any]:
    return {name: value for name, value in rule if name not in {"id", "title", "remedy"}}


def _is_weaker(asked: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether whatever passes `wanted` passes `asked` as well."""
    if asked.keys() != wanted.keys():
        return False
    return all(
        value == wanted[name]
        or (name in _MORE_IS_STRICTER and value <= wanted[name])
        or (name in _LESS_IS_STRICTER and _allows_more(value, wanted[name]))
        or (name in {"signer_role", "waivable"} and _asks_less(name, value))
        for name, value in asked.items()
    )


def _allows_more(value: Any, wanted: Any) -> bool:
    if value is None or wanted is None:
        return value is None
    if isinstance(value, timedelta):
        return bool(value >= wanted)
    return all(severity in wanted and most >= wanted[severity] for severity, most in value.items())


def _asks_less(name: str, value: Any) -> bool:
    return value is None if name == "signer_role" else bool(value)
