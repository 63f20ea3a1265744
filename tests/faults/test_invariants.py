"""The checks that every other test of faults ends with: they pass on a sound system, and each finds what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.evidence.v1.commands import Receipt
from contracts.message import DeadLetter
from deploy.local.stack import running_stack
from deploy.system import stack_options
from shared.clock import utc_now
from shared.crypto import keys
from shared.gate_keys import GateKeys
from shared.mongo import Document
from tests.support.invariants import broken, require_invariants, trusted_last
from tests.support.recorded import Acknowledged, Recorded, reader_of
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]


async def test_a_few_promotions_and_everything_holds(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = stack_options(data, usual_ports=False)
    token = (data / "secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop, reader_of(stack, data) as reader:
        await shop.set_up()
        done = Acknowledged()
        for version in ("1.0", "1.1", "1.2"):
            await shop.create(version, tested=False)
            done.versions.add(f"shop/web/{version}")
            path, envelope = "/projects/shop/evidence", shop.envelope(version)
            answer = await shop.ask("POST", path, f"evidence-{version}", content=envelope)
            done.receipts.append(Receipt.model_validate_json(answer.content))
            for stage in ("dev", "qa"):
                promotion = await shop.promote(version, stage)
                assert promotion["state"] == "completed"
                done.promotions.add(promotion["promotion_id"])
        recorded = await require_invariants(reader, done)
        assert len(recorded.promotions) == 6
        assert not trusted_last(recorded)
        for number, falsified in falsifications(recorded):
            problems = broken(falsified, done, reader.gate_keys, utc_now())
            assert any(one.startswith(f"{number} ") for one in problems), f"{number}: {problems}"
        problems = broken(recorded, done, GateKeys(keys.generate().public_key()), utc_now())
        assert any(one.startswith("I3 ") for one in problems), "signed by another key"


def falsifications(sound: Recorded) -> Iterator[tuple[str, Recorded]]:
    """What is on record, wrong in one way each, with the number of what it breaks."""
    facts, versions, promotions = sound.facts, sound.versions, sound.promotions
    first, *others = promotions
    key = f"shop/web/{promotions[first]['version']}"
    moves = versions[key]["history"]
    moved = [one for one in facts if one.kind.endswith(".version.moved.v1")]
    verdicts = [one for one in facts if one.kind.endswith(".verdict.issued.v1")]
    log = sound.log

    def with_history(*history: Document, **more: object) -> dict[str, Document]:
        return {**versions, key: {**versions[key], "history": list(history), **more}}

    def with_first(**changed: object) -> dict[str, Document]:
        return {**promotions, first: {**promotions[first], **changed}}

    yield "I1", replace(sound, promotions={one: promotions[one] for one in others})
    yield "I1", replace(sound, versions={one: versions[one] for one in versions if one != key})
    yield "I1", replace(sound, records={})
    # Outboxes are read before the stream: what was said in between is in the stream alone, and would not be missed.
    kept = {row["_id"] for rows in sound.outboxes.values() for row in rows.values()}
    said = next(one for one in reversed(facts) if one.message_id in kept)
    rest = tuple(one for one in facts if one is not said)
    yield "I1", replace(sound, facts=rest)
    yield "I1", replace(sound, facts=(*rest, replace(said, body=said.body + b" ")))
    yield "I1", replace(sound, versions=with_history(*moves[1:]))
    yield "I2", replace(sound, versions=with_history(*moves, moves[0]))
    yield "I2", replace(sound, facts=(*facts, replace(moved[0], message_id="another", body=moved[0].body + b" ")))
    yield "I2", replace(sound, facts=(*facts, replace(facts[0], body=facts[0].body + b" ")))
    yield "I2", replace(sound, log=(*log, next(one for one in log if one["kind"] == "evidence")))
    yield "I3", replace(sound, facts=tuple(one for one in facts if one not in verdicts))
    yield "I3", replace(sound, versions=with_history(*moves, digest="sha256:" + "0" * 64))
    yield "I3", replace(sound, versions=with_history({**moves[0], "promotion_id": "other"}))
    yield "I3", replace(sound, versions=with_history({**moves[0], "attempt": 2}, *moves[1:]))
    yield "I3", replace(sound, versions=with_history({**moves[0], "to_stage": "qa"}, *moves[1:]))
    yield "I3", replace(sound, versions=with_history({**moves[0], "at": datetime(2020, 1, 1, tzinfo=UTC)}))
    yield "I3", replace(sound, versions=with_history({**moves[0], "at": datetime(2040, 1, 1, tzinfo=UTC)}))
    yield "I3", replace(sound, versions=with_history(*moves, stage="prod"))
    yield "I3", replace(sound, standings={"shop/web/prod": {"version": promotions[first]["version"]}})
    yield "I4", replace(sound, log_problems=("entry 3 was rewritten",))
    yield "I4", replace(sound, queued={"waiting": {"_id": "waiting"}})
    yield "I4", replace(sound, log=tuple(one for one in log if one["kind"] != "passage"))
    yield "I4", replace(sound, log=tuple(reversed(log)))
    yield "I4", replace(sound, log=tuple(one for one in log if one["kind"] != "evidence"))
    yield "I5", replace(sound, promotions=with_first(state="applying", doing="move"))
    yield "I5", replace(sound, promotions=with_first(state="checking", deadline=datetime(2020, 1, 1, tzinfo=UTC)))
    yield "I5", replace(sound, claims={"stage|shop/web/qa": {"promotion_id": first}})
    yield "I5", replace(sound, backlog=("gate-evt: 1 to deliver",))
    yield "I6", replace(sound, buried={"gate": {"HALLMARK_EVT.7": {}}})


def test_a_dead_letter_that_does_not_say_why_is_no_answer() -> None:
    letter = DeadLetter(
        service="gate",
        stream="HALLMARK_EVT",
        original_subject="hallmark.evt.x",
        original_id="HALLMARK_EVT.7",
        deliveries=1,
        code="message_malformed",
        reason="",
        headers={},
        body="",
    )
    assert broken(Recorded(dead=(letter,)), Acknowledged(), GateKeys(), utc_now())
    said = letter.model_copy(update={"reason": "the body: Invalid JSON."})
    assert not broken(Recorded(dead=(said,)), Acknowledged(), GateKeys(), utc_now())
