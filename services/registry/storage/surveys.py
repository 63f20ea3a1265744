"""The read side over all projects: a page of applications, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.registry.v1.surveys import (
    ApplicationSurvey,
    StageStanding,
    SurveyApplications,
    SurveyedApplication,
)
from contracts.vocabulary import Criticality
from services.registry.storage.catalogue import as_lifecycle
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, containing

_STAGES = 50
"""Stages that a lifecycle has at most."""


class Surveys:
    """Answers about applications of several projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._applications = unit.collection("applications")
        self._lifecycles = unit.collection("lifecycles")
        self._standings = unit.collection("standings")

    async def applications(self, query: SurveyApplications, seen: Iterable[str] | None) -> ApplicationSurvey:
        """One page by project and name, and the counts of all; only of the projects `seen`, None for all."""
        where = _asked_for(query, seen)
        page = {**where, "_id": {"$gt": query.after}} if query.after else where
        found = await self._applications.find(page, limit=query.limit + 1)
        shown = found[: query.limit]
        return ApplicationSurvey(
            applications=await self._lines(shown),
            counts=await self._counts(where),
            next=shown[-1]["_id"] if len(found) > query.limit else None,
        )

    async def _counts(self, where: Document) -> dict[Criticality, int]:
        # With a bound on `project`, the index over project and criticality holds everything that is counted.
        match = where if "project" in where else {"project": {"$gt": ""}, **where}
        found = await self._applications.aggregate(
            [{"$match": match}, {"$group": {"_id": "$criticality", "count": {"$sum": 1}}}]
        )
        return {Criticality(one["_id"]): one["count"] for one in found}

    async def _lines(self, documents: list[Document]) -> tuple[SurveyedApplication, ...]:
        lifecycles = {f"{one['project']}/{one['lifecycle']}" for one in documents}
        kept = await self._lifecycles.find({"_id": {"$in": sorted(lifecycles)}}, limit=len(documents) or 1)
        stages = {one["_id"]: as_lifecycle(one) for one in kept}
        keys = [one["_id"] for one in documents]
        standing = await self._standings.find(
            {"application": {"$in": keys}},
            limit=_STAGES * len(keys) or 1,
            only={"_id": 1, "version": 1},
        )
        current = {one["_id"]: one["version"] for one in standing}
        return tuple(
            SurveyedApplication(
                project=one["project"],
                application=one["name"],
                title=one["title"],
                criticality=one["criticality"],
                maturity=one["maturity"],
                owners=tuple(one["owners"]),
                stages=tuple(
                    StageStanding(
                        stage=name,
                        version=current.get(f"{one['_id']}/{name}"),
                        release=name in lifecycle.release_stages,
                    )
                    for lifecycle in (stages[f"{one['project']}/{one['lifecycle']}"],)
                    for name in lifecycle.names
                ),
            )
            for one in documents
        )


def _asked_for(query: SurveyApplications, seen: Iterable[str] | None) -> Document:
    where: Document = {}
    if query.project is not None:
        where["project"] = query.project
    elif seen is not None:
        where["project"] = {"$in": sorted(seen)}
    if query.criticality is not None:
        where["criticality"] = query.criticality.value
    if query.owner is not None:
        where["owners"] = query.owner
    if query.name is not None:
        where |= containing("name", query.name)
    return where
