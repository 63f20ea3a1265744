"""Whom a session speaks for, looked up on every request: what was revoked or taken counts at once."""

from __future__ import annotations

import asyncio

from services.gateway.auth import ADMIN
from services.gateway.parts import Gateway
from services.gateway.people.person import brought, granted, together
from services.gateway.sessions import Means, Session
from services.gateway.tokens import holder_of, token_id_of
from shared.errors import Unauthenticated
from shared.identity import Caller


async def caller_of(here: Gateway, session: Session) -> tuple[Caller, str]:
    """Who it is, and the name to show. Raises `Unauthenticated` when there is nobody any more."""
    if session.means is Means.ISSUER:
        return await _person(here, session)
    caller = await caller_with(here, session.holder)
    return caller, caller.actor.subject


async def caller_with(here: Gateway, token_id: str) -> Caller:
    """Whom the access token with that id speaks for. Raises `Unauthenticated` when it has ended."""
    bootstrap = here.settings.admin_token
    if bootstrap and token_id_of(bootstrap.get_secret_value()) == token_id:
        return ADMIN
    return holder_of(await here.tokens.known_as(token_id), now=here.clock())


async def _person(here: Gateway, session: Session) -> tuple[Caller, str]:
    known = here.people.known
    person, grants = await asyncio.gather(known.known_as(session.holder), known.grants_of(session.holder))
    if person is None or here.people.issuer is None:
        raise Unauthenticated("person_unknown", "The person is not known here any more.", remedy="Sign in again.")
    held = together(granted(grants), brought(session.groups, here.settings.sign_in_group_grants))
    return Caller(person.actor, held), person.name or person.handle
