"""What the gate can be asked."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.gate.v1.commands import Passage
from contracts.gate.v1.views import (
    Confirmation,
    Judgement,
    PolicyPage,
    PolicyRevisionPage,
    PolicyView,
    VerdictKeys,
    VerdictPage,
    VerdictView,
)
from contracts.message import Answer, PageLimit, Query
from contracts.vocabulary import ApplicationName, Digest, PolicyName, ProjectName, PromotionKind, VersionName


class ListPolicies(Query):
    """Which policies does a project have?"""

    subject: ClassVar[str] = "hallmark.ask.gate.policy.list.v1"
    answer: ClassVar[type[Answer]] = PolicyPage
    project: ProjectName
    after: str | None = None
    limit: PageLimit = 100


class ListSharedPolicies(Query):
    """Which policies of other projects apply in this one? Without a project: which ones apply in all of them?"""

    subject: ClassVar[str] = "hallmark.ask.gate.shared-policy.list.v1"
    answer: ClassVar[type[Answer]] = PolicyPage
    project: ProjectName | None = None
    after: str | None = None
    limit: PageLimit = 100


class ShowPolicy(Query):
    """What does one policy say, now or in the revision with this digest?"""

    subject: ClassVar[str] = "hallmark.ask.gate.policy.show.v1"
    answer: ClassVar[type[Answer]] = PolicyView
    project: ProjectName
    policy: PolicyName | None = None
    digest: Digest | None = None
    """One of the two."""


class ListPolicyRevisions(Query):
    """Who changed a policy, and when?"""

    subject: ClassVar[str] = "hallmark.ask.gate.policy-revision.list.v1"
    answer: ClassVar[type[Answer]] = PolicyRevisionPage
    project: ProjectName
    policy: PolicyName
    after: Annotated[int, Field(ge=1)] | None = None
    """Only revisions before this one."""
    limit: PageLimit = 100


class ShowVerdict(Query):
    """Why did the gate say what it said?"""

    subject: ClassVar[str] = "hallmark.ask.gate.verdict.show.v1"
    answer: ClassVar[type[Answer]] = VerdictView
    project: ProjectName
    verdict_id: str


class ListVerdicts(Query):
    """What did the gates say about a version so far?"""

    subject: ClassVar[str] = "hallmark.ask.gate.verdict.list.v1"
    answer: ClassVar[type[Answer]] = VerdictPage
    project: ProjectName
    application: ApplicationName
    version: VersionName
    after: str | None = None
    limit: PageLimit = 50


class ConfirmVerdict(Query):
    """Would the same verdict be given again at this moment?"""

    subject: ClassVar[str] = "hallmark.ask.gate.verdict.confirm.v1"
    answer: ClassVar[type[Answer]] = Confirmation
    project: ProjectName
    verdict_id: str
    positions: dict[Digest, int] = Field(default_factory=dict)
    """Per subject: not answered (`Unavailable`) before the gate's dossier has reached these."""


class JudgeGates(Query):
    """What would these gates say now?"""

    subject: ClassVar[str] = "hallmark.ask.gate.gates.judge.v1"
    answer: ClassVar[type[Answer]] = Judgement
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    passages: Annotated[tuple[Passage, ...], Field(min_length=1, max_length=10)]
    requested_by: str
    kind: PromotionKind = PromotionKind.PROMOTE


class ListVerdictKeys(Query):
    """Which keys has the gate signed verdicts with?"""

    subject: ClassVar[str] = "hallmark.ask.gate.signing-key.list.v1"
    answer: ClassVar[type[Answer]] = VerdictKeys
