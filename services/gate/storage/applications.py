"""The business context of applications, as the registry last told it."""

from __future__ import annotations

from contracts.vocabulary import ApplicationName, ProjectName
from services.gate.domain.version import ApplicationContext
from shared.mongo import Collection, Document, Index

INDEXES: tuple[Index, ...] = ()


class ApplicationRepository:
    """One context per application."""

    def __init__(self, applications: Collection) -> None:
        self._applications = applications

    async def find(self, project: ProjectName, application: ApplicationName) -> ApplicationContext | None:
        """The context in force; None when nothing was heard of the application."""
        document = await self._applications.get(_key(project, application))
        return _from_document(document) if document else None

    async def put(self, context: ApplicationContext) -> None:
        """Put a context in force. In a transaction that has read the old one, nobody can come between."""
        await self._applications.put(_to_document(context))


def _key(project: str, application: str) -> str:
    return f"{project}/{application}"


def _to_document(context: ApplicationContext) -> Document:
    return {
        "_id": _key(context.project, context.application),
        **context.model_dump(),
        # Pairs, since labels may have dots and dollar signs, which mean something in names of fields.
        "labels": [[key, value] for key, value in sorted(context.labels.items())],
    }


def _from_document(document: Document) -> ApplicationContext:
    return ApplicationContext.model_validate({**document, "labels": dict(document["labels"])})
