"""The newest trusted release of each version: what admitted it, and how that stands.

`admissions`  {_id: "<project>/<application>/<version>", project, application: "<project>/<application>", version,
version_digest, verdict_id, released_at, revision, failing, waived, waivers, fallen, look_at}

- Looked at when something about it was heard, and when time may change it: else it costs nothing.
- An end of the trust is kept, so that word of the release that arrives late brings nothing back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.vocabulary import Outcome
from services.gate.domain.rejudging import Admission, Failing, RuleName
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

ADMISSIONS = "admissions"
INDEXES: dict[str, tuple[Index, ...]] = {
    ADMISSIONS: (
        Index((("look_at", 1),), where={"look_at": {"$exists": True}}),
        Index((("application", 1),), where={"fallen": True}),
        Index((("waivers", 1),), where={"waivers.0": {"$exists": True}}),
    ),
}


class Admissions:
    """What admitted trusted releases."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._now = unit.now
        self._admissions = unit.collection(ADMISSIONS)

    async def get(self, key: str) -> Admission | None:
        """The admission of `project/application/version`; None without one, and after its end."""
        found = await self._admissions.get(key)
        return _from_document(found) if found and found["verdict_id"] else None

    async def admit(self, admission: Admission) -> None:
        """Keep it and have it looked at soon, unless a later release, or a later end of the trust, is known."""
        if not await self._is_late(admission.key, admission.released_at):
            await self._admissions.put(_to_document(admission) | {"look_at": self._now})

    async def end(self, key: str, at: datetime) -> None:
        """The trust that a version had until then is over: it was taken back, or released without trust."""
        if not await self._is_late(key, at):
            await self._admissions.put({"_id": key, "verdict_id": None, "released_at": at})

    async def keep(self, admission: Admission, *, look_at: datetime | None) -> None:
        """Keep how it stands, and when to look at it again though nothing is heard."""
        await self._admissions.put(_to_document(admission) | ({"look_at": look_at} if look_at else {}))

    async def mark(self, versions: Iterable[str]) -> None:
        """Have what admitted these versions looked at soon."""
        await self._look_soon({"_id": {"$in": sorted(set(versions))}, "verdict_id": {"$ne": None}})

    async def mark_carried(self, waiver_id: str) -> None:
        """Have the releases looked at soon that stand by this waiver."""
        await self._look_soon({"waivers": waiver_id, "waivers.0": {"$exists": True}})

    async def mark_fallen(self, project: str, application: str) -> None:
        """Have the releases of an application looked at soon that would not be admitted any more."""
        await self._look_soon({"application": f"{project}/{application}", "fallen": True})

    async def _look_soon(self, where: Document) -> None:
        await self._admissions.update(where, {"$set": {"look_at": self._now}})

    async def _is_late(self, key: str, at: datetime) -> bool:
        known = await self._admissions.get(key)
        return known is not None and bool(known["released_at"] >= at)


async def due(database: Database, now: datetime, limit: int) -> list[str]:
    """Versions whose admission is to be looked at now, those that wait longest leading."""
    where: Document = {"look_at": {"$lte": now, "$exists": True}}
    found = await database.collection(ADMISSIONS).find(where, sort=(("look_at", 1),), limit=limit, only={"look_at": 1})
    return [one["_id"] for one in found]


def _to_document(admission: Admission) -> Document:
    failing, waived = admission.failing, admission.waived or {}
    return {
        "_id": admission.key,
        "project": admission.project,
        "application": f"{admission.project}/{admission.application}",
        "version": admission.version,
        "version_digest": admission.version_digest,
        "verdict_id": admission.verdict_id,
        "released_at": admission.released_at,
        "revision": admission.revision,
        "failing": None
        if failing is None
        else [[*name, one.outcome.value, one.since, list(one.ended_waivers)] for name, one in failing.items()],
        "waived": [[*name, list(ids)] for name, ids in waived.items()],
        "waivers": sorted({one for ids in waived.values() for one in ids}),
        "fallen": bool(failing),
    }


def _from_document(found: Document) -> Admission:
    failing = found["failing"]
    return Admission(
        project=found["project"],
        application=found["application"].partition("/")[2],
        version=found["version"],
        version_digest=found["version_digest"],
        verdict_id=found["verdict_id"],
        released_at=found["released_at"],
        revision=found["revision"],
        failing=None
        if failing is None
        else {
            RuleName(policy, rule, stage): Failing(Outcome(outcome), since, tuple(ended))
            for policy, rule, stage, outcome, since, ended in failing
        },
        waived={RuleName(policy, rule, stage): tuple(ids) for policy, rule, stage, ids in found["waived"]},
    )
