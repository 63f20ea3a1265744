"""Trust roots, each with a revision. A shared root belongs to one project and counts in all."""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.evidence.v1.views import TrustRootView
from shared.digests import canonical_digest
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index
from shared.trust.roots import TrustedKey, TrustRoot, applied

INDEXES: dict[str, tuple[Index, ...]] = {
    "trust_roots": (Index((("project", 1), ("_id", 1))), Index((("shared", 1), ("_id", 1)))),
    "trust_root_revisions": (
        Index((("project", 1), ("trust_root", 1), ("revision", 1))),
        Index((("shared", 1), ("_id", 1))),
    ),
}
_SEEN: dict[str, tuple[TrustRoot, ...]] = {}
"""Trust roots by the state they make up, which their content decides: reading them again would give the same."""
_LATELY: dict[tuple[int, str], RootsSeen] = {}
_MOST_SEEN = 200


class AppliedRoot(NamedTuple):
    """What became of a trust root."""

    change: Literal["created", "updated", "unchanged"]
    revision: int
    digest: str


class RootsSeen(NamedTuple):
    """The roots of a project at one moment, and what tells that moment from others."""

    roots: tuple[TrustRoot, ...]
    state: str


async def roots_state(scope: Scope, project: str) -> str:
    """What tells this moment's trust roots of a project from those of other moments."""
    found = await scope.collection("trust_roots").find(_in_force(project), only={"digest": 1, "revision": 1})
    return _state(found)


async def roots_lately(database: Database, project: str) -> RootsSeen:
    """The trust roots of a project as this process last saw them.

    Whoever decides by them compares their state inside the transaction, and forgets them when it has changed.
    """
    place = (id(database.handle), project)
    if place not in _LATELY:
        _LATELY[place] = await roots_in(database, project)
    return _LATELY[place]


def forget_roots(database: Database, project: str) -> None:
    """Have `roots_lately` look again."""
    _LATELY.pop((id(database.handle), project), None)


async def roots_in(scope: Scope, project: str) -> RootsSeen:
    """The trust roots in force for a project: its own and the shared ones."""
    state = await roots_state(scope, project)
    if state not in _SEEN:
        found = await scope.collection("trust_roots").find(_in_force(project))
        if len(_SEEN) >= _MOST_SEEN:
            _SEEN.clear()
        state = _state(found)
        _SEEN[state] = tuple(applied(one) for one in found)
    return RootsSeen(_SEEN[state], state)


def _state(found: list[Document]) -> str:
    return canonical_digest([[one["_id"], one["revision"], one["digest"]] for one in found])


class TrustRoots:
    """Whose signatures projects believe."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._roots = unit.collection("trust_roots")
        self._revisions = unit.collection("trust_root_revisions")

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
        root = applied(document)
        said = command.model_dump(mode="json", exclude={"command_id"})
        digest = canonical_digest(said)
        before = await self._roots.get(key)
        if before and before["digest"] == digest:
            return root, AppliedRoot("unchanged", before["revision"], digest)
        revision = before["revision"] if before else 0
        kept = {**document, "digest": digest, "text": json.dumps(said)}
        await self._roots.replace(kept, revision=revision)
        # Evidence stays verified by the revision that was in force: whoever checks that later needs it as it was.
        await self._revisions.add({**kept, "_id": f"{key}/{revision + 1}", "revision": revision + 1})
        return root, AppliedRoot("updated" if before else "created", revision + 1, digest)

    async def is_shared(self, project: str, trust_root: str) -> bool:
        """Whether the root exists and counts in all projects: whoever changes it changes all of them."""
        found = await self._roots.get(f"{project}/{trust_root}")
        return bool(found and found.get("shared"))

    async def of(self, project: str, *, every_revision: bool = False) -> tuple[TrustRootView, ...]:
        """All trust roots in force for a project, its own first, by name.

        With `every_revision` also those that newer revisions replaced, oldest first.
        """
        if not every_revision:
            found = await self._roots.find(_in_force(project))
            return tuple(_view(one) for one in sorted(found, key=lambda one: (one["project"] != project, one["_id"])))
        revisions = [_view(document) async for document in self._revisions.stream(_in_force(project))]
        return tuple(sorted(revisions, key=lambda one: (one.project != project, one.trust_root, one.revision)))


def _in_force(project: str) -> Document:
    return {"$or": [{"project": project}, {"shared": True}]}


def _view(document: Document) -> TrustRootView:
    key_ids = tuple(key.key_id for key in applied(document).keys)
    said = json.loads(document.get("text", "{}"))
    return TrustRootView.model_validate({**document, "key_ids": key_ids, "document": said})
