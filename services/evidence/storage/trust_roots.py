"""Trust roots, each with a revision. A shared root belongs to one project and counts in all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.evidence.v1.views import TrustRootView
from services.evidence.domain.identity import TrustedIdentity
from services.evidence.domain.trust import TrustedKey, TrustRoot
from shared.digests import canonical_digest
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "trust_roots": (Index((("project", 1), ("_id", 1))), Index((("shared", 1), ("_id", 1))))
}
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class AppliedRoot(NamedTuple):
    """What became of a trust root."""

    change: Literal["created", "updated", "unchanged"]
    revision: int
    digest: str


class RootsSeen(NamedTuple):
    """The roots of a project at one moment, and what tells that moment from others."""

    roots: tuple[TrustRoot, ...]
    state: str


async def roots_in(scope: Scope, project: str) -> RootsSeen:
    """The trust roots in force for a project: its own and the shared ones."""
    found = await scope.collection("trust_roots").find(_in_force(project))
    state = canonical_digest([[one["_id"], one["revision"]] for one in found])
    return RootsSeen(tuple(_root(one) for one in found), state)


class TrustRoots:
    """Whose signatures projects believe."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._roots = unit.collection("trust_roots")

    async def apply(self, command: ApplyTrustRoot) -> tuple[TrustRoot, AppliedRoot]:
        """Take a trust root over. Raises `Invalid` for one that could vouch for nothing."""
        key = f"{command.project}/{command.trust_root}"
        content = command.model_dump(exclude={"command_id"})
        document: Document = {
            **content,
            "_id": key,
            "keys": [TrustedKey.from_text(text).pem for text in command.keys],
            "identities": [identity.model_dump() for identity in command.identities],
            "predicate_types": list(command.predicate_types),
        }
        root = _root(document)
        digest = canonical_digest(command.model_dump(mode="json", exclude={"command_id"}))
        before = await self._roots.get(key)
        if before and before["digest"] == digest:
            return root, AppliedRoot("unchanged", before["revision"], digest)
        revision = before["revision"] if before else 0
        await self._roots.replace({**document, "digest": digest}, revision=revision)
        return root, AppliedRoot("updated" if before else "created", revision + 1, digest)

    async def is_shared(self, project: str, trust_root: str) -> bool:
        """Whether the root exists and counts in all projects: whoever changes it changes all of them."""
        found = await self._roots.get(f"{project}/{trust_root}")
        return bool(found and found.get("shared"))

    async def of(self, project: str) -> tuple[TrustRootView, ...]:
        """All trust roots in force for a project, its own first, by name."""
        found = await self._roots.find(_in_force(project))
        return tuple(_view(one) for one in sorted(found, key=lambda one: (one["project"] != project, one["_id"])))


def _in_force(project: str) -> Document:
    return {"$or": [{"project": project}, {"shared": True}]}


def _root(document: Document) -> TrustRoot:
    return TrustRoot(
        name=document["trust_root"],
        project=None if document.get("shared") else document["project"],
        keys=tuple(TrustedKey.from_text(pem) for pem in document["keys"]),
        predicate_types=tuple(document["predicate_types"]),
        role=document["role"],
        valid_from=document["valid_from"] or _ALWAYS,
        distrust_after=document["distrust_after"],
        threshold=document["threshold"],
        authority=document.get("authority"),
        identities=tuple(TrustedIdentity(**one) for one in document.get("identities", ())),
    )


def _view(document: Document) -> TrustRootView:
    key_ids = tuple(key.key_id for key in _root(document).keys)
    return TrustRootView.model_validate({**document, "key_ids": key_ids})
