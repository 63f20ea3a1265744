"""Which runs of pipelines may act, and for what: rules over the claims of their ID tokens."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.answers import Applied
from contracts.message import Answer, Command, Event, PageLimit, Query
from contracts.vocabulary import ApplicationName, Digest, Document, Frozen, ProjectName, Role, Utc

PipelineIdentityName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
IssuerUrl = Annotated[str, StringConstraints(pattern=r"^https://[!-~]+$", max_length=500)]
"""Equals the claim `iss` of a token, letter by letter."""
ClaimName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]{0,99}$")]
ClaimPattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""An exact value, or one with `*` (any run without `/`, `@` and `:`) and, at its end, `**` (any rest)."""
Claims = Annotated[
    dict[ClaimName, ClaimPattern | Annotated[tuple[ClaimPattern, ...], Field(min_length=1, max_length=20)]],
    Field(min_length=1, max_length=20),
]
"""By claim, what it must be: one pattern, or any one of several."""
EVERY_APPLICATION = "*"


class PipelineGrant(Document):
    """Roles, and the applications in which they hold; `*` alone stands for the whole project."""

    applications: Annotated[tuple[ApplicationName | Literal["*"], ...], Field(min_length=1, max_length=200)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=6)]


Grants = Annotated[tuple[PipelineGrant, ...], Field(min_length=1, max_length=50)]


class ApplyPipelineIdentity(Command):
    """Say which runs of a pipeline may act in a project, and for which of its applications.

    The claims pin what cannot be given to somebody else: GitHub's `repository_id`, GitLab's `project_id`, else `sub`.
    """

    subject: ClassVar[str] = "hallmark.ask.registry.pipeline-identity.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    pipeline_identity: PipelineIdentityName
    issuer: IssuerUrl
    claims: Claims
    grants: Grants
    allow_pull_requests: bool = False
    """Whether runs on what is not merged yet count as well, and runs that anybody's comment or issue starts."""


class WithdrawPipelineIdentity(Command):
    """Let no run act by this rule any more."""

    subject: ClassVar[str] = "hallmark.ask.registry.pipeline-identity.withdraw.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    pipeline_identity: PipelineIdentityName


class PipelineIdentityView(Answer):
    """One rule."""

    project: ProjectName
    pipeline_identity: PipelineIdentityName
    issuer: str
    claims: dict[str, str | tuple[str, ...]]
    grants: tuple[PipelineGrant, ...]
    allow_pull_requests: bool
    revision: int
    digest: Digest
    applied_by: str
    applied_at: Utc


class PipelineIdentityPage(Answer):
    """The rules of one project, by name."""

    pipeline_identities: tuple[PipelineIdentityView, ...]
    next: str | None = None


class ShowPipelineIdentity(Query):
    """Which runs does one rule let act, and for what?"""

    subject: ClassVar[str] = "hallmark.ask.registry.pipeline-identity.show.v1"
    answer: ClassVar[type[Answer]] = PipelineIdentityView
    project: ProjectName
    pipeline_identity: PipelineIdentityName


class ListPipelineIdentities(Query):
    """Which pipelines may act in a project?"""

    subject: ClassVar[str] = "hallmark.ask.registry.pipeline-identity.list.v1"
    answer: ClassVar[type[Answer]] = PipelineIdentityPage
    project: ProjectName
    after: str | None = None
    limit: PageLimit = 100


class PipelineRight(Frozen):
    """Roles in one application, or in a whole project."""

    project: ProjectName
    application: ApplicationName | None
    """None: in the whole project."""
    roles: tuple[Role, ...]


class PipelineRights(Answer):
    """Who a run is, and what it may do."""

    run: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """The actor: issuer, immutable id, and the run."""
    identities: tuple[str, ...]
    """The rules that let it act, as `project/name`."""
    rights: tuple[PipelineRight, ...]
    """Sorted; empty when no rule lets it act."""
    misfits: tuple[str, ...] = ()
    """Rules about the same pipeline that do not fit, each with the claim that is in the way."""


class ResolvePipeline(Query):
    """What may the run do whose ID token says this? Asked by the gateway, which has verified the token."""

    subject: ClassVar[str] = "hallmark.ask.registry.pipeline.resolve.v1"
    answer: ClassVar[type[Answer]] = PipelineRights
    issuer: IssuerUrl
    claims: Annotated[dict[str, Annotated[str, StringConstraints(max_length=1000)]], Field(max_length=100)]


class PipelineIdentityApplied(Event):
    """A rule about who may act was made or changed."""

    subject: ClassVar[str] = "hallmark.evt.registry.pipeline-identity.applied.v1"
    project: ProjectName
    application: None = None
    pipeline_identity: PipelineIdentityName
    issuer: str
    claims: dict[str, str | tuple[str, ...]]
    grants: tuple[PipelineGrant, ...]
    allow_pull_requests: bool
    revision: int
    digest: Digest
    by: str
    at: Utc


class PipelineIdentityWithdrawn(Event):
    """A rule lets nobody act any more."""

    subject: ClassVar[str] = "hallmark.evt.registry.pipeline-identity.withdrawn.v1"
    project: ProjectName
    application: None = None
    pipeline_identity: PipelineIdentityName
    revision: int
    by: str
    at: Utc
