"""Loads the sample project, by nothing but commands in the viewer's name.

Its stages are automatic, so that nothing has to be waited for: each version goes as far as its evidence lets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contracts.answers import Applied
from contracts.evidence.v1.commands import ApplyTrustRoot, Receipt, SubmitEvidence
from contracts.gate.v1.commands import ApplyPolicy
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories
from contracts.registry.v1.commands import ApplyApplication, ApplyLifecycle, ApplyProject, CreateVersion
from contracts.registry.v1.queries import ListProjects
from contracts.registry.v1.views import ProjectPage, VersionView
from services.gateway.console import sample_evidence
from services.gateway.console.samples import PROJECT, sample_policies, sample_shop
from services.gateway.console.viewing import Form, Viewer
from shared.crypto import keys
from shared.errors import Conflict

_SUFFIX = 8
_JUST_BEFORE = f"{PROJECT[:-1]}{chr(ord(PROJECT[-1]) - 1)}~"
"""No name lies between this and the project's: none has a sign that comes after the last letter."""


async def is_loaded(viewer: Viewer) -> bool:
    """Whether there is a project of that name, whatever is in it; asked by an administrator, who sees all of them."""
    # Listed, not shown: "there is none" is said of a thing only after a second, dearer look.
    following = await viewer.ask(ListProjects(after=_JUST_BEFORE, limit=1), ProjectPage)
    return any(one.project == PROJECT for one in following.projects)


async def load(form: Form, now: datetime) -> None:
    """Load it. Raises `Conflict` (`sample_exists`), `Forbidden` for all but administrators, what a service says."""
    if await is_loaded(form.viewer):
        raise Conflict(
            "sample_exists", f"There is a project {PROJECT} already.", remedy=f"Look at it under /projects/{PROJECT}."
        )
    ids = _ids(form.command_id)
    shop = sample_shop()
    key = keys.generate()
    await _describe(form, ids, shop, key)
    for version in sample_evidence.versions_in(shop):
        await _show(form, ids, version, key, now)
    advisory: dict[str, Any] = {"advisories": (shop["advisory"],), "source": "sample project"}
    await form.send(ImportAdvisories, AdvisoriesImported, command_id=next(ids), **advisory)


async def _describe(form: Form, ids: Iterator[str], shop: dict[str, Any], key: keys.PrivateKey) -> None:
    """The project, who is believed, what is asked for, and its applications."""
    here: dict[str, Any] = {"project": PROJECT}
    await form.send(ApplyProject, Applied, command_id=next(ids), **here, title="Sample project")
    lifecycle = {"lifecycle": "default", "stages": shop["lifecycle"]}
    await form.send(ApplyLifecycle, Applied, command_id=next(ids), **here, **lifecycle)
    for role in sample_evidence.ROLES:
        root = sample_evidence.trust_root(role, PROJECT, key, form.command_id[:_SUFFIX].lower())
        await form.send(ApplyTrustRoot, Applied, command_id=next(ids), **root)
    for document in sample_policies():
        policy = {"policy": document["metadata"]["name"], "document": document}
        await form.send(ApplyPolicy, Applied, command_id=next(ids), **here, **policy)
    for one in shop["applications"]:
        said = {name: value for name, value in one.items() if name != "versions"}
        await form.send(ApplyApplication, Applied, command_id=next(ids), **here, **said)


async def _show(
    form: Form, ids: Iterator[str], version: sample_evidence.SampleVersion, key: keys.PrivateKey, now: datetime
) -> None:
    """Register a version, and hand in what is to be shown about it."""
    named = {"project": PROJECT, "application": version.application}
    made = {"version": version.version, "artifacts": (version.artifact,)}
    await form.send(CreateVersion, VersionView, command_id=next(ids), **named, **made)
    for envelope in sample_evidence.envelopes(version, key, now):
        await form.send(SubmitEvidence, Receipt, command_id=next(ids), **named, envelope=envelope)


def _ids(command_id: str) -> Iterator[str]:
    """One command id after another, the same for the same form."""
    number = 0
    while True:
        yield f"{command_id}-{number}"
        number += 1
