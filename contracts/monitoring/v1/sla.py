"""Until when flaws must be gone: tables of days, applied as documents."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.answers import Applied
from contracts.message import Answer, Command, PageLimit, Query
from contracts.vocabulary import Document, Frozen, ProjectName

Level = Literal["critical", "high", "medium", "low"]
Days = Annotated[int, Field(ge=1, le=1000)]
TablePlace = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9-]{1,63})$")]
"""Of a project, or `*` for the shared one."""
Weekday = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


class SlaCalendar(Document):
    """The days that count; without a calendar every day does."""

    time_zone: Annotated[str, Field(max_length=64)]
    """A name of the IANA time zone database, such as `Europe/Berlin`."""
    working_days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = ("MO", "TU", "WE", "TH", "FR")
    holidays: Annotated[tuple[date, ...], Field(max_length=1000)] = ()


class ApplySlaTable(Command):
    """Say until when flaws must be gone, in a project or in all that say nothing.

    A cell that is left out is as by default.
    """

    subject: ClassVar[str] = "hallmark.ask.monitoring.sla-table.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    shared: bool = False
    """True: for every project without a table of its own; takes the role security in every project."""
    days: dict[Level, dict[Level, Days]] = {}
    """Days by criticality of the application, then by severity of the flaw."""
    exploited: dict[Level, Days] = {}
    """By criticality: at most so many days for what is in the catalogue of known exploited vulnerabilities."""
    calendar: SlaCalendar | None = None


class SlaTableView(Frozen):
    """A table with every cell."""

    origin: Literal["default", "shared", "project"]
    """Built in, applied for all projects, or applied for this one."""
    project: ProjectName | None = None
    """The project of the document; None for the built-in table."""
    days: dict[Level, dict[Level, Days]]
    exploited: dict[Level, Days]
    calendar: SlaCalendar | None = None
    revision: int = 0
    digest: str


class SlaTableAnswer(Answer, SlaTableView):
    """The table that counts in a project."""

    shared: bool = False


class ShowSlaTable(Query):
    """Until when must flaws be gone in this project?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.sla-table.show.v1"
    answer: ClassVar[type[Answer]] = SlaTableAnswer
    project: ProjectName


class SlaTableList(Answer):
    """Tables: the shared one first, then by project."""

    tables: tuple[SlaTableView, ...]
    next: TablePlace | None = None


class ListSlaTables(Query):
    """Which tables were applied, in the projects that the caller may see?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.sla-table.list.v1"
    answer: ClassVar[type[Answer]] = SlaTableList
    after: TablePlace | None = None
    limit: PageLimit = 50
