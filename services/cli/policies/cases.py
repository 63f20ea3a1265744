"""Test cases of policies as people write them: a made-up version, a gate, and what is expected to be said.

- A document of kind `PolicyTest` belongs to one policy of the same folder, and holds at least one case.
- Unknown and empty fields are refused, as in policies: a misspelt expectation would expect nothing.
- A case that expects nothing is refused, and so are two cases of one name.
- `at` is never the clock: a case says the same on every day. Where a policy has rules that begin to count at some time,
  it has to be written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from contracts.circumstances import Circumstances
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Document,
    GateKind,
    Outcome,
    PolicyName,
    ProjectName,
    PromotionKind,
    Purl,
    StageName,
    VersionName,
)
from shared.policy.duration import Moment
from shared.policy.policy_errors import first_empty, refusal

WHAT = "policy test"
"""How refusals call these documents; their codes begin with it."""
DEFAULT_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When cases are judged that do not say it."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$")]
"""What a case calls an artifact or a contained version."""
Written = Mapping[str, Any]
"""Read further once the time and the names of the case are known."""


def _as_outcome(value: object) -> object:
    return {"outcome": value} if isinstance(value, str) else value


def _as_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class TestMetadata(Document):
    """Which test it is; all of it may be left out."""

    __test__ = False
    project: ProjectName | None = None
    name: Name | None = None


class TestGate(Document):
    """The gate a case is judged at."""

    __test__ = False
    stage: StageName
    gate: GateKind


class GivenArtifact(Document):
    """An artifact of the version; its digest is made from its name where none is given."""

    name: Name
    purl: Purl | None = None
    digest: Digest | None = None


Artifacts = tuple[Annotated[GivenArtifact, BeforeValidator(_as_name)], ...]


class GivenContained(Document):
    """A version that the judged one contains; `about` names it by `name`, or else by its application."""

    application: ApplicationName
    version: VersionName = "1.0.0"
    name: Name | None = None
    artifacts: Artifacts = ()
    nested: tuple[Name, ...] = ()
    """What it contains itself, by the names of this case."""


class Given(BaseModel):
    """The made-up version. Fields of `contracts.circumstances.Circumstances` may be given beside these."""

    model_config = ConfigDict(frozen=True, extra="allow")

    project: ProjectName | None = None
    """The policy's own when absent."""
    application: ApplicationName = "app"
    version: VersionName = "1.0.0"
    criticality: Criticality = Criticality.UNSPECIFIED
    labels: Mapping[str, str] = Field(default_factory=dict)
    artifacts: Artifacts = (GivenArtifact(name="artifact"),)
    contained: tuple[GivenContained, ...] = ()
    evidence: tuple[Written, ...] = ()

    @property
    def circumstances(self) -> Written:
        """What was given beside the fields above."""
        return self.model_extra or {}


class ExpectedRule(Document):
    """What one rule is expected to say; parts of combined rules are named like others."""

    outcome: Outcome | None = None
    """What the rule itself says, waivers apart."""
    says: Annotated[str, StringConstraints(min_length=1)] | None = None
    """A part of what it observed, or of one of the things that stand against the version."""
    remedy: Annotated[str, StringConstraints(min_length=1)] | None = None
    """A part of the remedy."""
    waived: bool | None = None
    """Whether waivers let it pass."""
    announced: bool | None = None
    """Whether it only begins to count later."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"a rule has to be expected to say something: {', '.join(type(self).model_fields)}")
        return self


class Expectation(Document):
    """What is expected of one case."""

    outcome: Outcome | None = None
    rules: Mapping[str, Annotated[ExpectedRule, BeforeValidator(_as_outcome)]] = Field(default_factory=dict)
    """By rule id; only the outcome can be written as one word."""
    may_be_trusted: bool | None = None
    governs: bool = True
    """Whether the policy has a say there at all."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        said = self.outcome is not None or bool(self.rules) or self.may_be_trusted is not None
        if self.governs and not said:
            raise ValueError("a case has to expect something: give `outcome` or `rules`")
        if not self.governs and said:
            raise ValueError("a policy that does not govern the gate says nothing: leave out what it should say")
        return self


class Case(Document):
    """One case."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    given: Given = Given()
    gate: TestGate | None = None
    at: Moment | None = None
    requested_by: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "requester"
    kind: PromotionKind | None = None
    """`release` at release gates and `promote` at others when absent."""
    expect: Expectation


class TestSpec(Document):
    """The policy, and its cases; `gate` and `at` are for those that do not say it themselves."""

    __test__ = False
    policy: PolicyName
    gate: TestGate | None = None
    at: Moment | None = None
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [case.name for case in self.cases]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"every case needs a name of its own; used more than once: {', '.join(repeated)}")
        return self


class PolicyTest(Document):
    """The test cases of one policy."""

    __test__ = False
    api_version: Literal["hallmark/v1"] = Field(alias="apiVersion")
    kind: Literal["PolicyTest"]
    metadata: TestMetadata = TestMetadata()
    spec: TestSpec


def read_policy_test(document: object) -> PolicyTest:
    """The test cases that a parsed YAML document says.

    Raises `Invalid`: `policy_test_field_unknown`, `policy_test_field_empty` or `policy_test_malformed`.
    """
    try:
        test = PolicyTest.model_validate(document)
    except ValidationError as error:
        raise refusal(error, PolicyTest, what=WHAT) from error
    if problem := first_empty(document, what=WHAT):
        raise problem
    return test


CIRCUMSTANCES = frozenset(Circumstances.model_fields) - {"artifacts", "contained"}
"""What may be given beside the fields of `Given`."""
