"""Imports of advisories: what came in from which source, whether all of it did, and what could not be read.

- An import begins, brings batches (`advisory.import`), and is finished by whoever began it, with the number of records
  that its source holds. It is complete when exactly so many arrived and all of them could be read.
- What is not complete is partial: it can prove that a flaw is there, never that none is.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.importing import FetchStanding, ImportCounts, ImportState
from contracts.message import Answer, Command, PageLimit, Query
from contracts.vocabulary import Frozen, Utc

ImportId = Annotated[str, StringConstraints(pattern=r"^imp-[0-9a-f]{24}$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,99}$")]
"""Where advisories come from, such as `osv-pypi`: what it is called, not where it is."""
_Place = Annotated[str, Field(max_length=500)]


class AdvisoryImport(Frozen):
    """One import of advisories."""

    import_id: ImportId
    source: SourceName
    begun: Utc
    ended: Utc | None = None
    state: ImportState
    because: str = ""
    """Why it is partial; empty for any other."""
    counts: ImportCounts
    records: int | None = None
    """How many the source holds, as whoever finished it said."""
    by: str
    """Who began it."""


class SourceStanding(Frozen):
    """How much the knowledge from one source is worth."""

    source: SourceName
    newest: ImportState
    """The state of its newest import; one that was not finished within 6 hours counts as partial."""
    because: str = ""
    """Why that is partial."""
    complete_as_of: Utc | None = None
    """When its newest complete import began, or its publisher last said that nothing has changed since; None without
    a complete one."""
    fetched: FetchStanding | None = None
    """None for a source that is not fetched."""


class AdvisoryStanding(Frozen):
    """How much the absence of a flaw is worth: what was never imported cannot be found."""

    complete_as_of: Utc | None = None
    """The newest of all sources; None when there was no complete import yet."""
    partial: bool = False
    """Some source's newest import is partial: it can prove a match, not an absence."""
    sources: tuple[SourceStanding, ...] = ()
    """At most 20: partial ones first, then those that are the furthest behind."""
    source_count: int = 0


class AdvisoryImportBegun(Answer):
    """An import is under way."""

    import_id: ImportId


class BeginAdvisoryImport(Command):
    """Begin an import; its batches name it."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.advisory-import.begin.v1"
    answer: ClassVar[type[Answer]] = AdvisoryImportBegun
    source: SourceName


class AdvisoryImportFinished(Answer):
    """An import is over."""

    imported: AdvisoryImport


class FinishAdvisoryImport(Command):
    """Say that an import is over, and how many records its source holds; a second time changes nothing."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.advisory-import.finish.v1"
    answer: ClassVar[type[Answer]] = AdvisoryImportFinished
    import_id: ImportId
    records: Annotated[int, Field(ge=0)]
    """Malformed ones included."""
    because: Annotated[str, Field(max_length=500)] = ""
    """Why not everything was imported; empty when everything was."""


class AdvisoryImportPage(Answer):
    """Imports, the newest first."""

    imports: tuple[AdvisoryImport, ...]
    standing: AdvisoryStanding
    next: str | None = None


class ListAdvisoryImports(Query):
    """What was imported, when, and was it complete? Anybody who is signed in may know."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.advisory-import.list.v1"
    answer: ClassVar[type[Answer]] = AdvisoryImportPage
    source: SourceName | None = None
    after: Annotated[str, Field(max_length=100)] | None = None
    limit: PageLimit = 50


class UnreadableRecord(Frozen):
    """A record that could not even be sent: no JSON, or too large."""

    place: _Place
    """Where it stands: a file, or an entry of an archive."""
    problem: _Place
    excerpt: Annotated[str, Field(max_length=4000)] = ""


class AdvisoriesQuarantined(Answer):
    """They are counted as malformed, and kept as far as there is room."""

    quarantined: int


class QuarantineAdvisories(Command):
    """Count records that could not be sent, so that the import knows that they are missing."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.advisory-quarantine.add.v1"
    answer: ClassVar[type[Answer]] = AdvisoriesQuarantined
    import_id: ImportId
    records: Annotated[tuple[UnreadableRecord, ...], Field(min_length=1, max_length=50)]


class QuarantinedAdvisory(Frozen):
    """A record that could not be read."""

    key: str
    id: str
    """As it is written in the record, cut to 200 characters; empty when there is none."""
    source: str
    import_id: ImportId | None = None
    """The newest import that brought it; None for records that came without one."""
    where: str
    """Path of the first problem in the record, or the place of one that is no JSON."""
    problem: str
    size: int
    """Characters of the record."""
    excerpt: str
    """Its first 2,000 characters, as JSON; what cannot be shown is escaped."""
    since: Utc
    at: Utc
    """When it last came."""


class QuarantinePage(Answer):
    """Records that could not be read, by source and id."""

    records: tuple[QuarantinedAdvisory, ...]
    next: str | None = None


class ListQuarantinedAdvisories(Query):
    """Which records could not be read? Anybody who is signed in may know."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.advisory-quarantine.list.v1"
    answer: ClassVar[type[Answer]] = QuarantinePage
    source: SourceName | None = None
    after: Annotated[str, Field(max_length=500)] | None = None
    limit: PageLimit = 50
