"""A draft of a policy among the policies of the past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from contracts.gate.v1.views import VerdictView
from shared.policy.policy import Policy
from shared.policy.replay import Case


class Past(NamedTuple):
    """A verdict and what it was given on, as far as that is here."""

    given: VerdictView
    case: Case | None
    """None when something is missing."""
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A policy that is tried on history."""

    policy: Policy

    def concerns(self, given: VerdictView) -> bool:
        """Whether the draft, or what it would replace, can have had a say in this verdict."""
        spoke = any(finding.policy == self.policy.name for finding in given.findings)
        places = [(one.stage, one.gate) for one in given.passages]
        return spoke or any(gate.is_at(*place) for gate in self.policy.spec.gates for place in places)

    def among(self, policies: Iterable[Policy]) -> list[Policy]:
        """The policies of that time with the draft in the place of its own earlier revision."""
        mine = (self.policy.metadata.project, self.policy.name)
        return [one for one in policies if (one.metadata.project, one.name) != mine] + [self.policy]


def in_effect(policy: Policy) -> Policy:
    """The policy as if all of its dates had come."""
    rules = tuple(rule.model_copy(update={"effective_on": None}) for rule in policy.spec.rules)
    spec = policy.spec.model_copy(update={"effective_on": None, "rules": rules})
    return policy.model_copy(update={"spec": spec})
