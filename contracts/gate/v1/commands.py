"""What the gate can be asked or told to do."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from contracts.answers import Applied
from contracts.message import Answer, Command, Tell
from contracts.vocabulary import (
    Digest,
    Frozen,
    GateKind,
    PolicyName,
    ProjectName,
    PromotionKind,
    StageName,
    Utc,
    VersionName,
)


class ApplyPolicy(Command):
    """Take over one policy document, as read from YAML."""

    subject: ClassVar[str] = "hallmark.ask.gate.policy.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    policy: PolicyName
    document: dict[str, Any]


class Passage(Frozen):
    """One gate on the way of a version."""

    stage: StageName
    gate: GateKind
    open: bool = False
    """Declared open in the lifecycle: it needs no policy. Policies that exist still apply."""


class EvaluateGates(Tell):
    """Judge whether a version may pass these gates, on all evidence up to the given positions.

    Answered by `VerdictIssued`; while the verdict is `pending`, again each time it changes, until `deadline`.
    """

    subject: ClassVar[str] = "hallmark.tell.gate.gates.evaluate.v1"
    promotion_id: str
    attempt: int
    version: VersionName
    version_digest: Digest
    passages: Annotated[tuple[Passage, ...], Field(min_length=1, max_length=10)]
    positions: dict[Digest, int]
    requested_by: str
    deadline: Utc
    kind: PromotionKind = PromotionKind.PROMOTE
