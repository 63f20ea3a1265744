"""What was told of promotions and of the moves of versions, as `domain/flow.py` counts it.

`journeys`  {_id: promotion id, project, application, steps, judgements, open, on, since}
`walks`     {_id: "<project>/<application>/<version>", moves}
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contracts.vocabulary import PromotionKind, PromotionState
from services.monitoring.domain.flow import Journey, Judgement, Move, Step, Waiting
from shared.mongo import Collection, Document, Index

JOURNEYS, WALKS = "journeys", "walks"
_OPEN = {"open": True}
INDEXES: dict[str, tuple[Index, ...]] = {
    JOURNEYS: (
        Index((("project", 1), ("application", 1), ("on", 1), ("since", 1)), where=_OPEN),
        Index((("open", 1), ("on", 1), ("since", 1)), where=_OPEN),
    ),
    WALKS: (),
}


class JourneyRepository:
    """Promotions and versions on their way."""

    def __init__(self, journeys: Collection, walks: Collection) -> None:
        self._journeys = journeys
        self._walks = walks

    async def hold(self, promotion: str, project: str, application: str) -> Journey:
        """What was told of a promotion so far; collides with everybody who adds to it."""
        named = {"project": project, "application": application}
        change = {"$set": named, "$inc": {"revision": 1}}
        found = await self._journeys.change({"_id": promotion}, change, upsert=True)
        return _journey(found or {})

    async def keep(self, promotion: str, journey: Journey) -> None:
        """Keep what is known now."""
        waits = journey.waits
        told: Document = {
            "steps": [
                {**_plain(one), "state": one.state.value, "on": one.on.value if one.on else None}
                for one in journey.ordered
            ],
            "judgements": [
                {"id": one.id, "at": one.at, "denied": one.denied, "gates": list(one.gates), "reasons": one.reasons}
                for one in sorted(journey.judgements, key=lambda one: one.id)
            ],
            "open": waits is not None,
            "on": waits[0].value if waits else None,
            "since": waits[1] if waits else None,
        }
        await self._journeys.update({"_id": promotion}, {"$set": told})

    async def waiting(self, where: Document) -> list[tuple[Waiting, int, datetime]]:
        """How many promotions wait for what, and since when the first of them does."""
        pipeline: list[Document] = [
            {"$match": {**where, **_OPEN}},
            {"$group": {"_id": "$on", "count": {"$sum": 1}, "since": {"$min": "$since"}}},
            {"$sort": {"_id": 1}},
        ]
        found = await self._journeys.aggregate(pipeline)
        return [(Waiting(one["_id"]), one["count"], one["since"]) for one in found]

    async def moves(self, project: str, application: str, version: str) -> tuple[Move, ...]:
        """The moves of a version so far; collides with everybody who adds to them."""
        key = {"_id": f"{project}/{application}/{version}"}
        found = await self._walks.change(key, {"$inc": {"revision": 1}}, upsert=True)
        return tuple(_move(one) for one in (found or {}).get("moves", ()))

    async def moved(self, project: str, application: str, version: str, moves: Iterable[Move]) -> None:
        """Keep the moves of a version."""
        key = {"_id": f"{project}/{application}/{version}"}
        kept = [{**_plain(one), "kind": one.kind.value} for one in sorted(moves)]
        await self._walks.update(key, {"$set": {"moves": kept}})


def _plain(value: Step | Move) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _journey(found: Document) -> Journey:
    steps = (
        Step(one["at"], one["place"], PromotionState(one["state"]), Waiting(one["on"]) if one["on"] else None)
        for one in found.get("steps", ())
    )
    judgements = (
        Judgement(
            one["id"],
            one["at"],
            denied=one["denied"],
            gates=tuple((name, lets) for name, lets in one["gates"]),
            reasons=tuple(one["reasons"]),
        )
        for one in found.get("judgements", ())
    )
    return Journey(frozenset(steps), frozenset(judgements))


def _move(found: Document) -> Move:
    return Move(found["at"], found["id"], PromotionKind(found["kind"]), found["from_stage"], found["to_stage"])
