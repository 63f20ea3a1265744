"""`kill -9` of the evidence service before and after everything an append does outside of its own memory.

One life per step: the service dies there, another one takes its place, and whoever asked asks again under the same
command id. Nothing acknowledged may be gone, nothing may be there twice, and the log must be what it was said to be.
"""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.answers import Applied
from contracts.evidence.v1.commands import ApplyTrustRoot, BatchReceipt, Receipt, SubmitEvidence, SubmitEvidenceBatch
from services.evidence.app import SERVICE
from services.evidence.settings import EvidenceSettings
from services.evidence.storage.blobs import SMALL_BYTES, receive_blob
from shared.crypto import keys
from shared.errors import Transient
from shared.messaging.asking import Asker
from shared.mongo import Database
from shared.service import running
from tests.integration.test_evidence import ORIGIN, envelope, trust
from tests.integration.test_evidence_intake import large_envelope
from tests.support.eventually import eventually
from tests.support.lives import Lives, end_abandoned_transactions, lives_of
from tests.support.log_checks import LogWatch
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
LARGE = "https://example.com/large"
FEWEST_STEPS = 40
"""Two transactions have at least so many: fewer would mean that they are not counted."""
IN_THE_MIDDLE = 24


def settings(system: System) -> EvidenceSettings:
    path = system.directory / "signing.key"
    if not path.exists():
        keys.save_private(keys.generate(), path)
    common = system.settings("evidence").model_dump(exclude_unset=True)
    own = {"signing_key": path, "log_origin": ORIGIN, "checkpoint_dir": system.directory / "checkpoints"}
    return EvidenceSettings(**common | own)


@dataclass
class Work:
    """What is asked of each life, and again of its successor."""

    asker: Asker
    key: keys.PrivateKey
    number: int
    digest: str = ""
    documents: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.documents = tuple(envelope(self.key, f"{self.number}-{place}") for place in range(2))

    async def upload(self, database: Database, system: System) -> None:
        data = large_envelope(self.key, SMALL_BYTES + self.number)

        async def content() -> AsyncIterator[bytes]:
            yield data

        self.digest = (await receive_blob(database, "shop", content(), system.clock()))["content_digest"]

    async def ask(self) -> list[Receipt]:
        pem = keys.public_pem(self.key.public_key())
        root = ApplyTrustRoot(
            command_id=f"root-{self.number}",
            project="bank",
            trust_root=f"r{self.number}",
            keys=(pem,),
            predicate_types=(LARGE,),
            role="test",
        )
        batch = SubmitEvidenceBatch(command_id=f"b{self.number}", project="shop", envelopes=self.documents)
        large = SubmitEvidence(command_id=f"l{self.number}", project="shop", content_digest=self.digest)
        several, one, _ = await asyncio.gather(
            self.asker.ask(batch, BatchReceipt, deadline=30),
            self.asker.ask(large, Receipt, deadline=30),
            self.asker.ask(root, Applied, deadline=30),
        )
        receipts = [outcome.receipt for outcome in several.outcomes if outcome.receipt]
        assert len(receipts) == len(self.documents)
        return [*receipts, one]


async def live(work: Work, lives: Lives, watch: LogWatch, step: int) -> bool:
    """One life, to its end at that step; whether it outlived its work."""
    pid = await lives.begin(step)
    ending = asyncio.create_task(lives.end())
    working = asyncio.create_task(work.ask())

    over = asyncio.Event()

    async def look() -> None:
        while not over.is_set():
            with suppress(Transient):
                await watch.look(deadline=1)
            await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    await asyncio.wait({ending, working}, return_when=asyncio.FIRST_COMPLETED)
    done = [watch.check(receipt) for receipt in working.result()] if working.done() else []
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(ending), 0.5)  # The relay may not have come to its end yet.
    outlived = not ending.done()
    # Told, not cancelled: Python 3.11's `wait_for`, under every ask, drops a cancellation that arrives with its result.
    over.set()
    working.cancel()
    await asyncio.wait({looking, working})
    if outlived:
        os.kill(pid, signal.SIGKILL)
    await ending
    assert done or not outlived
    return outlived


async def counted_once(system: System, database: Database, watch: LogWatch, receipts: list[Receipt]) -> None:
    """One entry for each piece of evidence, one message in the stream for each that was announced; nothing left."""
    entries = Counter(json.loads(one.entry)["subject"] for one in await watch.entries())
    assert [entries[receipt.evidence_id] for receipt in receipts] == [1] * len(receipts)
    outbox = database.collection("outbox")
    await eventually(lambda: outbox.count({"sent": False}), lambda left: not left)
    assert await messages(system, "HALLMARK_EVT") == await outbox.count({})
    assert await messages(system, "HALLMARK_DEAD") == 0
    assert await database.collection("dead_letters").count({}) == 0
    await eventually(lambda: database.collection("log_queue").count({}), lambda left: not left)


async def messages(system: System, stream: str) -> int:
    connection = await system.connect("provision")
    found: int = (await connection.jetstream().stream_info(stream)).state.messages
    await connection.close()
    return found


async def test_what_dies_in_the_middle_of_a_commit_holds_the_others_up_for_seconds_only(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, lives_of(system, settings(system)) as dying:
        asker = await system.asker()
        watch = LogWatch(asker, ORIGIN)
        work = Work(asker, keys.generate(), IN_THE_MIDDLE)
        async with running(SERVICE, settings(system)) as run:
            await trust(asker, "key", work.key, "*")
            await work.upload(run.database, system)
        assert not await live(work, dying, watch, IN_THE_MIDDLE)
        async with running(SERVICE, settings(system)):
            for receipt in await work.ask():  # With a deadline of half a minute.
                watch.check(receipt)


async def test_at_every_step_nothing_is_lost_doubled_or_rewritten(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, lives_of(system, settings(system)) as dying:
        asker = await system.asker()
        watch = LogWatch(asker, ORIGIN)
        key = keys.generate()
        async with running(SERVICE, settings(system)):
            await trust(asker, "key", key, "*")
        outlived, step, handed_in = False, 0, 0
        while not outlived:
            step += 1
            work = Work(asker, key, step)
            async with running(SERVICE, settings(system)) as run:
                await work.upload(run.database, system)
            outlived = await live(work, dying, watch, step)
            end_abandoned_transactions(system)
            async with running(SERVICE, settings(system)) as run:
                receipts = await work.ask()
                handed_in += len(receipts)
                for receipt in receipts:
                    assert receipt.verified
                    watch.check(receipt)
                assert await watch.problems() == [], f"after death at step {step}"
                assert await run.database.collection("records").count({}) == handed_in
                await counted_once(system, run.database, watch, receipts)
        assert step > FEWEST_STEPS
