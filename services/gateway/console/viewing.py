"""Who looks at a page, and what a form that was sent holds.

- A page without a session sends to the sign-in page, and from there back to where one wanted to go.
- Who is signed in and holds no role anywhere sees whom to ask, and nothing else.
- A form counts when it carries the session's own token and comes from a page of ours; anything else changes nothing.
- `command_id` is made with the page: sending a form twice is one command, with one outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import uuid4

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from contracts.message import Command, Query
from contracts.vocabulary import Role
from services.gateway.asking import Asking
from services.gateway.auth import Here, asking_for
from services.gateway.console import cookies
from services.gateway.parts import Gateway
from services.gateway.people.callers import caller_of
from services.gateway.sessions import COOKIE, Session, session_id_of
from shared.errors import Forbidden, Invalid, Unauthenticated
from shared.identity import Caller

A = TypeVar("A", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more."""


@dataclass(frozen=True)
class Viewer:
    """Somebody signed in, able to ask."""

    asking: Asking
    session: Session
    shown: str
    """The name that is shown: whoever it is may have changed it."""

    @property
    def caller(self) -> Caller:
        """Who it is, and with which roles."""
        return self.asking.caller

    @property
    def subject(self) -> str:
        """As whom this person acts: the name that others read in decisions, which never changes."""
        return self.caller.actor.subject

    def may(self, project: str, *roles: Role) -> bool:
        """Whether one of the roles is held: for what a page offers. The service decides again."""
        try:
            self.caller.require(project, *roles)
        except Forbidden:
            return False
        return True

    async def ask(self, message: Command | Query, answer: type[A]) -> A:
        """What a service answers. Raises its `Rejection`, or `Transient` when none could answer."""
        return await self.asking.ask_as(message, answer)

    async def ask_both(self, one: tuple[Query, type[A]], other: tuple[Query, type[B]]) -> tuple[A, B]:
        """Two questions at the same time."""
        return await asyncio.gather(self.ask(*one), self.ask(*other))


@dataclass(frozen=True)
class Form:
    """A form that this viewer was handed and has sent."""

    viewer: Viewer
    fields: Mapping[str, str]
    files: Mapping[str, UploadFile]
    several: Mapping[str, tuple[str, ...]]
    """All values of each field, for choices of many."""

    @property
    def command_id(self) -> str:
        """The same for the same form, however often it is sent."""
        return self.fields.get("command_id") or uuid4().hex

    def text(self, name: str) -> str:
        """A field without the space around it; empty when it was not sent."""
        return self.fields.get(name, "").strip()

    def needed(self, name: str, title: str) -> str:
        """A field that must be filled in. Raises `Invalid` when it is not."""
        found = self.text(name)
        if not found:
            raise Invalid(
                "field_missing", f"{title} is missing.", remedy="Go back, fill it in and send the form again."
            )
        return found

    async def send(self, kind: type[Command], answer: type[A], /, **fields: Any) -> A:
        """Have a service do it, once. Raises its `Rejection`, or `ValidationError` for what the message refuses."""
        command = kind.model_validate({"command_id": self.command_id, **fields})
        return await self.viewer.ask(command, answer)


class NothingGranted(Forbidden):
    """Somebody is signed in who holds no role anywhere."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(
            "role_missing",
            f"{viewer.subject} holds no role in any project.",
            remedy="Ask an administrator for one, with this name.",
        )
        self.viewer = viewer


async def still_signed_in(request: Request, here: Gateway) -> Viewer:
    """Who is signed in, with roles or without any; looking does not count as use. Raises `SignInNeeded`."""
    secret = cookies.read(request, COOKIE)
    session = await here.sessions.known_as(session_id_of(secret)) if secret else None
    if session is None or session.is_over(here.clock()):
        raise SignInNeeded
    try:
        caller, shown = await caller_of(here, session)
    except Unauthenticated as error:
        raise SignInNeeded from error
    return Viewer(asking_for(here, request, caller), session, shown)


async def guest_of(request: Request, here: Here) -> Viewer:
    """Who is signed in, with roles or without any. Raises `SignInNeeded`."""
    found = await still_signed_in(request, here)
    now = here.clock()
    if found.session.must_note(now):
        await here.sessions.note_use(found.session.session_id, now)
    request.state.viewer = found  # also for the page that says what went wrong
    return found


Guest = Annotated[Viewer, Depends(guest_of)]


async def viewer_of(guest: Guest) -> Viewer:
    """Who looks. Raises `SignInNeeded`, or `NothingGranted`."""
    if not guest.caller.grants:
        raise NothingGranted(guest)
    return guest


Viewed = Annotated[Viewer, Depends(viewer_of)]


async def form_of(request: Request, viewer: Viewed) -> Form:
    """The form that was sent. Raises `Forbidden` for one that was not handed out to this session."""
    return await _form(request, viewer)


async def guest_form_of(request: Request, guest: Guest) -> Form:
    """As `form_of`, also from people without any role."""
    return await _form(request, guest)


async def _form(request: Request, viewer: Viewer) -> Form:
    refuse_foreign(request)
    sent = await request.form(max_files=4, max_fields=500)
    texts = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    files = {name: value for name, value in sent.multi_items() if isinstance(value, UploadFile)}
    fields = dict(texts)
    viewer.session.refuse_forged(fields.get("csrf", ""))
    several: dict[str, tuple[str, ...]] = {}
    for name, value in texts:
        several[name] = (*several.get(name, ()), value)
    return Form(viewer, fields, files, several)


def refuse_foreign(request: Request) -> None:
    """Raises `Forbidden` for what a foreign page sends, by `Sec-Fetch-Site`, or `Origin` where that is absent."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = cookies.own_origin(request)
    foreign = site not in ("same-origin", "none") if site else origin is not None and origin != own
    if foreign:
        raise Forbidden(
            "form_foreign",
            "The form was sent by a page that is not of this console.",
            remedy="Open the console itself and do it there.",
        )


Sent = Annotated[Form, Depends(form_of)]
SentByGuest = Annotated[Form, Depends(guest_form_of)]
