"""Sums that questions keep, on a real MongoDB: never older than the facts, whatever happens in between."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from deploy.local.options import NatsRights
from deploy.local.servers import running_servers
from services.monitoring.domain.buckets import Entry, Period, Span, a_zone, changes, spans
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.sums import joined
from services.monitoring.domain.tiles import by_part, tiles
from services.monitoring.storage import aggregates, kept_sums
from services.monitoring.storage.aggregates import METRIC_DAYS, BucketRepository, Kind
from services.monitoring.storage.kept_sums import METRIC_SPANS, SumReader
from shared.mongo import Collection, Database, Document, Session, connect, in_transaction
from shared.mongo.collection import Sort
from tests.support.monitoring_scenes import NOW
from tests.unit.monitoring.test_buckets import quarters

pytestmark = pytest.mark.servers
WINDOW = Window(NOW - timedelta(days=40), NOW)
ONE = Entry(NOW - timedelta(days=9), {"n": 1}, ticks=True)
"""Of a day that is over."""


@asynccontextmanager
async def a_database(tmp_path: Path) -> AsyncIterator[Database]:
    async with (
        running_servers(tmp_path / "data", {"monitoring": NatsRights()}, ["monitoring"]) as servers,
        connect(servers.mongo_urls["monitoring"], "hallmark_monitoring", application="test") as database,
    ):
        await database.create_indexes({**aggregates.INDEXES, **kept_sums.INDEXES})
        yield database


async def add(database: Database, application: str, before: list[Entry], after: list[Entry]) -> None:
    """As a handler does: in one transaction."""
    difference = changes(before, after)

    async def work(session: Session) -> None:
        buckets = BucketRepository(session.collection(METRIC_DAYS))
        await buckets.add(Kind.FLOW, "shop", application, difference)

    await in_transaction(database, work)


@dataclass
class Asking:
    """Questions about one scope, and what their answers must be."""

    database: Database
    facts: list[tuple[str, Entry]]

    @property
    def reader(self) -> SumReader:
        return SumReader(
            BucketRepository(self.database.collection(METRIC_DAYS)), self.database.collection(METRIC_SPANS)
        )

    async def must_be_right(self, scope: str, by: Period | None, zone: str) -> None:
        known = [one for application, one in self.facts if scope in ("*", "shop", f"shop/{application}")]
        parts = spans(WINDOW, by, a_zone(zone)) if by else (Span(WINDOW.since, WINDOW.until),)
        laid = tiles(parts, a_zone(zone), series=by is not None)
        whole, sums = await self.reader.sums(Kind.FLOW, scope, laid, NOW, each=by is not None)
        assert [*sums] == ([*laid] if by else []), "the tiles in order"
        for part, own in zip(parts, by_part(sums, parts) if by else [whole], strict=True):
            counted = sum((Counter(one.counts) for one in known if part.since <= one.at < part.until), Counter[str]())
            assert {name: count for name, count in own.counts.items() if count} == counted
        happened = [one.at for one in known if parts[0].since <= one.at < parts[-1].until]
        assert whole.ticks == quarters(happened)
        if by:
            assert whole == joined(sums.values())


async def test_kept_sums_are_those_of_the_facts_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_sums, "SMALL", 1)
    chance = Random(26)  # noqa: S311 - no secret
    questions = [
        (scope, by, zone)
        for scope in ("shop/one", "shop", "*")
        for by, zone in ((None, "UTC"), (Period.WEEK, "UTC"), (Period.DAY, "Asia/Kathmandu"), (Period.MONTH, "UTC"))
    ]
    async with a_database(tmp_path) as database:
        asking = Asking(database, [])
        for _ in range(12):
            for _ in range(6):
                application = chance.choice(["one", "two", "three"])
                at = WINDOW.since + timedelta(seconds=chance.randrange(int(timedelta(days=40).total_seconds())))
                entry = Entry(at, {f"n.{chance.randrange(4)}": 1, "all": chance.randrange(1, 4)}, ticks=True)
                # Now and then one is corrected: what it counted is taken back.
                gone = [one for one in asking.facts if one[0] == application][:1] if chance.random() < 0.3 else []
                await add(database, application, [one for _, one in gone], [entry])
                asking.facts = [*(one for one in asking.facts if one not in gone), (application, entry)]
            for question in chance.sample(questions, 5):
                await asking.must_be_right(*question)
        assert await database.collection(METRIC_SPANS).count({}) > 30
        for question in questions:
            await asking.must_be_right(*question)
            await asking.must_be_right(*question)


async def test_what_is_kept_is_what_is_told_and_no_bucket_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_database(tmp_path) as database:
        await add(database, "one", [], [ONE])
        asking, kept = Asking(database, [("one", ONE)]), database.collection(METRIC_SPANS)
        for small, large in ((100, 50_000), (1, 1)):
            monkeypatch.setattr(kept_sums, "SMALL", small)
            monkeypatch.setattr(kept_sums, "LARGE", large)
            await asking.must_be_right("*", Period.WEEK, "UTC")
            assert await kept.count({}) == 0, "neither what is soon added up again nor what is too much"
        monkeypatch.setattr(kept_sums, "LARGE", 50_000)
        await asking.must_be_right("*", Period.WEEK, "UTC")
        # Seen, and not only right: a kept sum that says something else is believed.
        assert await kept.update({}, {"$set": {"counts.n": 5}}) == 2, "of its week, and of all that is over"
        asking.facts = [("one", replace(ONE, counts={"n": 5}))]
        await asking.must_be_right("*", Period.WEEK, "UTC")
        # A fact that comes late makes it be summed anew.
        await add(database, "two", [], [ONE])
        asking.facts = [("one", ONE), ("two", ONE)]
        await asking.must_be_right("*", Period.WEEK, "UTC")


@dataclass(frozen=True)
class Interrupted(Collection):
    """Something happens once buckets were read, after their revisions were."""

    between: Callable[[], Awaitable[None]]

    async def every(self, where: Document, *, only: Document | None = None, hint: Sort | None = None) -> list[Document]:
        found = await super().every(where, only=only, hint=hint)
        if only == {"whole": 1}:
            await self.between()
        return found


async def test_a_fact_that_comes_while_sums_are_put_together_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_sums, "SMALL", 1)
    async with a_database(tmp_path) as database:
        await add(database, "one", [], [ONE])
        days = database.collection(METRIC_DAYS)
        interrupted = Interrupted(days.handle, days.session, lambda: add(database, "one", [ONE], []))
        reader = SumReader(BucketRepository(interrupted), database.collection(METRIC_SPANS))
        laid = tiles(spans(WINDOW, Period.WEEK, a_zone("UTC")), a_zone("UTC"), series=True)
        await reader.sums(Kind.FLOW, "shop", laid, NOW, each=True)
        for _ in range(2):
            await Asking(database, []).must_be_right("shop", Period.WEEK, "UTC")


async def test_answers_are_right_while_facts_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_sums, "SMALL", 1)
    chance = Random(27)  # noqa: S311 - no secret
    entries = [Entry(NOW - timedelta(hours=chance.randrange(24, 900)), {"n": 1}, ticks=True) for _ in range(120)]
    async with a_database(tmp_path) as database:
        asking = Asking(database, [])
        laid = tiles(spans(WINDOW, Period.WEEK, a_zone("UTC")), a_zone("UTC"), series=True)
        seen = []

        async def tell() -> None:
            for place, entry in enumerate(entries):
                await add(database, f"a{place % 3}", [], [entry])

        telling = asyncio.create_task(tell())
        while not telling.done():
            found = await asyncio.gather(
                *(asking.reader.sums(Kind.FLOW, "*", laid, NOW, each=each) for each in (True, False, True))
            )
            seen.append(max(whole.counts.get("n", 0) for whole, _ in found))
        await telling
        assert seen == sorted(seen), "nothing that was told once is forgotten"
        asking.facts = [(f"a{place % 3}", entry) for place, entry in enumerate(entries)]
        for _ in range(2):
            await asking.must_be_right("*", Period.WEEK, "UTC")


async def test_no_more_is_kept_than_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_sums, "SMALL", 1)
    monkeypatch.setattr(kept_sums, "MOST", 3)
    async with a_database(tmp_path) as database:
        facts = [("one", Entry(NOW - timedelta(days=day), {"n": 1}, ticks=True)) for day in range(2, 9)]
        for application, entry in facts:
            await add(database, application, [], [entry])
        asking = Asking(database, facts)
        for zone in ("UTC", "Asia/Kathmandu", "Asia/Kathmandu"):
            await asking.must_be_right("*", Period.DAY, zone)
        assert await database.collection(METRIC_SPANS).count({}) == 8, "what one question finds is kept together"
        await asking.must_be_right("*", Period.DAY, "UTC")
