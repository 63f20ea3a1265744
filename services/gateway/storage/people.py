"""People and what they may do, in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from contracts.vocabulary import Role
from services.gateway.people.person import Grant, Person, Proven, handle_of
from shared.errors import NotFound
from shared.mongo import Collection, Document, Index

COLLECTION = "people"
GRANTS = "person_grants"
INDEXES = (Index((("forget_at", 1),), expire_after_seconds=0),)
GRANT_INDEXES = (Index((("person_id", 1), ("_id", 1))),)
FORGOTTEN_AFTER = timedelta(days=30)
"""Who was never given anything is forgotten so long after the last sign-in: whoever an issuer knows can come by."""


class PeopleRepository:
    """All people who have signed in with an issuer, and their grants."""

    def __init__(self, people: Collection, grants: Collection) -> None:
        self._people = people
        self._grants = grants

    async def known_as(self, person_id: str) -> Person | None:
        """The person with that id."""
        found = await self._people.get(person_id)
        return _person(found) if found else None

    async def existing(self, person_id: str) -> Person:
        """The person with that id. Raises `NotFound`."""
        found = await self.known_as(person_id)
        if found is None:
            raise NotFound("person_unknown", "There is no such person.", remedy="List the people to find the id.")
        return found

    async def note_sign_in(self, proven: Proven, at: datetime) -> Person:
        """Keep who has just signed in, under the names that the issuer says now."""
        first = {
            "issuer": proven.issuer,
            "subject": proven.subject,
            "handle": handle_of(proven),
            "first_at": at,
            "forget_at": at + FORGOTTEN_AFTER,
        }
        latest = {"name": proven.name, "email": proven.email, "last_at": at}
        found = await self._people.change(
            {"_id": proven.person_id}, {"$set": latest, "$setOnInsert": first}, upsert=True
        )
        if found is None:
            raise LookupError("an upsert returns what it made")
        # A new end for those who have none yet; whoever was given something has no end.
        where = {"_id": proven.person_id, "forget_at": {"$type": "date"}}
        await self._people.update(where, {"$set": {"forget_at": at + FORGOTTEN_AFTER}})
        return _person(found)

    async def page(self, *, after: str | None, limit: int) -> list[Person]:
        """People by id."""
        where: Document = {"_id": {"$gt": after}} if after else {}
        return [_person(found) for found in await self._people.find(where, limit=limit)]

    async def grants_of(self, *person_ids: str) -> list[Grant]:
        """Every grant of these people, those that were taken and not yet logged among them."""
        found = await self._grants.every({"person_id": {"$in": list(person_ids)}})
        return [_grant(one) for one in sorted(found, key=lambda one: str(one["_id"]))]

    async def give(self, grants: Iterable[Grant]) -> None:
        """These count from now on; the person is kept."""
        rows = list(grants)
        await self._grants.put_all([{"_id": _key(one), **asdict(one)} for one in rows])
        ids = sorted({one.person_id for one in rows})
        await self._people.update({"_id": {"$in": ids}}, {"$unset": {"forget_at": ""}})

    async def take(self, person_id: str, project: str, roles: Iterable[Role]) -> list[Grant]:
        """These count no more. They are returned, those among them that were taken before and not yet logged."""
        keys = [f"{person_id}:{project}:{role.value}" for role in roles]
        await self._grants.update({"_id": {"$in": keys}}, {"$set": {"taken": True}})
        return [_grant(one) for one in await self._grants.find({"_id": {"$in": keys}})]

    async def drop_taken(self, grants: Iterable[Grant]) -> None:
        """The log was told about these."""
        for one in grants:
            await self._grants.remove({"_id": _key(one), "number": one.number, "taken": True})


def _key(grant: Grant) -> str:
    return f"{grant.person_id}:{grant.project}:{grant.role.value}"


def _grant(found: Document) -> Grant:
    return Grant(
        **{name: value for name, value in found.items() if name not in ("_id", "role")}, role=Role(found["role"])
    )


def _person(found: Document) -> Person:
    return Person(
        person_id=found["_id"],
        issuer=found["issuer"],
        subject=found["subject"],
        handle=found["handle"],
        name=found["name"],
        email=found["email"],
        first_at=found["first_at"],
        last_at=found["last_at"],
    )
