"""Rule templates: Rego modules that policies share, each with parameters of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from contracts.answers import Applied
from contracts.message import Answer, Command, PageLimit, Query
from contracts.vocabulary import Digest, PolicyName, ProjectName, Utc


class TemplateView(Answer):
    """One template as policies get it when they are applied now."""

    project: ProjectName
    template: PolicyName
    digest: Digest
    revision: int
    document: dict[str, Any]
    applied_at: Utc
    applied_by: str


class TemplatePage(Answer):
    """The templates of a project, by name."""

    templates: tuple[TemplateView, ...]
    next: str | None = None


class ApplyTemplate(Command):
    """Take over one template document. Policies that are in force keep the module they were applied with."""

    subject: ClassVar[str] = "hallmark.ask.gate.template.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    template: PolicyName
    document: dict[str, Any]


class ShowTemplate(Query):
    """What does one template say?"""

    subject: ClassVar[str] = "hallmark.ask.gate.template.show.v1"
    answer: ClassVar[type[Answer]] = TemplateView
    project: ProjectName
    template: PolicyName


class ListTemplates(Query):
    """Which templates does a project have?"""

    subject: ClassVar[str] = "hallmark.ask.gate.template.list.v1"
    answer: ClassVar[type[Answer]] = TemplatePage
    project: ProjectName
    after: str | None = None
    limit: PageLimit = 100
