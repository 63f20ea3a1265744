"""Waivers: exceptions from one rule, for one subject and stage of one application, asked for and granted by two people.

A waiver is requested, then granted or refused by somebody else, and ends when it expires or is revoked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.circumstances import WaivedSubject
from contracts.message import Answer, Command, Event, PageLimit, Query
from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    GateKind,
    PolicyName,
    ProjectName,
    Severity,
    StageName,
    Text,
    Utc,
    VersionName,
)

Reason = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=10)]
"""Long enough to say something, blanks at its ends not counted."""


class WaiverState(StrEnum):
    """Where a waiver stands; the last three are final."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    EXPIRED = "expired"
    REVOKED = "revoked"


class CoveredVersion(Frozen):
    """A version that passed a gate only because of a waiver."""

    version: VersionName
    stage: StageName
    gate: GateKind
    verdict_id: str


class WaiverView(Answer):
    """One waiver, whatever has become of it."""

    waiver_id: str
    project: ProjectName
    application: ApplicationName
    policy: PolicyName
    rule: str
    stage: StageName
    subject: WaivedSubject
    max_severity: Severity | None = None
    reason: str
    state: WaiverState
    requested_by: str
    requested_at: Utc
    expires_at: Utc
    decided_by: str | None = None
    decided_at: Utc | None = None
    decision_reason: str = ""
    ended_at: Utc | None = None
    ended_by: str | None = None
    """Whoever revoked it; None when it expired."""
    end_reason: str = ""
    uses: int = 0
    """How many verdicts have needed it."""


class WaiverPage(Answer):
    """Waivers of a project, those that end first leading."""

    waivers: tuple[WaiverView, ...]
    next: str | None = None


class RequestWaiver(Command):
    """Ask for an exception. It counts for nothing until somebody else grants it."""

    subject: ClassVar[str] = "hallmark.ask.gate.waiver.request.v1"
    answer: ClassVar[type[Answer]] = WaiverView
    project: ProjectName
    application: ApplicationName
    policy: PolicyName
    rule: Annotated[str, Field(min_length=1, max_length=63)]
    stage: StageName
    waives: WaivedSubject
    """What it is for: an artifact, a component, a vulnerability, or a combination. Wildcards are refused."""
    max_severity: Severity | None = None
    """Required where a vulnerability may be covered: worse ones stay uncovered, also when a severity rises later."""
    reason: Reason
    expires_at: Utc
    """Always; no later than the policy allows."""


class DecideWaiver(Command):
    """Grant a waiver, or refuse to: for people in the policy's approver role, never for whoever asked."""

    subject: ClassVar[str] = "hallmark.ask.gate.waiver.decide.v1"
    answer: ClassVar[type[Answer]] = WaiverView
    project: ProjectName
    waiver_id: str
    decision: Literal["granted", "refused"]
    reason: Text = ""


class RevokeWaiver(Command):
    """End a waiver before its time. What it covered is open again."""

    subject: ClassVar[str] = "hallmark.ask.gate.waiver.revoke.v1"
    answer: ClassVar[type[Answer]] = WaiverView
    project: ProjectName
    waiver_id: str
    reason: Reason


class ShowWaiver(Query):
    """What became of one waiver?"""

    subject: ClassVar[str] = "hallmark.ask.gate.waiver.show.v1"
    answer: ClassVar[type[Answer]] = WaiverView
    project: ProjectName
    waiver_id: str


class ListWaivers(Query):
    """Which waivers does a project have?"""

    subject: ClassVar[str] = "hallmark.ask.gate.waiver.list.v1"
    answer: ClassVar[type[Answer]] = WaiverPage
    project: ProjectName
    application: ApplicationName | None = None
    state: WaiverState | None = None
    artifacts: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    """Only those that name one of these; empty: all."""
    after: str | None = None
    limit: PageLimit = 50


class ListWaiverRequests(Query):
    """Which exceptions, of all projects whose security the caller answers for, have others asked for?"""

    subject: ClassVar[str] = "hallmark.ask.gate.waiver-request.list.v1"
    answer: ClassVar[type[Answer]] = WaiverPage
    after: str | None = None
    limit: PageLimit = 50


class ListStandingWaivers(Query):
    """Which exceptions are asked for or in force, in one project or wherever the caller may look?"""

    subject: ClassVar[str] = "hallmark.ask.gate.standing-waiver.list.v1"
    answer: ClassVar[type[Answer]] = WaiverPage
    project: ProjectName | None = None
    after: str | None = None
    limit: PageLimit = 50


class _WaiverEvent(Event):
    project: ProjectName
    application: ApplicationName
    waiver_id: str
    policy: PolicyName
    rule: str
    stage: StageName
    waives: WaivedSubject
    max_severity: Severity | None
    reason: str
    requested_by: str
    expires_at: Utc
    by: str
    at: Utc


class WaiverRequested(_WaiverEvent):
    """Somebody asks for an exception: whoever may grant it should look."""

    subject: ClassVar[str] = "hallmark.evt.gate.waiver.requested.v1"


class WaiverGranted(_WaiverEvent):
    """An exception is in force until it expires."""

    subject: ClassVar[str] = "hallmark.evt.gate.waiver.granted.v1"


class WaiverRefused(_WaiverEvent):
    """An exception was asked for and is not made."""

    subject: ClassVar[str] = "hallmark.evt.gate.waiver.refused.v1"


class WaiverEnded(_WaiverEvent):
    """An exception is over, by its time or by somebody: what it covered is open again."""

    subject: ClassVar[str] = "hallmark.evt.gate.waiver.ended.v1"
    cause: Literal["expired", "revoked"]
    covered: tuple[CoveredVersion, ...] = ()
    """Versions that a verdict let through a gate only because of it: each gate of each version once, with the newest
    verdict, the newest first, at most 200."""
    covered_count: int = 0
    """All of them."""
