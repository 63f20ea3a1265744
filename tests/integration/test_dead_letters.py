"""Dead letters on real servers: found, read, replayed once, dropped, and only by administrators of everything."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.any.v1.dead_letters import (
    DeadLetterPage,
    DeadLetterView,
    DropDeadLetter,
    LetterState,
    LetterSummary,
    ListDeadLetters,
    ReplayDeadLetter,
    ShowDeadLetter,
)
from contracts.message import DeadLetter
from contracts.registry.v1.commands import MoveVersion
from contracts.registry.v1.intake import PipelineEvent
from contracts.vocabulary import Role
from deploy.examples import example_of
from services.registry.app import SERVICE as REGISTRY
from shared.clock import utc_now
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Rejection
from shared.messaging.asking import Asker
from shared.messaging.dead_letters import LONGEST_BODY
from shared.messaging.headers import read_meta
from shared.messaging.unburying import unburied
from shared.service import Running
from tests.support.eventually import eventually
from tests.support.ledger import Ledger, ledger_service
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
REFUSED = Conflict("version_elsewhere", "It stands elsewhere.")


@dataclass
class Desk:
    """An operator before a service that has something to bury."""

    system: System
    run: Running[Ledger]
    asker: Asker
    failures: dict[str, list[Exception]]

    async def tell(self, promotion_id: str, message_id: str = "m-1", body: bytes | None = None) -> None:
        jetstream = (await self.system.connect("registry")).jetstream()
        tell = example_of(MoveVersion).model_copy(update={"promotion_id": promotion_id})
        data = tell.model_dump_json().encode() if body is None else body
        await jetstream.publish(MoveVersion.subject, data, headers={"Nats-Msg-Id": message_id})

    async def letters(self, count: int, state: LetterState | None = LetterState.WAITING) -> list[LetterSummary]:
        async def look() -> list[LetterSummary]:
            page = await self.asker.ask(ListDeadLetters(service="registry", state=state), DeadLetterPage)
            return list(page.letters)

        return await eventually(look, lambda found: len(found) == count)

    async def replay(self, letter: LetterSummary, command_id: str = "again") -> DeadLetterView:
        command = ReplayDeadLetter(command_id=command_id, service="registry", letter_id=letter.letter_id)
        return await self.asker.ask(command, DeadLetterView)

    async def counted(self, key: str) -> int:
        found = await self.run.database.collection("counts").get(key)
        return int(found["revision"]) if found else 0


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    failures: dict[str, list[Exception]] = {}
    service = ledger_service(failures=failures)
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        yield Desk(system, run, await system.asker(), failures)


async def test_a_letter_says_what_it_was_and_is_replayed_once(desk: Desk) -> None:
    desk.failures["pr-1"] = [REFUSED, REFUSED]
    await desk.tell("pr-1")
    [letter] = await desk.letters(1)
    assert (letter.code, letter.reason, letter.state) == ("version_elsewhere", "It stands elsewhere.", "waiting")
    shown = await desk.asker.ask(ShowDeadLetter(service="registry", letter_id=letter.letter_id), DeadLetterView)
    assert json.loads(base64.b64decode(shown.body))["promotion_id"] == "pr-1"
    assert shown.message_id == "m-1"

    with pytest.raises(Conflict, match="stands elsewhere"):
        await desk.replay(letter, "too-early")
    assert [one.letter_id for one in await desk.letters(1)] == [letter.letter_id], "it waits on"
    assert await desk.counted("pr-1") == 0

    for command_id in ("again", "again", "once-more"):
        done = await desk.replay(letter, command_id)
        assert (done.letter.state, done.letter.settled_by) == (LetterState.REPLAYED, "ann")
        assert await desk.counted("pr-1") == 1
    await desk.letters(0)
    await desk.tell("pr-1", "m-1")  # Within the stream's window; and its inbox would know it for longer.
    assert await desk.letters(1, state=None)
    assert await desk.counted("pr-1") == 1


async def test_a_letter_whose_message_was_handled_meanwhile_has_no_second_effect(desk: Desk) -> None:
    desk.failures["pr-2"] = [REFUSED]
    await desk.tell("pr-2", "m-2")
    [letter] = await desk.letters(1)
    heard = desk.run.service.handlers.heard[MoveVersion]
    tell = example_of(MoveVersion).model_copy(update={"promotion_id": "pr-2"})
    shown = await desk.asker.ask(ShowDeadLetter(service="registry", letter_id=letter.letter_id), DeadLetterView)
    meta = read_meta(shown.headers, fallback_id="", now=desk.run.clock())
    assert meta.message_id == "m-2"
    await desk.run.dispatcher.dispatch(heard, tell, meta, None)
    assert (await desk.replay(letter)).letter.state == LetterState.REPLAYED
    assert await desk.counted("pr-2") == 1


async def test_what_cannot_be_replayed_says_why_and_is_dropped_with_a_reason(desk: Desk) -> None:
    await desk.tell("pr-3", "m-3", b"not JSON")
    [letter] = await desk.letters(1)
    with pytest.raises(Invalid, match="no MoveVersion"):
        await desk.replay(letter)
    drop = DropDeadLetter(command_id="d", service="registry", letter_id=letter.letter_id, reason="a test sent it")
    for _ in range(2):
        dropped = await desk.asker.ask(drop, DeadLetterView)
        assert (dropped.letter.state, dropped.letter.note) == (LetterState.DROPPED, "a test sent it")
    with pytest.raises(Conflict, match="dropped already"):
        await desk.replay(letter, "after-the-drop")
    with pytest.raises(NotFound):
        await desk.asker.ask(ShowDeadLetter(service="registry", letter_id="HALLMARK_TELL.999"), DeadLetterView)


async def test_only_administrators_of_everything_may(desk: Desk) -> None:
    await desk.tell("pr-4", "m-4", b"[]")
    [letter] = await desk.letters(1)
    asks: list[tuple[ListDeadLetters | ShowDeadLetter | ReplayDeadLetter | DropDeadLetter, type]] = [
        (ListDeadLetters(service="registry"), DeadLetterPage),
        (ShowDeadLetter(service="registry", letter_id=letter.letter_id), DeadLetterView),
        (ReplayDeadLetter(command_id="r", service="registry", letter_id=letter.letter_id), DeadLetterView),
        (DropDeadLetter(command_id="d", service="registry", letter_id=letter.letter_id, reason="no"), DeadLetterView),
    ]
    for token in (
        desk.system.token("eve", Role.ADMIN, project="shop"),
        desk.system.token("eve", Role.RELEASE_MANAGER, Role.SECURITY),
    ):
        for ask, answer in asks:
            with pytest.raises(Forbidden):
                await desk.asker.ask(ask, answer, token=token)
    await desk.letters(1)


async def test_pages_go_through_all_of_them_newest_first(desk: Desk) -> None:
    for number in range(7):
        await desk.tell("pr", f"p-{number}", b"{}")
    await desk.letters(7)
    seen: list[LetterSummary] = []
    after: str | None = None
    while True:
        page = await desk.asker.ask(ListDeadLetters(service="registry", limit=3, after=after), DeadLetterPage)
        seen, after = [*seen, *page.letters], page.next
        if after is None:
            break
    assert len({one.letter_id for one in seen}) == len(seen) == 7
    assert [one.at for one in seen] == sorted((one.at for one in seen), reverse=True)
    with pytest.raises(Rejection, match="no page after"):
        await desk.asker.ask(ListDeadLetters(service="registry", after="nonsense"), DeadLetterPage)


@pytest.mark.parametrize(
    ("subject", "body", "code"),
    [
        (PipelineEvent.subject, b"{}", "dead_letter_without_token"),
        (MoveVersion.subject, b"x" * LONGEST_BODY, "dead_letter_cut"),
        ("hallmark.tell.registry.version.erase.v1", b"{}", "dead_letter_unheard"),
    ],
)
def test_some_letters_cannot_be_replayed_from_what_was_kept(subject: str, body: bytes, code: str) -> None:
    letter = DeadLetter(
        service="registry",
        stream="HALLMARK_TELL",
        original_subject=subject,
        original_id="HALLMARK_TELL.1",
        deliveries=1,
        code="x",
        reason="x",
        headers={},
        body=base64.b64encode(body).decode(),
    )
    with pytest.raises(Conflict) as refused:
        unburied(letter, REGISTRY.handlers, utc_now())
    assert refused.value.code == code
