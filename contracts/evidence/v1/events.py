"""What the evidence service says has happened."""

from __future__ import annotations

from typing import ClassVar

from contracts.facts import EarlierStanding, EvidenceItem
from contracts.message import Event
from contracts.vocabulary import ApplicationName, Digest, ProjectName, TrustRootName, Utc, VersionName


class EvidenceAdded(Event):
    """Evidence came on record, verified or not."""

    subject: ClassVar[str] = "hallmark.evt.evidence.record.added.v1"
    project: ProjectName
    application: ApplicationName | None
    item: EvidenceItem
    positions: dict[Digest, int]
    """Per subject: its position when this one had been added."""
    submitted_by: str


class EvidenceRejudged(Event):
    """Evidence counts for something else than before, since the trust roots of its project have changed."""

    subject: ClassVar[str] = "hallmark.evt.evidence.record.rejudged.v1"
    project: ProjectName
    application: ApplicationName | None
    item: EvidenceItem
    """As it stands now; all but its standing, its signers and their checks is as it was received."""
    before: EarlierStanding
    trust_root: TrustRootName
    """The root that believes it now, or does not any more."""
    trust_root_revision: int
    """The revision it was judged by."""
    positions: dict[Digest, int]
    """Per subject, after this judgement."""
    at: Utc


class TrustRootApplied(Event):
    """A project began or changed to believe some keys."""

    subject: ClassVar[str] = "hallmark.evt.evidence.trust-root.applied.v1"
    project: ProjectName
    application: None = None
    trust_root: TrustRootName
    key_ids: tuple[Digest, ...]
    role: str
    distrust_after: Utc | None
    revision: int
    digest: Digest
    by: str
    at: Utc


class PassageAttested(Event):
    """The passage of a version through its gates is signed and in the log."""

    subject: ClassVar[str] = "hallmark.evt.evidence.passage.attested.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    promotion_id: str
    attempt: int
    verdict_id: str
    passage_digest: Digest
    """Digest of the signed envelope."""
    log_index: int
    at: Utc


class PassageWithdrawn(Event):
    """It is signed and in the log that an attested passage did not take place."""

    subject: ClassVar[str] = "hallmark.evt.evidence.passage.withdrawn.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    promotion_id: str
    attempt: int
    passage_digest: Digest
    """Digest of the signed envelope that does not count any more."""
    withdrawal_digest: Digest
    """Digest of the signed envelope that says so."""
    log_index: int
    at: Utc
