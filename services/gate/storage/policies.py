"""Policies: the one in force by name, and every revision by digest for ever."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from contracts.gate.v1.views import PolicyPage, PolicyRevision, PolicyRevisionPage, PolicyView
from contracts.vocabulary import Digest
from shared.errors import Invalid, NotFound, Transient
from shared.logs import log
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index
from shared.policy.policy import Policy, read_policy

INDEXES: dict[str, tuple[Index, ...]] = {
    "policies": (Index((("project", 1), ("_id", 1))), Index((("projects", 1),))),
    "policy_revisions": (
        Index((("project", 1), ("digest", 1), ("revision", -1))),
        Index((("project", 1), ("name", 1), ("revision", -1))),
        Index((("digest", 1),)),
    ),
}


class AppliedPolicy(NamedTuple):
    """What became of a policy document."""

    change: Literal["created", "updated", "unchanged"]
    revision: int


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Policy, Digest]:
    """A stored policy, and the digest that it really has."""
    policy = read_policy(json.loads(text))
    return policy, policy.digest


class Policies:
    """The policies of all projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._policies = unit.collection("policies")
        self._revisions = unit.collection("policy_revisions")

    async def in_force(self, project: str) -> list[Policy]:
        """All policies for a project. Never cut short: a policy that is overlooked could open a gate.

        Raises `Transient` (`policy_tampered`) when one is not what was applied: nothing is judged by it, or without it.
        """
        found = self._policies.stream({"projects": {"$in": [project, "*"]}})
        return [_as_applied(document) async for document in found]

    async def named(self, project: str, name: str) -> list[Policy]:
        """The policies of that name in force for a project: its own, and those that others hold for it."""
        return [policy for policy in await self.in_force(project) if policy.name == name]

    async def own(self, project: str, name: str) -> Policy | None:
        """The policy of that name that a project holds itself, for whatever projects it is.

        From its kept revision: one in force that was altered must not stand in the way of applying it again.
        """
        found = await self._policies.get(f"{project}/{name}")
        kept = await self._revisions.get(f"{project}/{name}/{found['revision']}") if found else None
        return _read(kept["text"])[0] if kept else None

    async def with_digests(self, digests: Iterable[str]) -> list[Policy]:
        """The policies with these digests, whether in force or not; those that never were are left out."""
        found = self._revisions.stream({"digest": {"$in": sorted(set(digests))}})
        return list({one["digest"]: _read(one["text"])[0] async for one in found}.values())

    async def apply(self, project: str, policy: Policy, by: str) -> AppliedPolicy:
        """Take a policy over; every revision is kept."""
        key = f"{project}/{policy.name}"
        before = await self._policies.get(key)
        if before and before["digest"] == policy.digest and _is_intact(before):
            return AppliedPolicy("unchanged", before["revision"])
        revision = before["revision"] if before else 0
        document: Document = {
            "_id": key,
            "project": project,
            "projects": list(policy.projects),
            "name": policy.name,
            "digest": policy.digest,
            "text": json.dumps(policy.normal_form(), sort_keys=True),
            "mode": policy.spec.mode.value,
            "applied_at": self._unit.now,
            "applied_by": by,
        }
        await self._policies.replace(document, revision=revision)
        # By number, not by digest: going back to an earlier text is a new fact and must not replace the old one.
        await self._revisions.add({**document, "_id": f"{key}/{revision + 1}", "revision": revision + 1})
        return AppliedPolicy("updated" if before else "created", revision + 1)

    async def show(self, project: str, name: str | None, digest: str | None) -> PolicyView:
        """One policy in force, or by digest, then also one that another project holds for this. Raises `NotFound`."""
        ours = [{"project": project}, {"projects": {"$in": [project, "*"]}}]
        found = (
            await self._revisions.find_one({"digest": digest, "$or": ours}, sort=(("revision", -1),))
            if digest
            else await self._policies.get(f"{project}/{name}")
        )
        if found is None:
            raise NotFound(
                "policy_unknown", f"There is no policy {digest or name} in {project}.", remedy="Apply it first."
            )
        return _view(found)

    async def page(self, project: str, after: str | None, limit: int) -> PolicyPage:
        """The policies in force, by name."""
        where = {"project": project, "_id": {"$gt": f"{project}/{after or ''}"}}
        found = await self._policies.find(where, limit=limit + 1)
        following = found[limit - 1]["name"] if len(found) > limit else None
        return PolicyPage(policies=tuple(_view(document) for document in found[:limit]), next=following)

    async def shared(self, project: str | None, after: str | None, limit: int) -> PolicyPage:
        """Those of other projects that apply in `project`, or all that apply everywhere, by project and name."""
        where: Document = {"projects": "*" if project is None else {"$in": [project, "*"]}, "_id": {"$gt": after or ""}}
        if project is not None:
            where["project"] = {"$ne": project}
        found = await self._policies.find(where, limit=limit + 1)
        following = found[limit - 1]["_id"] if len(found) > limit else None
        return PolicyPage(policies=tuple(_view(document) for document in found[:limit]), next=following)

    async def revisions(self, project: str, name: str, after: int | None, limit: int) -> PolicyRevisionPage:
        """The revisions of one policy, newest first. Raises `NotFound` when there never was one."""
        where: Document = {"project": project, "name": name}
        before = {"revision": {"$lt": after}} if after else {}
        found = await self._revisions.find({**where, **before}, sort=(("revision", -1),), limit=limit + 1)
        if not found and await self._revisions.find_one(where) is None:
            raise NotFound("policy_unknown", f"There is no policy {name} in {project}.", remedy="Apply it first.")
        following = found[limit - 1]["revision"] if len(found) > limit else None
        return PolicyRevisionPage(revisions=tuple(_revision(one) for one in found[:limit]), next=following)


def _is_intact(document: Document) -> bool:
    try:
        _, digest = _read(document["text"])
    except (Invalid, ValueError):
        return False
    return bool(digest == document["digest"])


def _as_applied(document: Document) -> Policy:
    if not _is_intact(document):
        # Transient: what waits for a judgement is not lost while somebody applies the policy again.
        log.error("ALARM: a stored policy is not what was applied, and its gates stay closed", policy=document["_id"])
        raise Transient(
            "policy_tampered",
            f"The policy {document['_id']} is not what was applied: its text has not the digest {document['digest']}.",
            remedy="Find out who changed it in the database, and apply the policy again.",
        )
    return _read(document["text"])[0]


def _revision(document: Document) -> PolicyRevision:
    return PolicyRevision(
        revision=document["revision"],
        digest=document["digest"],
        mode=document["mode"],
        applied_at=document["applied_at"],
        applied_by=document["applied_by"],
    )


def _view(document: Document) -> PolicyView:
    return PolicyView(
        project=document["project"],
        policy=document["name"],
        digest=document["digest"],
        revision=document["revision"],
        mode=document["mode"],
        document=json.loads(document["text"]),
        applied_at=document["applied_at"],
        applied_by=document["applied_by"],
    )
