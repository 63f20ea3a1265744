"""How advisories come in: imports with an identity, quarantine, and fetched sources, on a real NATS and MongoDB."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.importing import ImportState
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories
from contracts.monitoring.v1.feeds import (
    AdvisoriesQuarantined,
    AdvisoryImport,
    AdvisoryImportBegun,
    AdvisoryImportFinished,
    AdvisoryImportPage,
    BeginAdvisoryImport,
    FinishAdvisoryImport,
    ListAdvisoryImports,
    ListQuarantinedAdvisories,
    QuarantineAdvisories,
    QuarantinePage,
    SourceStanding,
    UnreadableRecord,
)
from contracts.vocabulary import Role, Trust
from services.monitoring.app import SERVICE
from services.monitoring.feeds.duty import Collector
from services.monitoring.feeds.source import FeedSource
from shared.errors import Conflict, Forbidden, NotFound
from shared.mongo.lease import LeaseLostError
from shared.service import running
from tests.integration.feed_scenes import collector, dies_after, settings_of
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, digest, trusted
from tests.support.publisher import CUT, Publisher, a_publisher, zipped

pytestmark = pytest.mark.servers
BROKEN = {"id": "A-BAD", "modified": "yesterday"}


class Imports:
    """What is asked about imports."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def begin(self, source: str) -> str:
        command = BeginAdvisoryImport(command_id=uuid4().hex, source=source)
        return (await self.scene.asker.ask(command, AdvisoryImportBegun)).import_id

    async def batch(self, import_id: str, *records: dict[str, Any], key: str = "") -> AdvisoriesImported:
        command = ImportAdvisories(command_id=key or uuid4().hex, advisories=records, import_id=import_id)
        return await self.scene.asker.ask(command, AdvisoriesImported)

    async def finish(self, import_id: str, records: int, because: str = "") -> AdvisoryImport:
        command = FinishAdvisoryImport(command_id=uuid4().hex, import_id=import_id, records=records, because=because)
        return (await self.scene.asker.ask(command, AdvisoryImportFinished)).imported

    async def page(self, **more: Any) -> AdvisoryImportPage:
        return await self.scene.asker.ask(ListAdvisoryImports(**more), AdvisoryImportPage)

    async def quarantined(self, **more: Any) -> list[str]:
        page = await self.scene.asker.ask(ListQuarantinedAdvisories(**more), QuarantinePage)
        return [one.id or one.where for one in page.records]

    async def source(self, name: str) -> SourceStanding:
        return next(one for one in (await self.page()).standing.sources if one.source == name)


async def test_an_import_says_whether_it_was_complete_and_what_could_not_be_read(tmp_path: Path) -> None:
    clock = FrozenClock(NOW)
    async with a_scene(tmp_path, clock) as scene:
        imports = Imports(scene)
        image = digest("shop", "1.0", "image")
        scene.boms["bom"] = ["pkg:pypi/lib@1.5"]
        await scene.deliver(bom("bom", image))
        await scene.deliver(trusted())
        assert (await scene.trust()).imports is not None
        assert not (await scene.risk(all=True)).imports.source_count

        # Batches come at the same time, one of them twice; one record is malformed and one no JSON.
        first = await imports.begin("osv")
        withdrawn = advisory("A-2", "other", withdrawn="2026-05-02T00:00:00Z")
        batches = [(advisory("A-1", "lib"), BROKEN), (withdrawn,), (advisory("A-3", "third"),)]
        answers = await asyncio.gather(*(imports.batch(first, *one, key=f"b{n}") for n, one in enumerate(batches)))
        assert [(one.added, one.withdrawn, len(one.refused)) for one in answers] == [(1, 0, 1), (1, 1, 0), (1, 0, 0)]
        assert (await imports.batch(first, *batches[0], key="b0")).added == 1
        lost = UnreadableRecord(place="all.zip!x.json", problem="no JSON")
        command = QuarantineAdvisories(command_id="q", import_id=first, records=(lost,))
        assert (await scene.asker.ask(command, AdvisoriesQuarantined)).quarantined == 1
        (running_one,) = (await imports.page()).imports
        assert (running_one.state, running_one.counts.added) == (ImportState.RUNNING, 3)
        ended = await imports.finish(first, 5)
        assert (ended.state, ended.because) == (ImportState.PARTIAL, "2 of 5 records could not be read.")
        assert ended.counts.model_dump() == {"added": 3, "updated": 0, "unchanged": 0, "withdrawn": 1, "malformed": 2}
        assert await imports.finish(first, 99) == ended
        assert sorted(await imports.quarantined()) == ["A-BAD", "all.zip!x.json"]

        # What is partial proves a match, and says that it proves no absence.
        trust = await scene.trust()
        assert (trust.trust, trust.imports and trust.imports.partial) == (Trust.AT_RISK, True)
        assert (await scene.risk()).imports.complete_as_of is None

        # Nothing more comes into an import that is over, or into one that there is not.
        with pytest.raises(Conflict, match="is over"):
            await imports.batch(first, advisory("A-4", "x"))
        with pytest.raises(NotFound):
            await imports.batch("imp-" + "0" * 24, advisory("A-4", "x"))
        token = scene.system.token("eve", Role.CONTRIBUTOR)
        with pytest.raises(Forbidden):
            await scene.asker.ask(BeginAdvisoryImport(command_id="c", source="osv"), AdvisoryImportBegun, token=token)

        # A sound form of one lets it go; a complete import of the source lets all of them go.
        clock.advance(hours=1)
        second = await imports.begin("osv")
        await imports.batch(second, advisory("A-BAD", "fine"))
        assert await imports.quarantined(source="osv") == ["all.zip!x.json"]
        assert (await imports.finish(second, 1)).state is ImportState.COMPLETE
        assert await imports.quarantined() == []
        assert (await scene.risk()).imports.model_dump(exclude={"sources"}) == {
            "complete_as_of": clock(),
            "partial": False,
            "source_count": 1,
        }

        # An import that nobody finishes is partial in the end; lists are paged, the newest first.
        clock.advance(hours=1)
        third = await imports.begin("own")
        clock.advance(hours=7)
        page = await imports.page(limit=2)
        assert [(one.import_id, one.state.value) for one in page.imports] == [(third, "partial"), (second, "complete")]
        assert [one.import_id for one in (await imports.page(after=page.next)).imports] == [first]
        assert [one.import_id for one in (await imports.page(source="osv")).imports] == [second, first]
        assert (await imports.source("own")).newest is ImportState.PARTIAL


async def bad_records_come_and_go(
    imports: Imports, publisher: Publisher, new: Collector, clock: FrozenClock, sound: dict[str, Any]
) -> None:
    source = FeedSource("osv", publisher.url)
    # One bad record and one that is no JSON make an edition partial, and are gone with the next.
    publisher.content, publisher.etag = zipped(sound, BROKEN, bad=b"{"), '"three"'
    clock.advance(hours=2)
    await new.turn(source)
    assert sorted(await imports.quarantined()) == ["A-BAD", "bad.json"]
    assert (await imports.source("osv")).newest is ImportState.PARTIAL
    publisher.content, publisher.etag = zipped(sound), '"four"'
    publisher.planned = [(429, "retry-after: 7200")]
    clock.advance(hours=2)
    await new.turn(source)
    clock.advance(hours=1)
    assert await new.turn(source) > 0
    clock.advance(hours=2)
    await new.turn(source)
    assert await imports.quarantined() == []
    assert (await imports.source("osv")).newest is ImportState.COMPLETE


async def test_a_source_is_fetched_politely_and_taken_over_step_by_step(tmp_path: Path) -> None:
    clock = FrozenClock(NOW)
    records = [advisory(f"A-{number:04}", f"lib{number}") for number in range(900)]
    async with a_scene(tmp_path, clock) as scene, a_publisher(tmp_path, zipped(*records[:50])) as publisher:
        imports = Imports(scene)
        folder = tmp_path / "spool"

        # The duty of an instance that has sources fetches them by itself.
        settings = settings_of(scene, publisher, folder, instance="two", advisory_sources=f"osv={publisher.url}")
        async with running(SERVICE, settings, clock):
            first = await eventually(
                imports.page, lambda page: page.standing.sources and page.standing.sources[0].fetched
            )
        assert (first.imports[0].state, first.imports[0].counts.added) == (ImportState.COMPLETE, 50)
        assert first.imports[0].by == "monitoring"

        source = FeedSource("osv", publisher.url)
        old = collector(scene, settings)
        assert await old.lease.hold()
        assert await old.turn(source) > 0

        # Nothing new: nothing is imported, and what is known is as good as new.
        clock.advance(hours=2)
        await old.turn(source)
        stands = await imports.source("osv")
        assert stands.complete_as_of == clock()
        assert (stands.fetched and stands.fetched.outcome) == "unchanged"

        # A new edition breaks off on the way and kills its importer twice; it is sent once and counted once.
        publisher.content, publisher.etag, publisher.planned = zipped(*records), '"two"', [CUT]
        clock.advance(hours=2)
        await old.turn(source)
        broken_off = await imports.source("osv")
        assert (broken_off.fetched and broken_off.fetched.failures) == 1
        asked = len(publisher.asked)
        clock.advance(hours=2)
        await dies_after(scene.run, 3, lambda: old.turn(source))
        new = collector(scene, settings)
        assert await new.lease.hold()
        with pytest.raises(LeaseLostError):
            await old.turn(source)
        await dies_after(scene.run, 1, lambda: new.turn(source))
        await new.turn(source)
        assert len(publisher.asked) == asked + 1
        assert "range" in publisher.asked[-1]
        newest, *_ = (await imports.page()).imports
        assert (newest.state, newest.records) == (ImportState.COMPLETE, 900)
        assert (newest.counts.added, newest.counts.unchanged) == (850, 50)
        assert len((await imports.page()).imports) == 2
        assert not list(folder.iterdir())

        await bad_records_come_and_go(imports, publisher, new, clock, records[0])
