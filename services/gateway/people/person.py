"""A person: an issuer's subject, with the roles that administrators gave.

- Who somebody is, the issuer and its subject say, and nothing else: names and e-mail addresses can be given to others.
- The handle is what others read in decisions: a name as it was at the first sign-in, and a digest of issuer and subject
  that nobody else has. It never changes, though the name that is shown does.
- A grant is one role in one project. It counts from the request after it was given to the request before it is taken.
- Groups bring the roles that the operator's setting says, as long as the session lasts in which the issuer named them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import Actor, ActorKind, Role
from shared.digests import canonical_digest
from shared.identity import Caller

Grants = Mapping[str, frozenset[Role]]
_LONGEST_SHOWN = 200
_LONGEST_NAME = 60
_DIGEST_SHOWN = 16
_STRANGE = re.compile(r"[^A-Za-z0-9._@+-]+")


@dataclass(frozen=True)
class Proven:
    """What an issuer says about whoever has just signed in there."""

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()

    @property
    def person_id(self) -> str:
        """Under which id the person is kept: 64 hexadecimal digits."""
        return canonical_digest([self.issuer, self.subject]).removeprefix("sha256:")


@dataclass(frozen=True)
class Person:
    """What is kept of one person."""

    person_id: str
    issuer: str
    subject: str
    handle: str
    """As whom the person acts; fixed at the first sign-in."""
    name: str
    """As the issuer said last."""
    email: str
    """As the issuer said last; identifies nobody."""
    first_at: datetime
    last_at: datetime

    @property
    def actor(self) -> Actor:
        """As whom the person acts."""
        return Actor(subject=self.handle, kind=ActorKind.HUMAN)


@dataclass(frozen=True)
class Grant:
    """One role of one person in one project."""

    person_id: str
    project: str
    """`*` stands for every project."""
    role: Role
    given_by: str
    given_at: datetime
    number: str
    """Differs for every time it is given: what the log is told once."""
    taken: bool = False
    """It counts no more; it is kept until the log was told."""


def handle_of(proven: Proven) -> str:
    """As whom a person acts who signs in for the first time."""
    name = _STRANGE.sub("-", proven.name).strip("-.")[:_LONGEST_NAME] or "person"
    return f"{name}#{proven.person_id[:_DIGEST_SHOWN]}"


def shown(claim: str) -> str:
    """A claim as it is kept for showing: bounded."""
    return claim[:_LONGEST_SHOWN]


def granted(grants: Iterable[Grant]) -> dict[str, frozenset[Role]]:
    """What single grants amount to, those that were taken left out."""
    found: dict[str, frozenset[Role]] = {}
    for one in grants:
        if not one.taken:
            found[one.project] = found.get(one.project, frozenset()) | {one.role}
    return found


def brought(groups: Iterable[str], mapped: Mapping[str, Grants]) -> dict[str, frozenset[Role]]:
    """What groups amount to."""
    return together(*(mapped[group] for group in groups if group in mapped))


def together(*several: Grants) -> dict[str, frozenset[Role]]:
    """Grants added up."""
    found: dict[str, frozenset[Role]] = {}
    for grants in several:
        for project, roles in grants.items():
            found[project] = found.get(project, frozenset()) | roles
    return found


def may_see(caller: Caller) -> bool:
    """Whether `caller` may know who is there: administrators of any project may, since they grant."""
    return any(Role.ADMIN in roles for roles in caller.grants.values())


def may_end_sessions(caller: Caller, grants: Grants) -> bool:
    """Whether `caller` may sign somebody out who holds `grants`: administrators of all these projects may."""
    return may_see(caller) and all(Role.ADMIN in caller.roles_in(project) for project in grants)
