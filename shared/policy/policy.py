"""A policy as people write it, and which gates it governs.

- A policy is one document (`apiVersion: hallmark/v1`, `kind: Policy`), known by the digest of its normal form.
- The normal form spells out every default, so a digest keeps its meaning when a default changes later.
- Unknown fields are refused, and so are fields without a value: both would quietly weaken a gate.
- A policy without rules, or that governs no gate, is refused: it could only look like protection.
- Within its project, a policy governs the gates it lists for the applications its scope matches.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from shared.policy.policy_errors import first_empty, refusal
from shared.policy.rules import Rule


def _compatible_mode(word: object) -> object:
    return Mode.WARN if word == "warning" else word


class Metadata(Document):
    """Which policy it is."""

    project: ProjectName
    name: PolicyName
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class Scope(Document):
    """The applications a policy is for: every part that is given must match; what is absent matches all."""

    applications: Annotated[tuple[ApplicationName, ...], Field(min_length=1)] | None = None
    criticality: Annotated[tuple[Criticality, ...], Field(min_length=1)] | None = None
    labels: Mapping[str, str] = Field(default_factory=dict)

    def matches(self, dossier: Dossier) -> bool:
        """Whether the application of `dossier` is in scope."""
        return (
            (self.applications is None or dossier.application in self.applications)
            and (self.criticality is None or dossier.criticality in self.criticality)
            and all(dossier.labels.get(key) == value for key, value in self.labels.items())
        )


class GateReference(Document):
    """One gate of one stage."""

    stage: StageName
    gate: GateKind


class PolicySpec(Document):
    """What the policy asks for, where, and what a failure does."""

    scope: Scope = Scope()
    gates: Annotated[tuple[GateReference, ...], Field(min_length=1)]
    mode: Annotated[Mode, BeforeValidator(_compatible_mode)] = Mode.BLOCK
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rule_ids_differ(self) -> Self:
        ids = [rule.id for rule in self.rules]
        repeated = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
        if repeated:
            raise ValueError(f"every rule needs an id of its own; used more than once: {', '.join(repeated)}")
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

    def governs(self, dossier: Dossier, stage: StageName, gate: GateKind) -> bool:
        """Whether this policy has a say at this gate for this application."""
        return (
            self.metadata.project == dossier.project
            and GateReference(stage=stage, gate=gate) in self.spec.gates
            and self.spec.scope.matches(dossier)
        )


_KNOWN_BY_PLACE: Mapping[tuple[str, ...], type[Document]] = {
    (): Policy,
    ("metadata",): Metadata,
    ("spec",): PolicySpec,
    ("spec", "scope"): Scope,
    ("spec", "gates"): GateReference,
}


def read_policy(document: object) -> Policy:
    """The policy that a parsed YAML or JSON document says.

    Raises `Invalid`: `policy_field_unknown`, `policy_field_empty`, `policy_rule_kind_unknown` or `policy_malformed`,
    each naming the path and what to write instead.
    """
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise refusal(error, _KNOWN_BY_PLACE) from error
    problem = first_empty(document)
    if problem is not None:
        raise problem
    return policy
