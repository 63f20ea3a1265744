"""Waivers as the gate told of them. The end of one is kept, so that its grant heard late brings nothing back.

`waivers`  {_id: waiver id, project, application, ended, expires_at, waiver}
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.circumstances import WaivedSubject
from contracts.vocabulary import Severity
from services.monitoring.domain.exposure import HeldWaiver
from shared.mongo import Collection, Document, Index

WAIVERS = "waivers"
INDEXES: dict[str, tuple[Index, ...]] = {
    WAIVERS: (Index((("project", 1), ("application", 1), ("expires_at", -1)), where={"ended": False}),)
}
_MOST_IN_FORCE = 1000


class WaiverRepository:
    """The exceptions that gates make."""

    def __init__(self, waivers: Collection) -> None:
        self._waivers = waivers

    async def granted(self, waiver: HeldWaiver) -> None:
        """One is in force, unless it is known to be over."""
        if await self._waivers.get(waiver.waiver_id) is None:
            await self._waivers.add(_to_document(waiver, ended=False))

    async def ended(self, waiver: HeldWaiver) -> None:
        """One is over, for good."""
        await self._waivers.put(_to_document(waiver, ended=True))

    async def in_force(self, project: str, application: str, at: datetime) -> tuple[HeldWaiver, ...]:
        """Those of an application that have not ended, those that last longest first; at most 1,000."""
        return (await self.in_force_of_each([(project, application)], at))[project, application]

    async def in_force_of_each(
        self, names: Iterable[tuple[str, str]], at: datetime
    ) -> dict[tuple[str, str], tuple[HeldWaiver, ...]]:
        """As `in_force`, for several applications; at least one."""
        wanted: dict[tuple[str, str], list[HeldWaiver]] = {name: [] for name in names}
        lasting = {"ended": False, "expires_at": {"$gt": at}}
        where = {"$or": [{"project": project, "application": name, **lasting} for project, name in wanted]}
        for row in await self._waivers.find(where, sort=(("expires_at", -1),), limit=_MOST_IN_FORCE * len(wanted)):
            wanted[row["project"], row["application"]].append(_from_document(row))
        return {name: tuple(waivers[:_MOST_IN_FORCE]) for name, waivers in wanted.items()}


def _to_document(waiver: HeldWaiver, *, ended: bool) -> Document:
    return {
        "_id": waiver.waiver_id,
        "project": waiver.project,
        "application": waiver.application,
        "ended": ended,
        "expires_at": waiver.expires_at,
        "waiver": {
            "policy": waiver.policy,
            "rule": waiver.rule,
            "stage": waiver.stage,
            "subject": waiver.subject.model_dump(mode="json"),
            "max_severity": waiver.max_severity.value if waiver.max_severity else None,
            "reason": waiver.reason,
        },
    }


def _from_document(found: Document) -> HeldWaiver:
    said = found["waiver"]
    return HeldWaiver(
        waiver_id=found["_id"],
        project=found["project"],
        application=found["application"],
        policy=said["policy"],
        rule=said["rule"],
        stage=said["stage"],
        subject=WaivedSubject.model_validate(said["subject"]),
        max_severity=Severity(said["max_severity"]) if said["max_severity"] else None,
        reason=said["reason"],
        expires_at=found["expires_at"],
    )
