"""Abuse cases 41, 42 and 54: forged tells and an edited database move nothing, and both are seen.

Promotion service, evidence service and registry are real; the gate follows a script, and signs what it says.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from contracts.evidence.v1.commands import AttestPassage
from contracts.gate.v1.commands import EvaluateGates
from contracts.message import DeadLetter
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.commands import MoveVersion
from contracts.registry.v1.events import MoveRefused, VersionMoved
from contracts.vocabulary import Outcome, PromotionState, ReleaseStatus
from services.evidence.app import SERVICE as EVIDENCE
from services.evidence.settings import EvidenceSettings
from services.promotion.app import SERVICE as PROMOTION
from services.promotion.wire import verdict_given
from services.registry.app import SERVICE as REGISTRY
from shared.clock import utc_now
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.service import Running, running
from tests.integration.promotion_neighbours import Saga, Script, a_finding, gate, verdict_on
from tests.integration.registry_shop import WHEEL, Shop
from tests.support.clearances import a_tell, cleared
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
S = PromotionState
T = TypeVar("T", AttestPassage, MoveVersion)


@dataclass
class Court:
    """All three that act on what the gate says, and a gate that says what the test wants."""

    saga: Saga
    shop: Shop
    evidence: Running[Any]
    key: keys.PrivateKey

    async def completed(self, version: str) -> PromotionView:
        return await self.saga.becomes((await self.saga.request(version)).promotion_id, S.COMPLETED)

    async def waiting(self, version: str) -> PromotionView:
        """A promotion that waits for what is missing."""
        self.saga.script.verdicts = [a_finding(Outcome.PENDING, awaits="tests")]
        asked = await self.saga.request(version)
        return await eventually(
            lambda: self.saga.show(asked.promotion_id), lambda view: view.outcome is Outcome.PENDING
        )

    async def stored(self, promotion_id: str) -> dict[str, Any]:
        found = await self.saga.run.database.collection("promotions").get(promotion_id)
        assert found is not None
        return found

    async def edit(self, promotion_id: str, **changes: Any) -> None:
        """Change a promotion as whoever has the database's password can, so that it is told at once what it says."""
        self.saga.clock.advance(seconds=1)
        stalled = {"state": "applying", "stepped_at": self.saga.clock() - timedelta(minutes=1)}
        document = {**await self.stored(promotion_id), **stalled, **changes}
        await self.saga.run.database.collection("promotions").put(document)

    def allowance(self, promotion_id: str, clearance: Any) -> dict[str, Any]:
        """A verdict as the saga keeps it, that allows what this promotion asks; nobody has signed it."""
        [question] = [one for one in self.saga.script.heard(EvaluateGates) if one.promotion_id == promotion_id]
        said = verdict_given(verdict_on(question, a_finding(Outcome.ALLOW), self.saga.clock()), None).verdict
        return said.model_dump(mode="json") | {"clearance": clearance}

    async def letters(self, count: int) -> list[DeadLetter]:
        found = await eventually(self.saga.dead_letters, lambda letters: len(letters) >= count)
        assert len(found) == count
        return found

    async def refusals(self, count: int) -> list[MoveRefused]:
        found = await eventually(lambda: self.shop.facts(MoveRefused), lambda facts: len(facts) >= count)
        assert len(found) == count
        return found

    async def done(self) -> tuple[int, list[str]]:
        """How many passages were signed, and which versions have moved."""
        moved = [one.version for one in await self.shop.facts(VersionMoved)]
        return await self.evidence.database.collection("passages").count({}), moved


async def _evidence(system: System) -> Running[Any]:
    key = system.directory / "signing.key"
    keys.save_private(keys.generate(), key)
    common = system.settings("evidence").model_dump(exclude_unset=True)
    settings = EvidenceSettings(**common | {"signing_key": key, "log_origin": "test.example/log"})
    return await system.stack.enter_async_context(running(EVIDENCE, settings, system.clock))


@asynccontextmanager
async def a_court(directory: Path) -> AsyncIterator[Court]:
    clock, script = FrozenClock(utc_now()), Script(artifact=WHEEL.digest)
    scripted = gate(script)
    async with a_system(directory, PROMOTION, EVIDENCE, REGISTRY, scripted, clock=clock) as system:
        script.gate_key = key = keys.load_private((directory / "gate.key").read_bytes())
        await system.start(scripted)
        asker = await system.asker()
        shop = Shop(system, await system.start(REGISTRY), asker, clock)
        evidence = await _evidence(system)
        saga = Saga(system, await system.start(PROMOTION), asker, clock, script)
        await shop.furnished()
        await shop.version("1.0")
        await shop.version("2.0")
        yield Court(saga, shop, evidence, key)


async def test_what_the_gate_clears_is_signed_and_moved(tmp_path: Path) -> None:
    async with a_court(tmp_path) as court:
        done = await court.completed("1.0")
        assert (await court.shop.shown("1.0")).stage == "dev"
        [moved] = await court.shop.facts(VersionMoved)
        assert moved.passage_digest == done.passage_digest
        assert not await court.saga.dead_letters()


async def test_a_promotion_edited_to_be_attested_gets_no_signature(tmp_path: Path) -> None:
    """Abuse case 42: whoever can write the saga's state still has not the gate's key."""
    async with a_court(tmp_path) as court:
        other = await court.completed("2.0")
        cleared_elsewhere = (await court.stored(other.promotion_id))["verdict"]["clearance"]
        renamed = {**cleared_elsewhere, "clearance": {**cleared_elsewhere["clearance"], "version": "1.0"}}
        waiting = (await court.waiting("1.0")).promotion_id
        forged = {"there is none": None, "another": cleared_elsewhere, "not what was signed": renamed}
        for number, (why, clearance) in enumerate(forged.items(), start=1):
            await court.edit(waiting, doing="attest", verdict=court.allowance(waiting, clearance))
            letter = (await court.letters(number))[-1]
            assert (letter.code, letter.original_subject) == ("clearance_invalid", AttestPassage.subject)
            assert why in letter.reason
        assert await court.done() == (1, ["2.0"])
        assert (await court.saga.show(waiting)).state is S.APPLYING, "nothing was confirmed to it either"


async def test_a_promotion_edited_to_be_moved_stays_where_it_is(tmp_path: Path) -> None:
    """Abuse case 42."""
    async with a_court(tmp_path) as court:
        other = await court.completed("2.0")
        cleared_elsewhere = (await court.stored(other.promotion_id))["verdict"]["clearance"]
        for number, (why, clearance) in enumerate({"there is none": None, "another": cleared_elsewhere}.items(), 1):
            waiting = (await court.waiting("1.0")).promotion_id
            verdict = court.allowance(waiting, clearance)
            await court.edit(waiting, doing="move", passage_digest=other.passage_digest, verdict=verdict)
            refusal = (await court.refusals(number))[-1]
            assert (refusal.code, refusal.promotion_id) == ("clearance_invalid", waiting)
            assert why in refusal.message
            # It names a passage that was signed for another one: there is nothing that could be withdrawn.
            stuck = await court.saga.becomes(waiting, S.COMPENSATING)
            assert stuck.history[-1].because == refusal.message
            court.saga.clock.advance(days=1, seconds=31)
            failed = await court.saga.becomes(waiting, S.FAILED)
            assert failed.history[-1].because.startswith(refusal.message)
        assert await court.done() == (1, ["2.0"])
        assert (await court.shop.shown("1.0")).stage is None


def forgeries(tell: T, key: keys.PrivateKey) -> dict[str, T]:
    """The tell in the ways in which somebody without the gate's key could publish it."""
    honest = cleared(tell, key)
    qa = {"from_stage": "dev", "to_stage": "qa"}
    return {
        "no clearance": tell,
        "by another service's key": cleared(tell, keys.generate()),
        "of another version": cleared(tell, key, version="2.0", version_digest=sha256_digest(b"2.0")),
        "of another attempt": cleared(tell, key, attempt=2),
        "of another promotion": honest.model_copy(update={"promotion_id": "pr-again"}),
        "of another stage": honest.model_copy(update=qa),
        "without the gate of the stage that is left": cleared(
            tell.model_copy(update=qa), key, passages=[{"stage": "qa", "gate": "entry"}]
        ),
        "with trust that it does not give": cleared(tell, key, may_be_trusted=False),
        "without the waivers that it needed": cleared(tell, key, waivers=("wv-1",)),
    }


async def test_41_a_tell_published_in_the_name_of_the_saga_does_nothing_without_the_gates_word(tmp_path: Path) -> None:
    async with a_court(tmp_path) as court:
        version, now = await court.shop.shown("1.0"), court.saga.clock()
        at = {"project": "shop", "application": "cart", "version": "1.0", "version_digest": version.digest}
        way = {
            **at,
            "from_stage": None,
            "to_stage": "dev",
            "kind": "promote",
            "promotion_id": "pr-forged",
            "attempt": 1,
        }
        soon = {"verdict_expires_at": now + timedelta(minutes=5)}
        move = a_tell(MoveVersion, **way, **soon)
        attest = a_tell(AttestPassage, release=False, **way)
        moves, passages = list(forgeries(move, court.key).values()), list(forgeries(attest, court.key).values())
        late = {"verdict_expires_at": now - timedelta(seconds=1)}
        moves.append(cleared(move, court.key, expires_at=now - timedelta(seconds=1)))
        release = a_tell(AttestPassage, release=True, **way)
        passages.append(cleared(release, court.key, passages=[{"stage": "dev", "gate": "entry"}]))
        for tell in (*moves, *passages):
            await court.saga.says("promotion", tell)
        refusals = await court.refusals(len(moves))
        assert {one.code for one in refusals} == {"clearance_invalid"}
        letters = await court.letters(len(passages))
        assert {(one.code, one.original_subject) for one in letters} == {("clearance_invalid", AttestPassage.subject)}
        # What the gate did clear is moved for no longer than it said.
        await court.saga.says("promotion", cleared(move.model_copy(update=late), court.key))
        assert (await court.refusals(len(moves) + 1))[-1].code == "verdict_expired"
        assert await court.done() == (0, [])

        await court.saga.says("promotion", cleared(attest, court.key))
        await court.saga.says("promotion", cleared(move, court.key))
        await eventually(court.done, lambda done: done == (1, ["1.0"]))


async def test_54_a_release_that_was_not_cleared_at_every_gate_is_none(tmp_path: Path) -> None:
    async with a_court(tmp_path) as court:
        version = await court.shop.shown("1.0")
        for place, to in ((None, "dev"), ("dev", "qa")):
            await court.shop.move(version, place, to)
        whole = [("qa", "exit"), ("prod", "entry"), ("prod", "release")]
        partial = [[gate for gate in whole if gate is not left_out] for left_out in whole]
        opened = {"stage": "prod", "gate": "release", "open": True}
        listed: list[list[dict[str, Any]]] = [
            [{"stage": stage, "gate": gate} for stage, gate in some] for some in (*partial, whole[:2])
        ]
        listed[-1].append(opened)  # The lifecycle declares no release gate open.
        for number, passages in enumerate(listed):
            at = {"project": "shop", "application": "cart", "version": "1.0", "version_digest": version.digest}
            way = {"from_stage": "qa", "to_stage": "prod", "kind": "promote", "promotion_id": f"pr-{number}"}
            soon = court.saga.clock() + timedelta(minutes=5)
            tell = a_tell(MoveVersion, **at, **way, attempt=1, verdict_expires_at=soon)
            await court.saga.says("promotion", court.shop.cleared(tell, passages=passages))
        refusals = await court.refusals(len(listed))
        assert {one.code for one in refusals} == {"clearance_invalid"}
        shown = await court.shop.shown("1.0")
        assert (shown.stage, shown.release_status) == ("qa", ReleaseStatus.PRE_RELEASE)

        await court.shop.move(version, "qa", "prod")
        assert (await court.shop.shown("1.0")).release_status is ReleaseStatus.TRUSTED_RELEASE
