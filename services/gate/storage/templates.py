"""Rule templates: the newest revision of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from contracts.gate.v1.templates import TemplatePage, TemplateView
from services.gate.storage.policies import AppliedPolicy
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index
from shared.policy.template import RuleTemplate, read_template

INDEXES: dict[str, tuple[Index, ...]] = {"templates": (Index((("project", 1), ("_id", 1))),)}


class Templates:
    """The templates of all projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._templates = unit.collection("templates")

    async def apply(self, template: RuleTemplate, by: str) -> AppliedPolicy:
        """Take a template over."""
        key = f"{template.metadata.project}/{template.metadata.name}"
        before = await self._templates.get(key)
        if before and before["digest"] == template.digest:
            return AppliedPolicy("unchanged", before["revision"])
        revision = before["revision"] if before else 0
        document: Document = {
            "_id": key,
            "project": template.metadata.project,
            "name": template.metadata.name,
            "digest": template.digest,
            "text": json.dumps(template.normal_form(), sort_keys=True),
            "applied_at": self._unit.now,
            "applied_by": by,
        }
        await self._templates.replace(document, revision=revision)
        return AppliedPolicy("updated" if before else "created", revision + 1)

    async def show(self, project: str, name: str) -> TemplateView:
        """One template. Raises `NotFound`."""
        found = await self._templates.get(f"{project}/{name}")
        if found is None:
            raise NotFound("template_unknown", f"There is no template {name} in {project}.", remedy="Apply it first.")
        return _view(found)

    async def page(self, project: str, after: str | None, limit: int) -> TemplatePage:
        """The templates, by name."""
        where = {"project": project, "_id": {"$gt": f"{project}/{after or ''}"}}
        found = await self._templates.find(where, limit=limit + 1)
        following = found[limit - 1]["name"] if len(found) > limit else None
        return TemplatePage(templates=tuple(_view(one) for one in found[:limit]), next=following)


async def templates_of(database: Database, project: str, names: Iterable[str]) -> Mapping[str, RuleTemplate]:
    """The templates with these names; those that do not exist are left out."""
    keys = [f"{project}/{name}" for name in sorted(set(names))]
    found = database.collection("templates").stream({"_id": {"$in": keys}})
    return {one["name"]: read_template(json.loads(one["text"])) async for one in found}


def _view(document: Document) -> TemplateView:
    return TemplateView(
        project=document["project"],
        template=document["name"],
        digest=document["digest"],
        revision=document["revision"],
        document=json.loads(document["text"]),
        applied_at=document["applied_at"],
        applied_by=document["applied_by"],
    )
