"""Rules about pipelines, found by the id that they pin. A withdrawn one stays, so that its revisions go on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contracts.registry.v1.pipelines import PipelineIdentityPage, PipelineIdentityView
from services.registry.storage.catalogue import Applied
from shared.digests import canonical_digest
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

COLLECTION = "pipeline_identities"
INDEXES: dict[str, tuple[Index, ...]] = {
    COLLECTION: (Index((("issuer", 1), ("anchors", 1))), Index((("project", 1), ("_id", 1)))),
}
_MOST_OF_ONE_PIPELINE = 1000


class PipelineIdentities:
    """The rules of all projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._rules = unit.collection(COLLECTION)

    async def apply(
        self, project: str, name: str, content: Document, anchors: Iterable[str], *, by: str, at: datetime
    ) -> Applied:
        """Take a rule over."""
        identity = {"_id": f"{project}/{name}", "project": project, "name": name}
        digest = canonical_digest({**identity, **content})
        before = await self._rules.get(identity["_id"])
        if before and before["digest"] == digest and not before["withdrawn"]:
            return Applied("unchanged", before["revision"], digest)
        revision = before["revision"] if before else 0
        kept = {"anchors": list(anchors), "digest": digest, "withdrawn": False, "applied_by": by, "applied_at": at}
        await self._rules.replace({**identity, **content, **kept}, revision=revision)
        return Applied("updated" if before else "created", revision + 1, digest)

    async def withdraw(self, project: str, name: str) -> Applied:
        """The rule lets nobody act any more. Raises `NotFound` for one that never was."""
        before = await self._rules.get(f"{project}/{name}")
        if before is None:
            raise _unknown(project, name)
        if before["withdrawn"]:
            return Applied("unchanged", before["revision"], before["digest"])
        await self._rules.replace({**before, "withdrawn": True}, revision=before["revision"])
        return Applied("updated", before["revision"] + 1, before["digest"])

    async def about(self, issuer: str, anchor: str) -> list[Document]:
        """The rules in force that pin this id of this issuer's."""
        where = {"issuer": issuer, "anchors": anchor, "withdrawn": False}
        return await self._rules.find(where, limit=_MOST_OF_ONE_PIPELINE)

    async def show(self, project: str, name: str) -> PipelineIdentityView:
        """Raises `NotFound`."""
        found = await self._rules.get(f"{project}/{name}")
        if found is None or found["withdrawn"]:
            raise _unknown(project, name)
        return _view(found)

    async def page(self, project: str, after: str | None, limit: int) -> PipelineIdentityPage:
        """Rules in force, by name."""
        where: dict[str, Any] = {"project": project, "withdrawn": False, "_id": {"$gt": f"{project}/{after or ''}"}}
        found = await self._rules.find(where, limit=limit + 1)
        following = found[limit - 1]["name"] if len(found) > limit else None
        return PipelineIdentityPage(pipeline_identities=tuple(map(_view, found[:limit])), next=following)


def _view(document: Document) -> PipelineIdentityView:
    return PipelineIdentityView.model_validate({**document, "pipeline_identity": document["name"]})


def _unknown(project: str, name: str) -> NotFound:
    return NotFound(
        "pipeline_identity_unknown",
        f"There is no pipeline identity {name} in {project}.",
        remedy="List those of the project.",
    )
