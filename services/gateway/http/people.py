"""People who sign in with the issuer, and the roles that administrators give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from contracts.message import PageLimit
from contracts.vocabulary import Document, Frozen, ProjectName, Role, Utc
from services.gateway.auth import Here, SignedIn
from services.gateway.parts import Gateway
from services.gateway.people.granting import give, take
from services.gateway.people.person import Grant, Person, granted, may_end_sessions, may_see
from services.gateway.sign_in_settings import MappedGrants
from shared.errors import Forbidden, NotFound
from shared.identity import EVERYWHERE, Caller
from shared.logs import log

router = APIRouter(prefix="/people", tags=["people"])
PersonId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class GiveRoles(Document):
    """What somebody shall hold beside what is held already."""

    grants: Annotated[MappedGrants, Field(min_length=1, max_length=100)]
    """Roles per project; `*` stands for every project."""


class GrantView(Frozen):
    """One role of one person."""

    project: str
    role: Role
    given_by: str
    given_at: Utc


class PersonView(Frozen):
    """One person, with the grants in projects of which the caller is administrator."""

    id: str
    issuer: str
    subject: str
    handle: str
    """As whom the person acts."""
    name: str
    email: str
    first_at: Utc
    last_at: Utc
    grants: tuple[GrantView, ...]


class PeoplePage(Frozen):
    """People by id."""

    people: tuple[PersonView, ...]
    next: str | None = None


class SessionsEnded(Frozen):
    """How many sessions there were."""

    ended: int


@router.get("", operation_id="ListPeople")
async def list_people(
    here: Here,
    asking: SignedIn,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[PageLimit, Query()] = 100,
) -> PeoplePage:
    """Who has signed in? Needs the role admin in any project."""
    return await people_page(here, asking.caller, after=after, limit=limit)


@router.get("/{person_id}", operation_id="ShowPerson")
async def show_person(person_id: PersonId, here: Here, asking: SignedIn) -> PersonView:
    """Who is it, and what may they do? Needs the role admin in any project."""
    return await person_view(here, asking.caller, person_id)


@router.post("/{person_id}/grants", operation_id="GiveRoles")
async def give_roles(person_id: PersonId, body: GiveRoles, here: Here, asking: SignedIn) -> PersonView:
    """Have somebody hold these roles too. Needs the role admin in every project that is named."""
    await give(here, asking, await visible(here, asking.caller, person_id), body.grants)
    return await person_view(here, asking.caller, person_id)


@router.delete("/{person_id}/grants/{project}/{role}", operation_id="TakeRole")
async def take_role(
    person_id: PersonId, project: ProjectName | Literal["*"], role: Role, here: Here, asking: SignedIn
) -> PersonView:
    """Have somebody hold a role no more; it counts from the next request on. Needs the role admin in the project."""
    await take(here, asking, await visible(here, asking.caller, person_id), project, [role])
    return await person_view(here, asking.caller, person_id)


@router.delete("/{person_id}/sessions", operation_id="EndSessions")
async def end_sessions(person_id: PersonId, here: Here, asking: SignedIn) -> SessionsEnded:
    """Sign somebody out everywhere. Needs the role admin in every project in which the person holds a role."""
    return SessionsEnded(ended=await signed_out(here, asking.caller, person_id))


async def people_page(here: Gateway, caller: Caller, *, after: str | None, limit: int) -> PeoplePage:
    """One page of people. Raises `Forbidden`."""
    _require_administrator(caller)
    found = await here.people.known.page(after=after, limit=limit + 1)
    shown = found[:limit]
    grants = await here.people.known.grants_of(*(one.person_id for one in shown))
    more = shown[-1].person_id if len(found) > limit else None
    views = tuple(_view(one, [grant for grant in grants if grant.person_id == one.person_id], caller) for one in shown)
    return PeoplePage(people=views, next=more)


async def person_view(here: Gateway, caller: Caller, person_id: str) -> PersonView:
    """One person. Raises `NotFound` or `Forbidden`."""
    person = await visible(here, caller, person_id)
    return _view(person, await here.people.known.grants_of(person_id), caller)


async def visible(here: Gateway, caller: Caller, person_id: str) -> Person:
    """The person, for an administrator or for themselves. Raises `NotFound` or `Forbidden`."""
    person = await here.people.known.known_as(person_id)
    if person is None or caller.actor != person.actor:
        _require_administrator(caller)
    if person is None:
        raise NotFound("person_unknown", "There is no such person.", remedy="List the people to find the id.")
    return person


async def signed_out(here: Gateway, caller: Caller, person_id: str) -> int:
    """End every session of a person; how many there were. Raises `NotFound` or `Forbidden`."""
    person = await visible(here, caller, person_id)
    held = granted(await here.people.known.grants_of(person_id))
    if caller.actor != person.actor and not may_end_sessions(caller, held):
        raise Forbidden(
            "role_missing",
            f"{caller.actor.subject} is not administrator of every project in which {person.handle} holds a role.",
            remedy="Ask an administrator of all these projects.",
        )
    ended = await here.sessions.end_all(person_id)
    log.info("sessions ended", holder=person.handle, ended=ended, by=caller.actor.subject)
    return ended


def _require_administrator(caller: Caller) -> None:
    if not may_see(caller):
        raise Forbidden(
            "role_missing",
            f"{caller.actor.subject} is administrator of no project.",
            remedy="Ask an administrator of your project to look.",
        )


def _view(person: Person, grants: Sequence[Grant], caller: Caller) -> PersonView:
    own = caller.actor == person.actor
    everywhere = Role.ADMIN in caller.roles_in(EVERYWHERE)
    return PersonView(
        id=person.person_id,
        issuer=person.issuer,
        subject=person.subject,
        handle=person.handle,
        name=person.name,
        email=person.email,
        first_at=person.first_at,
        last_at=person.last_at,
        grants=tuple(
            GrantView(project=one.project, role=one.role, given_by=one.given_by, given_at=one.given_at)
            for one in grants
            if not one.taken and (own or everywhere or Role.ADMIN in caller.roles_in(one.project))
        ),
    )
