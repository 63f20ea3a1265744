"""Giving roles to people and taking them, on record.

- The log is told before a role is given, so that none counts which it knows nothing of.
- A role that is taken counts no more at once, whether or not the log can be told right now; whoever is told to try
  again gets it logged then.
- Nobody gives or takes where he is not administrator; anybody may give up what is his own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import uuid4

from contracts.evidence.v1.log import RecordRoleChange
from contracts.vocabulary import Role
from services.gateway.asking import Asking
from services.gateway.parts import Gateway
from services.gateway.people.person import Grant, Grants, Person, granted
from services.gateway.tokens import refuse_excess
from shared.digests import canonical_digest
from shared.errors import NotFound
from shared.logs import log


async def give(here: Gateway, asking: Asking, person: Person, wanted: Grants) -> None:
    """Have the person hold these roles too. Raises `Forbidden` where the caller is not administrator."""
    refuse_excess(asking.caller, wanted)
    held = granted(await here.people.known.grants_of(person.person_id))
    fresh = [
        Grant(person.person_id, project, role, asking.caller.actor.subject, here.clock(), uuid4().hex)
        for project, roles in sorted(wanted.items())
        for role in sorted(roles - held.get(project, frozenset()))
    ]
    if not fresh:
        return
    await asking.ask(_role_change("given", person, fresh))
    await here.people.known.give(fresh)
    log.info("roles given", holder=person.handle, grants=_written(fresh), by=asking.caller.actor.subject)


async def take(here: Gateway, asking: Asking, person: Person, project: str, roles: Iterable[Role]) -> None:
    """Have the person hold these roles no more. Raises `Forbidden`, or `NotFound` when none of them was held."""
    if asking.caller.actor != person.actor:
        refuse_excess(asking.caller, {project: frozenset(roles)})
    taken = await here.people.known.take(person.person_id, project, roles)
    if not taken:
        raise NotFound(
            "grant_unknown",
            f"{person.handle} was given no such role in {project}.",
            remedy="See the person's grants; roles that come with a group are taken in the issuer's groups.",
        )
    log.info("roles taken", holder=person.handle, grants=_written(taken), by=asking.caller.actor.subject)
    await asking.ask(_role_change("taken", person, taken))
    await here.people.known.drop_taken(taken)


def _role_change(change: Literal["given", "taken"], person: Person, grants: list[Grant]) -> RecordRoleChange:
    numbers = canonical_digest(sorted(one.number for one in grants))
    return RecordRoleChange(
        command_id=f"role-{change}-{numbers.removeprefix('sha256:')}",
        change=change,
        token_id=person.person_id,
        holder=person.handle,
        holder_kind=person.actor.kind,
        grants={project: tuple(roles) for project, roles in _written(grants).items()},
    )


def _written(grants: list[Grant]) -> Mapping[str, list[Role]]:
    found: dict[str, list[Role]] = {}
    for one in grants:
        found.setdefault(one.project, []).append(one.role)
    return {project: sorted(roles) for project, roles in sorted(found.items())}
