"""What every rule has, reads and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Strict, StringConstraints

from contracts.vocabulary import Digest, Document, GateKind, Outcome, StageName

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
"""Without underscores: the rule ids that Hallmark itself answers under (`no_policy`) have one."""
SignerRole = Annotated[str, StringConstraints(min_length=1, max_length=63)]
"""A role that a trust root gives to a key, such as `build`."""
WholeNumber = Annotated[int, Strict()]


class RuleHead(Document):
    """What people write for a rule of any kind."""

    id: RuleId
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    remedy: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """Said in place of the built-in advice when the rule does not pass."""


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The moment a rule is judged in."""

    stage: StageName
    gate: GateKind
    requested_by: str
    """Subject of the actor who asked for the promotion."""
    evidence_set: Digest
    at: datetime


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule says of one dossier; the fields are those of `contracts.findings.Finding`."""

    outcome: Outcome
    observed: str
    required: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    awaits: str | None = None
    valid_until: datetime | None = None
    """The last moment at which the evidence that passed is young enough; None when age does not matter."""
