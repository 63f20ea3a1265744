"""What operators ask every service about its dead letters: list, show, replay, drop.

- Only administrators of the whole installation may: a letter may be about any project.
- A replay handles the original message under its original id, in a transaction of its own. So it has its effect once,
  whatever happened before, and however often it is replayed. What refuses it again is the answer; the letter waits on.
- A letter is settled once: replayed, or dropped with a reason. It is never erased.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

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
from contracts.vocabulary import Role, utc
from shared.errors import Conflict, Invalid, NotFound
from shared.messaging.dead_letters import COLLECTION
from shared.messaging.dispatcher import Outside
from shared.messaging.handlers import Handlers
from shared.messaging.headers import read_meta
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document

EVERYWHERE = "*"


class Work(Protocol):
    """Any service's own unit of work."""

    unit: UnitOfWork


def hear_about_dead_letters(handlers: Handlers[Any]) -> None:
    """Have a service answer for its dead letters, once."""
    if ListDeadLetters in handlers.heard:
        return
    handlers.query(ListDeadLetters)(list_dead_letters)
    handlers.query(ShowDeadLetter)(show_dead_letter)
    handlers.command(ReplayDeadLetter, prepare=replay)(settle_replayed)
    handlers.command(DropDeadLetter)(drop_dead_letter)


async def list_dead_letters(query: ListDeadLetters, work: Work) -> DeadLetterPage:
    """Newest first."""
    work.unit.caller.require(EVERYWHERE, Role.ADMIN)
    # Releases before this one kept no letters, only that there were some.
    where: Document = {"letter": {"$exists": True}} | ({"state": query.state.value} if query.state else {})
    if query.after:
        at, _, letter_id = query.after.partition("|")
        moment = _moment(at)
        where["$or"] = [{"at": {"$lt": moment}}, {"at": moment, "_id": {"$gt": letter_id}}]
    found = await work.unit.collection(COLLECTION).find(where, sort=(("at", -1), ("_id", 1)), limit=query.limit + 1)
    letters = tuple(_summary(document, query.service) for document in found[: query.limit])
    return DeadLetterPage(letters=letters, next=place_of(letters[-1]) if len(found) > query.limit else None)


def place_of(letter: LetterSummary) -> str:
    """Where a page continues that ends with this letter."""
    return f"{utc(letter.at)}|{letter.letter_id}"


async def show_dead_letter(query: ShowDeadLetter, work: Work) -> DeadLetterView:
    """One letter with its message."""
    work.unit.caller.require(EVERYWHERE, Role.ADMIN)
    return _view(await _known(work.unit, query.letter_id), query.service)


async def replay(command: ReplayDeadLetter, outside: Outside) -> None:
    """Handle the message, unless the letter is settled. Raises what its handler raises."""
    outside.caller.require(EVERYWHERE, Role.ADMIN)
    document = await _known(outside.database, command.letter_id)
    if document["state"] == LetterState.WAITING and outside.again:
        await outside.again(_letter(document))


async def settle_replayed(command: ReplayDeadLetter, work: Work, _: None) -> DeadLetterView:
    """Its message is handled."""
    return await _settle(command.letter_id, command.service, LetterState.REPLAYED, "", work)


async def drop_dead_letter(command: DropDeadLetter, work: Work) -> DeadLetterView:
    """Its message need not be handled."""
    work.unit.caller.require(EVERYWHERE, Role.ADMIN)
    return await _settle(command.letter_id, command.service, LetterState.DROPPED, command.reason, work)


async def _settle(letter_id: str, service: str, state: LetterState, note: str, work: Work) -> DeadLetterView:
    document = await _known(work.unit, letter_id)
    if document["state"] == state:
        return _view(document, service)
    if document["state"] != LetterState.WAITING:
        raise Conflict("dead_letter_settled", f"It is {document['state']} already.", remedy="Look at who did that.")
    change = {"state": state.value, "note": note, "by": work.unit.caller.actor.subject, "settled_at": work.unit.now}
    await work.unit.collection(COLLECTION).update({"_id": letter_id}, {"$set": change})
    return _view({**document, **change}, service)


async def _known(scope: Scope, letter_id: str) -> Document:
    found = await scope.collection(COLLECTION).get(letter_id)
    if found is None or "letter" not in found:
        raise NotFound("dead_letter_unknown", f"No dead letter {letter_id} is kept here.", remedy="List them.")
    return found


def _letter(document: Document) -> DeadLetter:
    return DeadLetter.model_validate_json(document["letter"])


def _summary(document: Document, service: str) -> LetterSummary:
    letter = _letter(document)
    return LetterSummary(
        service=service,
        letter_id=document["_id"],
        original_subject=letter.original_subject,
        code=letter.code,
        reason=letter.reason,
        deliveries=letter.deliveries,
        at=document["at"],
        state=LetterState(document["state"]),
        settled_by=document.get("by"),
        settled_at=document.get("settled_at"),
        note=document.get("note", ""),
    )


def _view(document: Document, service: str) -> DeadLetterView:
    letter = _letter(document)
    return DeadLetterView(
        letter=_summary(document, service),
        message_id=_message_id(letter, document["at"]),
        headers=letter.headers,
        body=letter.body,
    )


def _message_id(letter: DeadLetter, at: datetime) -> str:
    try:
        return read_meta(letter.headers, fallback_id=letter.original_id, now=at).message_id
    except Invalid:  # A malformed id may be why it is here.
        return letter.original_id


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "page_unknown", f"There is no page after {text[:40]!r}.", remedy="Start without `after`."
        ) from error
