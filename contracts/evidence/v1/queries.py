"""What the evidence service can be asked."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.evidence.v1.views import (
    Attestations,
    Checkpoint,
    ComponentPage,
    ConsistencyProof,
    EvidencePage,
    EvidenceView,
    InclusionProof,
    LogPage,
    Positions,
    SigningKeys,
    TrustRoots,
)
from contracts.message import Answer, PageLimit, Query
from contracts.vocabulary import Digest, ProjectName, Utc


class ListEvidence(Query):
    """Which evidence is on record, for these subjects or for the whole project?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.record.list.v1"
    answer: ClassVar[type[Answer]] = EvidencePage
    project: ProjectName
    subjects: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    after: str | None = None
    limit: PageLimit = 100


class ShowEvidence(Query):
    """What does one piece of evidence say, and does it count?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.record.show.v1"
    answer: ClassVar[type[Answer]] = EvidenceView
    project: ProjectName
    evidence_id: str


class ReadPositions(Query):
    """How much evidence is on record for these subjects right now?

    Not answered (`Unavailable`) while some of it is still to be judged by the trust roots that are in force.
    """

    subject: ClassVar[str] = "hallmark.ask.evidence.position.read.v1"
    answer: ClassVar[type[Answer]] = Positions
    project: ProjectName
    subjects: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=1001)]


class ListComponents(Query):
    """Which components does a bill of materials name?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.component.list.v1"
    answer: ClassVar[type[Answer]] = ComponentPage
    project: ProjectName
    evidence_id: str
    text: Annotated[str, Field(max_length=200, exclude_if=lambda value: not value)] = ""
    """Only those whose package URL holds this, in whatever case."""
    package_type: Annotated[str, Field(max_length=50, exclude_if=lambda value: not value)] = ""
    """Only those whose package URL is of this type, such as `pypi`."""
    license: Annotated[str, Field(max_length=200, exclude_if=lambda value: not value)] = ""
    """Only those with a licence that holds this, in whatever case; `NOASSERTION` stands for those that say none."""
    after: str | None = None
    limit: PageLimit = 500


class ListTrustRoots(Query):
    """Whose signatures does a project believe?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.trust-root.list.v1"
    answer: ClassVar[type[Answer]] = TrustRoots
    project: ProjectName
    every_revision: bool = False
    """Also those that newer ones replaced, oldest first."""


class ListAttestations(Query):
    """What did Hallmark attest about a promotion?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.attestation.list.v1"
    answer: ClassVar[type[Answer]] = Attestations
    project: ProjectName
    promotion_id: str


class ReadCheckpoint(Query):
    """What is the newest signed state of the log?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.checkpoint.read.v1"
    answer: ClassVar[type[Answer]] = Checkpoint


class ProveInclusion(Query):
    """Is this entry in the log? By index, or by the id and digest it was logged under."""

    subject: ClassVar[str] = "hallmark.ask.evidence.inclusion.prove.v1"
    answer: ClassVar[type[Answer]] = InclusionProof
    index: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=1)] | None = None
    """Tree size to prove against; the newest checkpoint's when absent."""


class ProveConsistency(Query):
    """Does the larger tree extend the smaller one?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.consistency.prove.v1"
    answer: ClassVar[type[Answer]] = ConsistencyProof
    first: Annotated[int, Field(ge=1)]
    second: Annotated[int, Field(ge=1)]


class ListLogEntries(Query):
    """What was logged: all of it in order, or what concerns one fact (a digest or id)?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.log-entry.list.v1"
    answer: ClassVar[type[Answer]] = LogPage
    about: str | None = None
    """The subject id of an entry: an evidence, verdict or promotion id, or a digest."""
    after: Annotated[int, Field(ge=-1)] = -1
    limit: PageLimit = 100
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] | None = None
    """Only entries of this kind, such as `verdict`."""
    project: ProjectName | Literal["*"] | None = None
    """Only entries of this project; `*` for those about the installation itself."""
    since: Utc | None = None
    until: Utc | None = None
    """Only entries recorded from the one moment up to, not including, the other, within what clocks differ by."""
    newest_first: bool = False
    before: Annotated[int, Field(ge=0)] | None = None
    """Only entries before this one: with `newest_first`, pass `next` here to read on."""


class ReadSigningKeys(Query):
    """Which keys does Hallmark itself sign with?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.signing-key.read.v1"
    answer: ClassVar[type[Answer]] = SigningKeys
