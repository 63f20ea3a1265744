"""A policy as people write it, and which gates it governs.

- A policy is one document (`apiVersion: hallmark/v1`, `kind: Policy`), known by the digest of its normal form.
- The normal form spells out every default, so a digest keeps its meaning when a default changes later.
- Unknown fields are refused, and so are fields without a value: both would quietly weaken a gate.
- A policy without rules, or that governs no gate, is refused: it could only look like protection.
- A policy governs the gates it lists for the applications its scope matches, in its own project or those it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Document,
    GateKind,
    Mode,
    PolicyName,
    ProjectName,
    StageName,
)
from shared.digests import JsonValue, canonical_digest
from shared.policy.dossier import Dossier
from shared.policy.duration import Moment
from shared.policy.policy_errors import first_empty, refusal
from shared.policy.rules import Rule, each_rule
from shared.policy.waivers import WaiverTerms


def _compatible_mode(word: object) -> object:
    return Mode.WARN if word == "warning" else word


class Metadata(Document):
    """Which policy it is."""

    project: ProjectName
    name: PolicyName
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class Scope(Document):
    """The applications a policy is for: every part that is given must match; what is absent matches all."""

    projects: Annotated[tuple[ProjectName | Literal["*"], ...], Field(min_length=1)] | None = None
    """Absent: the policy's own project. Others, and `*` for all of them, are for administrators of all projects."""
    applications: Annotated[tuple[ApplicationName, ...], Field(min_length=1)] | None = None
    criticality: Annotated[tuple[Criticality, ...], Field(min_length=1)] | None = None
    labels: Mapping[str, str] = Field(default_factory=dict)

    def matches(self, dossier: Dossier) -> bool:
        """Whether the application of `dossier` is in scope."""
        return self.holds(dossier.application, dossier.criticality, dossier.labels)

    def holds(self, application: str, criticality: Criticality, labels: Mapping[str, str]) -> bool:
        """Whether an application with this context is in scope."""
        return (
            (self.applications is None or application in self.applications)
            and (self.criticality is None or criticality in self.criticality)
            and all(labels.get(key) == value for key, value in self.labels.items())
        )


class GateReference(Document):
    """One gate of one stage; `*` stands for every stage, or every gate."""

    stage: StageName | Literal["*"]
    gate: GateKind | Literal["*"]

    def is_at(self, stage: StageName, gate: GateKind) -> bool:
        """Whether it means this gate."""
        return self.stage in ("*", stage) and self.gate in ("*", gate)


class PolicySpec(Document):
    """What the policy asks for, where, and what a failure does."""

    scope: Scope = Scope()
    gates: Annotated[tuple[GateReference, ...], Field(min_length=1)]
    mode: Annotated[Mode, BeforeValidator(_compatible_mode)] = Mode.BLOCK
    effective_on: Moment | None = None
    """Until then its rules are judged and shown, and stop nothing."""
    waivers: WaiverTerms = WaiverTerms()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rule_ids_differ(self) -> Self:
        ids = [rule.id for rule in each_rule(self.rules)]
        repeated = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
        if repeated:
            raise ValueError(f"every rule needs an id of its own; used more than once: {', '.join(repeated)}")
        return self

    @model_validator(mode="after")
    def _nothing_inside_is_announced_by_itself(self) -> Self:
        inner = {rule.id for rule in each_rule(self.rules) if rule.effective_on} - {rule.id for rule in self.rules}
        if inner:
            raise ValueError(f"only a whole rule can have `effective_on`, not a part of one: {min(inner)}")
        return self


class Policy(Document):
    """One version of one policy."""

    api_version: Literal["hallmark/v1"] = Field(alias="apiVersion")
    kind: Literal["Policy"]
    metadata: Metadata
    spec: PolicySpec

    @property
    def name(self) -> PolicyName:
        """The name, which later versions share."""
        return self.metadata.name

    @property
    def digest(self) -> Digest:
        """The digest of the normal form: the identity of this version of the policy."""
        return canonical_digest(self.normal_form())

    def normal_form(self) -> dict[str, JsonValue]:
        """The document with defaults written out and synonyms replaced; `read_policy` reads it back as equal."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects it is for; `*` stands for every one."""
        return self.spec.scope.projects or (self.metadata.project,)

    def governs(self, dossier: Dossier, stage: StageName, gate: GateKind) -> bool:
        """Whether this policy has a say at this gate for this application."""
        return (
            ("*" in self.projects or dossier.project in self.projects)
            and any(one.is_at(stage, gate) for one in self.spec.gates)
            and self.spec.scope.matches(dossier)
        )

    def effective_on(self, rule: Rule) -> datetime | None:
        """From when on one of its rules counts; None when it always has."""
        return max((moment for moment in (self.spec.effective_on, rule.effective_on) if moment), default=None)


def read_policy(document: object) -> Policy:
    """The policy that a parsed YAML or JSON document says.

    Raises `Invalid`: `policy_field_unknown`, `policy_field_empty`, `policy_rule_kind_unknown` or `policy_malformed`,
    each naming the path and what to write instead.
    """
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise refusal(error, Policy) from error
    problem = first_empty(document)
    if problem is not None:
        raise problem
    return policy
