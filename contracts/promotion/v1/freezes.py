"""Freeze windows: times in which nothing enters a stage, and how two people break one.

A window is a moment with an end, or recurs by an RFC 5545 rule in a time zone of the IANA database. What a freeze holds
back is not refused: it waits, and goes on when the freeze ends.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.answers import Applied
from contracts.message import Answer, Command, Event, Query
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import (
    ApplicationName,
    Document,
    Frozen,
    ProjectName,
    PromotionKind,
    StageName,
    Text,
    Utc,
    VersionName,
)

FreezeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
HouseDuration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}[mhd]$")]
"""A whole number of minutes, hours or days, as in policies: `90m`, `12h`, `3d`."""


class FreezeWindow(Document):
    """From one moment to another."""

    starts_at: Utc
    ends_at: Utc
    title: Annotated[str, Field(max_length=200)] = ""


class RecurringWindow(Document):
    """Again and again, by the clock on the wall of one time zone."""

    rule: Annotated[str, Field(min_length=1, max_length=300)]
    """The recurrence rule of RFC 5545 without `DTSTART`, such as `FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0`."""
    lasts: HouseDuration
    time_zone: Annotated[str, Field(max_length=64)]
    """A name of the IANA time zone database, such as `Europe/Berlin`."""
    title: Annotated[str, Field(max_length=200)] = ""


class ApplyFreeze(Command):
    """Define when nothing enters stages, or change that. A freeze without windows holds nothing back."""

    subject: ClassVar[str] = "hallmark.ask.promotion.freeze.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    freeze: FreezeName
    reason: Text = ""
    """Shown to whoever is held back."""
    applications: Annotated[tuple[ApplicationName, ...], Field(max_length=200)] = ()
    """Empty: every application of the project."""
    stages: Annotated[tuple[StageName, ...], Field(max_length=50)] = ()
    """Empty: every stage."""
    kinds: tuple[PromotionKind, ...] = (PromotionKind.PROMOTE, PromotionKind.RELEASE)
    """What is held back. By default the ways back stay open."""
    windows: Annotated[tuple[FreezeWindow, ...], Field(max_length=200)] = ()
    recurring: Annotated[tuple[RecurringWindow, ...], Field(max_length=50)] = ()


class FreezeView(Frozen):
    """One freeze, and whether it holds now."""

    project: ProjectName
    freeze: FreezeName
    reason: str
    applications: tuple[ApplicationName, ...]
    stages: tuple[StageName, ...]
    kinds: tuple[PromotionKind, ...]
    windows: tuple[FreezeWindow, ...]
    recurring: tuple[RecurringWindow, ...]
    active_until: Utc | None = None
    """When the present window ends; None when there is none."""
    next_from: Utc | None = None
    """When the next window begins, within a year."""
    revision: int
    digest: str


class FreezeList(Answer):
    """The freezes of a project, by name."""

    freezes: tuple[FreezeView, ...]


class ListFreezes(Query):
    """When is what frozen?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.freeze.list.v1"
    answer: ClassVar[type[Answer]] = FreezeList
    project: ProjectName


class BreakGlass(Command):
    """Let one promotion through a freeze: takes two people who may, and a reason from each.

    The first call asks, the second, by another person, breaks it for at most four hours. It opens no gate, and a
    release that went through it is not called trusted.
    """

    subject: ClassVar[str] = "hallmark.ask.promotion.glass.break.v1"
    answer: ClassVar[type[Answer]] = PromotionView
    project: ProjectName
    promotion_id: str
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=2000)]


class FreezeApplied(Event):
    """A freeze was defined or changed."""

    subject: ClassVar[str] = "hallmark.evt.promotion.freeze.applied.v1"
    project: ProjectName
    application: None = None
    freeze: FreezeName
    revision: int
    digest: str
    by: str
    at: Utc


class GlassBroken(Event):
    """Somebody asked that a promotion passes a freeze, or a second person let it: for whoever is on duty to look at."""

    subject: ClassVar[str] = "hallmark.evt.promotion.glass.broken.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    promotion_id: str
    freeze: str
    asked_by: str
    reason: str
    confirmed_by: str | None
    """None while a second person is awaited."""
    until: Utc
    """The breaking, or the asking for it, ends then."""
    at: Utc
