"""What the gate last said of what admitted each release, also of those that are heard of only later.

`rejudgements`  {_id: "<project>/<application>/<version>", released_at, revision, because, failing, waived}
"""

from __future__ import annotations

from services.monitoring.domain.causes import RuleCause
from services.monitoring.domain.rejudgement import Rejudgement
from shared.mongo import Collection, Index

REJUDGEMENTS = "rejudgements"
INDEXES: dict[str, tuple[Index, ...]] = {REJUDGEMENTS: ()}


class RejudgementRepository:
    """The newest judgement of each version that was ever released."""

    def __init__(self, rejudgements: Collection) -> None:
        self._rejudgements = rejudgements

    async def keep(self, said: Rejudgement) -> bool:
        """Keep it unless a newer one is known; whether it is news."""
        if not said.is_newer_than(await self.of(said.release)):
            return False
        await self._rejudgements.put(
            {
                "_id": said.release,
                "released_at": said.released_at,
                "revision": said.revision,
                "because": said.because,
                "failing": [one.model_dump(mode="json") | {"since": one.since} for one in said.failing],
                "waived": list(said.waived),
            }
        )
        return True

    async def of(self, release: str) -> Rejudgement | None:
        """What was said of `project/application/version`; None when nothing was."""
        found = await self._rejudgements.get(release)
        if found is None:
            return None
        return Rejudgement(
            release=release,
            released_at=found["released_at"],
            revision=found["revision"],
            because=found["because"],
            failing=tuple(RuleCause.model_validate(one) for one in found["failing"]),
            waived=tuple(found["waived"]),
        )
