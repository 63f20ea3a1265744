"""A policy in force, and how it came to be.

- Every change is a new revision; going back to an earlier text is one as well, with the earlier digest.
- Applying the text that is in force changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import PolicyName, ProjectName
from services.gate.domain.policy import Policy
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One text of one policy, with its place in the policy's history."""

    policy: Policy
    revision: int
    """Counts the changes of the policy, from 1."""
    applied_at: datetime
    applied_by: str


def revise(held: PolicyRevision | None, policy: Policy, *, by: str, at: datetime) -> PolicyRevision:
    """What is in force once `policy` has been applied: `held` itself when it says the same."""
    if held is None:
        return PolicyRevision(policy, 1, at, by)
    if held.policy.digest == policy.digest:
        return held
    return PolicyRevision(policy, held.revision + 1, at, by)


def refuse_other_name(policy: Policy, project: ProjectName, name: PolicyName) -> None:
    """Pass only for a document that names itself as it was asked for.

    Raises `Invalid` (`policy_name_different`): whoever may change one project's policies may not reach another's.
    """
    said = (policy.metadata.project, policy.metadata.name)
    if said != (project, name):
        raise Invalid(
            "policy_name_different",
            f"The document is the policy {said[1]} of project {said[0]}, not {name} of {project}.",
            remedy="Apply it under the project and the name in its metadata, or correct those.",
        )
