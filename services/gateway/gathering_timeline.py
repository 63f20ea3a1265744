"""Gathers the timeline of a version from the answers of the services, in the name of whoever asks for it.

At most `MOST` of each kind are read, the newest first: what is older is cut off for all kinds alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from contracts.evidence.v1.queries import ListEvidence
from contracts.evidence.v1.views import EvidencePage, EvidenceView
from contracts.gate.v1.queries import ListVerdicts
from contracts.gate.v1.views import VerdictPage, VerdictView
from contracts.gate.v1.waivers import ListWaivers, ShowWaiver, WaiverPage, WaiverView
from contracts.message import Query
from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.queries import ShowApplication, ShowVersion
from contracts.registry.v1.views import ApplicationView, VersionView
from services.gateway import timeline_entries as entries
from services.gateway import timeline_evidence
from services.gateway.asking import Asking
from services.gateway.http.versions import subjects_of
from services.gateway.timeline import Timeline, TimelineEntry, page
from shared.errors import NotFound

MOST = 1000
"""Records of each kind that are read."""
_AT_ONCE = 50
_SUBJECTS = 1000
"""Subjects that one question about evidence may name."""
V = TypeVar("V")


@dataclass
class Reading:
    """What was read, and since when nothing is missing."""

    asking: Asking
    most: int = MOST
    since: datetime | None = None
    found: list[TimelineEntry] = field(default_factory=list)

    async def newest(self, query: Query, answer: type[Any], field: str, at: Callable[[V], datetime]) -> list[V]:
        """The newest of a paged list; when there are more, nothing before the last of them is complete."""
        read: list[V] = []
        async for one in self.pages(query, answer, field):
            if len(read) == self.most:
                self.since = max(filter(None, (self.since, at(read[-1]))))
                break
            read.append(one)
        return read

    async def pages(self, query: Any, answer: type[Any], field: str) -> AsyncIterator[Any]:
        """Everything in a paged list."""
        while True:
            page = await self.asking.ask_as(query, answer)
            for one in getattr(page, field):
                yield one
            if page.next is None:
                return
            query = query.model_copy(update={"after": page.next})


async def gather_timeline(
    asking: Asking, which: ShowVersion, *, after: str | None, limit: int, most: int = MOST
) -> Timeline:
    """One page of everything that happened to a version. Raises what services refuse."""
    version = await asking.ask_as(which, VersionView)
    reading = Reading(asking, most)
    of = {"project": which.project, "application": which.application, "version": which.version}
    verdicts: list[VerdictView] = await reading.newest(
        ListVerdicts.model_validate({**of, "limit": _AT_ONCE}), VerdictPage, "verdicts", lambda one: one.judged_at
    )
    promotions: list[PromotionView] = await reading.newest(
        ListPromotions.model_validate({**of, "limit": _AT_ONCE}),
        PromotionPage,
        "promotions",
        lambda one: one.requested_at,
    )
    evidence = await _evidence(reading, version)
    waivers = await _waivers(reading, version, verdicts)
    board = ShowApplication(project=which.project, application=which.application)
    found = [
        *entries.of_version(version),
        *entries.of_standing(await asking.ask_as(board, ApplicationView), version.version),
        *entries.of_verdicts(verdicts),
        *entries.of_promotions(promotions),
        *timeline_evidence.of_evidence(evidence, verdicts),
        *entries.of_waivers(waivers),
        *await _trust(asking, which),
    ]
    shown, following = page(found, since=reading.since, after=after, limit=limit)
    return Timeline.model_validate(
        {
            **of,
            "version_digest": version.digest,
            "entries": shown,
            "cut": reading.since is not None,
            "complete_since": reading.since,
            "next": following,
        }
    )


async def _evidence(reading: Reading, version: VersionView) -> Iterable[EvidenceView]:
    found: dict[str, EvidenceView] = {}
    subjects = subjects_of(version)
    for start in range(0, len(subjects), _SUBJECTS):
        query = ListEvidence(project=version.project, subjects=subjects[start : start + _SUBJECTS], limit=_AT_ONCE)
        read: list[EvidenceView] = await reading.newest(
            query, EvidencePage, "evidence", lambda one: one.item.received_at
        )
        found |= {one.item.evidence_id: one for one in read}
    return found.values()


async def _waivers(reading: Reading, version: VersionView, verdicts: Iterable[VerdictView]) -> Iterable[WaiverView]:
    """Those that a verdict on it needed, and those that name it or one of its artifacts."""
    needed = sorted({used.waiver_id for verdict in verdicts for used in verdict.waivers})
    shown = [
        await reading.asking.ask_as(ShowWaiver(project=version.project, waiver_id=one), WaiverView) for one in needed
    ]
    query = ListWaivers(
        project=version.project,
        application=version.application,
        artifacts=subjects_of(version)[:_SUBJECTS],
        limit=_AT_ONCE,
    )
    # Few, and not listed by their age: all of them are read.
    named = [one async for one in reading.pages(query, WaiverPage, "waivers")]
    return {one.waiver_id: one for one in (*shown, *named)}.values()


async def _trust(asking: Asking, which: ShowVersion) -> Iterable[TimelineEntry]:
    query = ShowTrust(project=which.project, application=which.application, version=which.version)
    try:
        return tuple(entries.of_trust(await asking.ask_as(query, ReleaseTrust)))
    except NotFound:  # It never was a release.
        return ()
