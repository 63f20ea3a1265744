"""The read side over all projects: how far what is current can be relied on.

Both questions read an index that holds current releases only, so that past ones cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.monitoring.v1.surveys import ReleaseName, SurveyTrust, TrustCount
from contracts.vocabulary import Criticality, Trust
from services.monitoring.domain.release import Release
from services.monitoring.storage.releases import from_document
from shared.mongo import Collection, Document, containing

MOST_COUNTED = 1_000
_REVOKED_FROM = "1|"
"""Urgencies from here on, below those that are not risky, belong to revoked releases: nothing is due for them."""
_WORST_FIRST = (Trust.REVOKED, Trust.AT_RISK, Trust.NONE, Trust.TRUSTED)


class Surveys:
    """Answers about releases of several projects."""

    def __init__(self, releases: Collection) -> None:
        self._releases = releases

    async def counts(self, query: SurveyTrust, seen: Iterable[str] | None) -> tuple[TrustCount, ...]:
        """Applications by criticality and by the worst of their current releases."""
        where = _asked_for(query, seen)
        match = where if "project" in where else {"project": {"$gt": ""}, **where}
        worst = {"$indexOfArray": [[trust.value for trust in _WORST_FIRST], "$trust"]}
        application = {"project": "$project", "application": "$application", "criticality": "$criticality"}
        found = await self._releases.aggregate(
            [
                {"$match": match},
                {"$group": {"_id": application, "worst": {"$min": worst}}},
                {"$group": {"_id": {"of": "$_id.criticality", "worst": "$worst"}, "count": {"$sum": 1}}},
            ]
        )
        counted = (
            TrustCount(
                criticality=Criticality(one["_id"]["of"]),
                trust=_WORST_FIRST[one["_id"]["worst"]],
                applications=one["count"],
            )
            for one in found
        )
        return tuple(sorted(counted, key=lambda one: (one.criticality, one.trust)))

    async def due(self, query: SurveyTrust, seen: Iterable[str] | None) -> tuple[list[Release], int]:
        """Current releases at risk, the nearest deadline first, and how many there are."""
        where = {**_asked_for(query, seen), "urgency": {"$lt": _REVOKED_FROM}}
        found = await self._releases.find(where, sort=(("urgency", 1),), limit=query.most)
        return [from_document(one) for one in found], await self._releases.count(where, most=MOST_COUNTED)

    async def named(self, names: Iterable[ReleaseName]) -> list[Release]:
        """Those of these versions that are releases."""
        keys = sorted({f"{one.project}/{one.application}/{one.version}" for one in names})
        return [from_document(one) for one in await self._releases.find({"_id": {"$in": keys}})]


def _asked_for(query: SurveyTrust, seen: Iterable[str] | None) -> Document:
    where: Document = {"current": True}
    if query.project is not None:
        where["project"] = query.project
    elif seen is not None:
        where["project"] = {"$in": sorted(seen)}
    if query.criticality is not None:
        where["criticality"] = query.criticality.value
    if query.owner is not None:
        where["owners"] = query.owner
    if query.name is not None:
        where |= containing("application", query.name)
    return where
