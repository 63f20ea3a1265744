"""The rule kinds, one file each. The union is closed: a kind added here must be judged in `check` to type-check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, assert_never

from pydantic import Field

from shared.policy.dossier import Dossier
from shared.policy.rules import (
    approvals,
    composition,
    licenses,
    provenance,
    rego,
    required_evidence,
    soak,
    source_branch,
    stage_passed,
    tests_passed,
    version_order,
    vulnerability_limit,
)
from shared.policy.rules.approvals import Approvals
from shared.policy.rules.combined import AllOf, AnyOf
from shared.policy.rules.composition import Composition
from shared.policy.rules.licenses import Licenses
from shared.policy.rules.provenance import Provenance
from shared.policy.rules.rego import Rego
from shared.policy.rules.required_evidence import RequiredEvidence
from shared.policy.rules.rule import RuleAnswer, RuleContext, RuleHead
from shared.policy.rules.soak import Soak
from shared.policy.rules.source_branch import SourceBranch
from shared.policy.rules.stage_passed import StagePassed
from shared.policy.rules.tests_passed import TestsPassed
from shared.policy.rules.version_order import VersionOrder
from shared.policy.rules.vulnerability_limit import VulnerabilityLimit

__all__ = [
    "RULE_KINDS",
    "AllOf",
    "AnyOf",
    "Approvals",
    "Composition",
    "Licenses",
    "Provenance",
    "Rego",
    "RequiredEvidence",
    "Rule",
    "RuleAnswer",
    "RuleContext",
    "SimpleRule",
    "Soak",
    "SourceBranch",
    "StagePassed",
    "TestsPassed",
    "VersionOrder",
    "VulnerabilityLimit",
    "check",
    "each_rule",
]

SimpleRule = (
    RequiredEvidence
    | VulnerabilityLimit
    | Licenses
    | Provenance
    | TestsPassed
    | Composition
    | Approvals
    | StagePassed
    | Soak
    | VersionOrder
    | SourceBranch
    | Rego
)
Rule = Annotated[SimpleRule | AllOf | AnyOf, Field(discriminator="kind")]

RULE_KINDS: Mapping[str, type[RuleHead]] = {
    "required_evidence": RequiredEvidence,
    "vulnerability_limit": VulnerabilityLimit,
    "licenses": Licenses,
    "provenance": Provenance,
    "tests_passed": TestsPassed,
    "composition": Composition,
    "approvals": Approvals,
    "stage_passed": StagePassed,
    "soak": Soak,
    "version_order": VersionOrder,
    "source_branch": SourceBranch,
    "rego": Rego,
    "all_of": AllOf,
    "any_of": AnyOf,
}
"""By the word people write under `kind`."""

for _combined in (AllOf, AnyOf):
    _combined.model_rebuild(_types_namespace={"Rule": Rule})


def each_rule(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """Every rule, those inside of others too."""
    for rule in rules:
        yield rule
        if isinstance(rule, AllOf | AnyOf):
            yield from each_rule(rule.rules)


def check(rule: SimpleRule, dossier: Dossier, context: RuleContext) -> RuleAnswer:  # noqa: C901, PLR0911, PLR0912 - one for each kind
    """The answer of one rule about one dossier."""
    match rule:
        case RequiredEvidence():
            return required_evidence.check(rule, dossier, context)
        case VulnerabilityLimit():
            return vulnerability_limit.check(rule, dossier, context)
        case Licenses():
            return licenses.check(rule, dossier, context)
        case Provenance():
            return provenance.check(rule, dossier, context)
        case TestsPassed():
            return tests_passed.check(rule, dossier, context)
        case Composition():
            return composition.check(rule, dossier, context)
        case Approvals():
            return approvals.check(rule, dossier, context)
        case StagePassed():
            return stage_passed.check(rule, dossier, context)
        case Soak():
            return soak.check(rule, dossier, context)
        case VersionOrder():
            return version_order.check(rule, dossier, context)
        case SourceBranch():
            return source_branch.check(rule, dossier, context)
        case Rego():
            return rego.check(rule, dossier, context)
        case _:
            assert_never(rule)
