"""Passages that are attested and withdrawn, by the evidence service on a real NATS and a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import AttestPassage, WithdrawPassage
from contracts.evidence.v1.events import PassageAttested, PassageWithdrawn
from contracts.headers import CAUSATION_ID, Meta
from contracts.message import Message
from services.evidence import sequencer
from services.evidence.app import SERVICE
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.storage.blobs import read_blob
from services.evidence.storage.journal import Pending
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.errors import Conflict
from shared.messaging.asking import Asker
from shared.messaging.headers import own_cause
from shared.service import Running
from shared.trust import statement as in_toto
from shared.trust.statement import WITHDRAWAL_TYPE
from tests.integration.test_evidence import start, verified_log
from tests.support.builders import a_message
from tests.support.clearances import cleared
from tests.support.eventually import eventually
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
OTHER = sha256_digest(b"another")


@dataclass
class Saga:
    """Somebody who tells the evidence service about passages, and hears what it says."""

    system: System
    run: Running[Any]
    asker: Asker
    told: int = 0

    async def tell(self, message: Message) -> None:
        self.told += 1
        meta = Meta(message_id=f"m-{self.told}", correlation_id="c", source="/x", time=self.system.clock())
        await self.run.dispatcher.dispatch(SERVICE.handlers.heard[type(message)], message, meta, None)

    def attest(self, attempt: int = 1, promotion: str = "pr-1") -> AttestPassage:
        gate = keys.load_private((self.system.directory / "gate.key").read_bytes())
        verdict = f"vd-{promotion}-{attempt}"
        said = {"project": "shop", "promotion_id": promotion, "attempt": attempt, "verdict_id": verdict}
        return cleared(a_message(AttestPassage, **said), gate)

    async def said(self, event: type[Message]) -> list[Any]:
        rows = await self.run.database.collection("outbox").find({})
        bodies = [row["body"] for row in rows if row["subject"].startswith(f"{event.subject}.")]
        return [event.model_validate_json(bytes(body)) for body in bodies]

    async def heard(self, event: type[Message], count: int) -> list[Any]:
        found = await eventually(lambda: self.said(event), lambda found: len(found) >= count)
        assert len(found) == count
        return found

    async def attested(self, attempt: int = 1, promotion: str = "pr-1") -> PassageAttested:
        await self.tell(self.attest(attempt, promotion))

        async def this_one() -> list[PassageAttested]:
            found = await self.said(PassageAttested)
            return [one for one in found if (one.promotion_id, one.attempt) == (promotion, attempt)]

        [first] = await eventually(this_one)
        return first

    def withdraw(self, passage: PassageAttested, **other: Any) -> WithdrawPassage:
        said = {name: getattr(passage, name) for name in WithdrawPassage.model_fields if hasattr(passage, name)}
        said |= {"version_digest": self.attest().version_digest, "because": "the registry refused the move"}
        return WithdrawPassage.model_validate(said | other)

    async def attestations(self) -> list[tuple[str, int, bool]]:
        query = queries.ListAttestations(project="shop", promotion_id="pr-1")
        found = (await self.asker.ask(query, views.Attestations)).attestations
        return [(one.predicate_type.rsplit("/", 2)[-2], one.attempt, one.withdrawn) for one in found]


@pytest.fixture
async def saga(tmp_path: Path) -> AsyncIterator[Saga]:
    async with a_system(tmp_path, SERVICE) as system:
        yield Saga(system, await start(system), await system.asker())


async def test_a_withdrawn_passage_is_signed_and_logged_as_a_fact_of_its_own(saga: Saga) -> None:
    passage = await saga.attested()
    await saga.tell(saga.withdraw(passage))
    [withdrawn] = await saga.heard(PassageWithdrawn, 1)
    assert (withdrawn.promotion_id, withdrawn.attempt, withdrawn.passage_digest) == ("pr-1", 1, passage.passage_digest)
    assert withdrawn.log_index > passage.log_index
    await verified_log(saga.asker, 3)
    page = await saga.asker.ask(queries.ListLogEntries(about=withdrawn.withdrawal_digest), views.LogPage)
    [entry] = page.entries
    assert entry.index == withdrawn.log_index
    assert '"kind":"withdrawal"' in entry.entry
    assert '"subject":"pr-1|1"' in entry.entry

    signed = dsse.parse(await read_blob(saga.run.database, "shop", withdrawn.withdrawal_digest) or b"")
    own = (await saga.asker.ask(queries.ReadSigningKeys(), views.SigningKeys)).keys
    assert dsse.verify(signed, [keys.load_public(pem) for pem in own])
    said = in_toto.parse(signed.payload)
    assert (said.predicate_type, said.digests) == (WITHDRAWAL_TYPE, (saga.attest().version_digest,))
    assert said.predicate["passage"] == {"digest": {"sha256": passage.passage_digest.removeprefix("sha256:")}}
    assert (said.predicate["promotion"], said.predicate["attempt"]) == ("pr-1", 1)
    assert said.predicate["because"] == "the registry refused the move"


async def test_a_withdrawal_is_made_once_and_told_again_also_to_who_would_attest_again(saga: Saga) -> None:
    passage = await saga.attested()
    await saga.tell(saga.withdraw(passage))
    [first] = await saga.heard(PassageWithdrawn, 1)
    await saga.tell(saga.withdraw(passage, because="said otherwise"))
    await saga.tell(saga.attest())
    again = await saga.heard(PassageWithdrawn, 3)
    assert {(one.withdrawal_digest, one.log_index) for one in again} == {(first.withdrawal_digest, first.log_index)}
    await saga.heard(PassageAttested, 1)
    assert await saga.attestations() == [
        ("verification_summary", 1, True),
        ("svr", 1, True),
        ("passage-withdrawal", 1, False),
    ]
    # The next attempt is another passage.
    await saga.attested(attempt=2)
    assert await saga.attestations() == [
        ("verification_summary", 2, False),
        ("svr", 2, False),
        ("verification_summary", 1, True),
        ("svr", 1, True),
        ("passage-withdrawal", 1, False),
    ]


async def test_only_what_is_on_record_for_this_attempt_can_be_withdrawn(saga: Saga) -> None:
    passage, other = await saga.attested(), await saga.attested(promotion="pr-2")
    for lie in (
        {"attempt": 2},
        {"promotion_id": "pr-3"},
        {"project": "bank"},
        {"passage_digest": OTHER},
        {"passage_digest": other.passage_digest},
        {"version_digest": OTHER},
    ):
        with pytest.raises(Conflict) as refused:
            await saga.tell(saga.withdraw(passage, **lie))
        assert refused.value.code == "passage_unknown"
    await saga.heard(PassageWithdrawn, 0)


async def test_passages_told_at_once_are_one_transaction_and_each_says_its_own_place(saga: Saga) -> None:
    await asyncio.gather(*(saga.tell(saga.attest(promotion=f"pr-{number}")) for number in range(6)))
    passages = await saga.heard(PassageAttested, 6)
    assert len({one.log_index for one in passages}) == 6
    for passage in passages:
        page = await saga.asker.ask(queries.ListLogEntries(about=passage.passage_digest), views.LogPage)
        assert [one.index for one in page.entries] == [passage.log_index]
    rows = await saga.run.database.collection("inbox").find({"_id": {"$regex": "^m-"}})
    assert len(rows) == 6
    assert len({row["at"] for row in rows}) == 1, "all were handled in one transaction"
    told = [row for row in await saga.run.database.collection("outbox").find({}) if "attested" in row["subject"]]
    assert {row["headers"][CAUSATION_ID] for row in told} == {row["_id"] for row in rows}
    await verified_log(saga.asker, 12)


async def test_one_that_no_gate_has_cleared_spoils_only_itself(saga: Saga) -> None:
    sound, forged = saga.attest(promotion="pr-1"), saga.attest(promotion="pr-2")
    forged = forged.model_copy(update={"to_stage": "elsewhere"})
    outcomes = await asyncio.gather(*map(saga.tell, (sound, forged)), return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[1].code == "clearance_invalid"
    [passage] = await saga.heard(PassageAttested, 1)
    assert passage.promotion_id == "pr-1"
    await verified_log(saga.asker, 2)


async def test_an_instance_without_the_lease_wakes_the_one_that_holds_it(
    saga: Saga, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saga.attested(promotion="pr-1")  # The first instance has the lease from here on.
    monkeypatch.setattr(sequencer, "_LOOK_SECONDS", 3600.0)
    saga.run = await start(saga.system, "two")
    await saga.attested(promotion="pr-2")
    await verified_log(saga.asker, 4)


async def test_a_long_queue_is_worked_off_without_a_pause(saga: Saga, monkeypatch: pytest.MonkeyPatch) -> None:
    await saga.attested()
    monkeypatch.setattr(sequencer, "_LOOK_SECONDS", 3600.0)
    many, now = 2 * sequencer.BATCH + 1, saga.system.clock()

    async def queue(work: Any) -> None:
        entries = [LogEntry(EntryKind.POLICY, "shop", None, f"p-{n}", OTHER, recorded_at=now) for n in range(many)]
        await work.journal.queue([Pending.of(entry) for entry in entries])

    await saga.run.dispatcher.perform(queue, meta=own_cause("evidence", "many", now), key="many")

    async def logged() -> int:
        return (await saga.asker.ask(queries.ReadCheckpoint(), views.Checkpoint)).size

    assert await eventually(logged, lambda size: size >= 2 + many) == 2 + many
