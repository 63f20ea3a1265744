"""Reading policies and verdicts for answers: pages by key, straight from the documents."""

from __future__ import annotations

from contracts.gate.v1.views import PolicyPage, PolicyView, VerdictPage, VerdictView
from contracts.vocabulary import ApplicationName, Digest, PolicyName, ProjectName, VersionName
from services.gate import wire
from services.gate.storage.policies import revision_from_document
from services.gate.storage.verdicts import issued_from_document
from shared.errors import NotFound
from shared.mongo import Collection, Document


class GateViews:
    """What the gate shows."""

    def __init__(self, policies: Collection, revisions: Collection, verdicts: Collection) -> None:
        self._policies = policies
        self._revisions = revisions
        self._verdicts = verdicts

    async def policy(self, project: ProjectName, name: PolicyName) -> PolicyView:
        """The policy in force. Raises `NotFound` (`policy_unknown`)."""
        document = await self._policies.get(f"{project}/{name}")
        return _policy_view(document, f"There is no policy {name} in project {project}.")

    async def policy_with(self, project: ProjectName, digest: Digest) -> PolicyView:
        """The newest revision with that digest, in force or not. Raises `NotFound` (`policy_unknown`)."""
        document = await self._revisions.find_one({"project": project, "digest": digest}, sort=(("revision", -1),))
        return _policy_view(document, f"No policy of project {project} ever had the digest {digest}.")

    async def policies(self, project: ProjectName, *, after: str | None, limit: int) -> PolicyPage:
        """One page of the policies in force, by name; `after` is the last name of the page before."""
        where: Document = {"project": project, "policy": {"$gt": after or ""}}
        found = await self._policies.find(where, sort=(("policy", 1),), limit=limit + 1)
        views = tuple(wire.policy_view(revision_from_document(document)) for document in found[:limit])
        return PolicyPage(policies=views, next=views[-1].policy if len(found) > limit else None)

    async def verdict(self, project: ProjectName, verdict_id: str) -> VerdictView:
        """One verdict. Raises `NotFound` (`verdict_unknown`)."""
        return wire.verdict_view(issued_from_document(await self._verdict(project, verdict_id)))

    async def verdicts(
        self,
        project: ProjectName,
        application: ApplicationName,
        version: VersionName,
        *,
        after: str | None,
        limit: int,
    ) -> VerdictPage:
        """One page of the verdicts on a version, newest first; `after` is the last id of the page before.

        Raises `NotFound` (`verdict_unknown`) for an `after` that is no verdict of this project.
        """
        where: Document = {"project": project, "application": application, "version": version}
        if after is not None:
            last = await self._verdict(project, after)
            where["$or"] = [{"at": {"$lt": last["at"]}}, {"at": last["at"], "_id": {"$lt": after}}]
        found = await self._verdicts.find(where, sort=(("at", -1), ("_id", -1)), limit=limit + 1)
        views = tuple(wire.verdict_view(issued_from_document(document)) for document in found[:limit])
        return VerdictPage(verdicts=views, next=views[-1].verdict_id if len(found) > limit else None)

    async def _verdict(self, project: ProjectName, verdict_id: str) -> Document:
        document = await self._verdicts.find_one({"_id": verdict_id, "project": project})
        if document is None:
            raise NotFound(
                "verdict_unknown",
                f"There is no verdict {verdict_id} in project {project}.",
                remedy="List the verdicts of the version to find its id.",
            )
        return document


def _policy_view(document: Document | None, problem: str) -> PolicyView:
    if document is None:
        raise NotFound("policy_unknown", problem, remedy="List the policies of the project to find its name.")
    return wire.policy_view(revision_from_document(document))
