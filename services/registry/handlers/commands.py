"""What the registry is asked and told to do."""

from __future__ import annotations

from contracts.answers import Applied
from contracts.registry.v1.commands import ApplyApplication, ApplyLifecycle, ApplyProject, CreateVersion
from contracts.registry.v1.events import ApplicationApplied, LifecycleApplied, ProjectApplied
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Role
from services.registry import wire
from services.registry.domain.draft import begun
from services.registry.domain.lifecycle import check_change
from services.registry.domain.purls import package_of
from services.registry.domain.version import Version, manifest_digest
from services.registry.handlers import HANDLERS
from services.registry.handlers.drafts import keep_draft, keep_sealed, require_nested
from services.registry.storage.unit_of_work import RegistryWork
from services.registry.storage.views import stage_views
from shared.errors import Conflict


@HANDLERS.command(ApplyProject)
async def apply_project(command: ApplyProject, work: RegistryWork) -> Applied:
    """Create a project, or change what is said about it."""
    work.unit.caller.require(command.project, Role.ADMIN)
    content = {"title": command.title, "public_badges": command.public_badges}
    applied = await work.catalogue.apply_project(command.project, content)
    if applied.change != "unchanged":
        work.unit.announce(
            ProjectApplied(
                project=command.project,
                application=None,
                title=command.title,
                revision=applied.revision,
                digest=applied.digest,
                by=work.unit.caller.actor.subject,
                at=work.unit.now,
            )
        )
    return Applied(kind="Project", name=command.project, **vars(applied))


@HANDLERS.command(ApplyLifecycle)
async def apply_lifecycle(command: ApplyLifecycle, work: RegistryWork) -> Applied:
    """Define the stages of a lifecycle, without losing one that versions have been in."""
    work.unit.caller.require(command.project, Role.ADMIN)
    await work.catalogue.project(command.project)
    lifecycle = wire.lifecycle_from(command)
    before = await work.catalogue.known_lifecycle(command.project, command.lifecycle)
    if before:
        applications = await work.catalogue.applications_on(command.project, command.lifecycle)
        check_change(before, lifecycle, await work.versions.entered_stages(command.project, applications))
    applied = await work.catalogue.apply_lifecycle(lifecycle)
    if applied.change != "unchanged":
        work.unit.announce(
            LifecycleApplied(
                project=command.project,
                application=None,
                lifecycle=command.lifecycle,
                stages=stage_views(lifecycle),
                revision=applied.revision,
                digest=applied.digest,
                by=work.unit.caller.actor.subject,
                at=work.unit.now,
            )
        )
    return Applied(kind="Lifecycle", name=command.lifecycle, **vars(applied))


@HANDLERS.command(ApplyApplication)
async def apply_application(command: ApplyApplication, work: RegistryWork) -> Applied:
    """Create an application, or change its business context."""
    work.unit.caller.require(command.project, Role.RELEASE_MANAGER, application=command.application)
    await work.catalogue.project(command.project)
    lifecycle = await work.catalogue.lifecycle(command.project, command.lifecycle)
    before = await work.catalogue.lifecycle_followed_by(command.project, command.application)
    if before:
        # Another lifecycle is another order of stages: what versions have passed must be in it, too.
        check_change(before, lifecycle, await work.versions.entered_stages(command.project, [command.application]))
    content = command.model_dump(mode="json", exclude={"command_id", "project", "application"})
    if command.intake is None:
        del content["intake"]  # Documents that say nothing of it keep the digests that they had.
    content["packages"] = sorted({package_of(package) for package in command.packages})
    applied = await work.catalogue.apply_application(command.project, command.application, content)
    if applied.change != "unchanged":
        said = {name: content[name] for name in ApplicationApplied.model_fields if name in content}
        work.unit.announce(
            ApplicationApplied(
                **said,
                project=command.project,
                application=command.application,
                revision=applied.revision,
                digest=applied.digest,
                by=work.unit.caller.actor.subject,
                at=work.unit.now,
            )
        )
    return Applied(kind="Application", name=command.application, **vars(applied))


@HANDLERS.command(CreateVersion)
async def create_version(command: CreateVersion, work: RegistryWork) -> VersionView:
    """Register a version or begin a draft. The same again is answered as before; other content is refused."""
    caller = work.unit.caller
    caller.require(command.project, Role.CONTRIBUTOR, Role.RELEASE_MANAGER, application=command.application)
    application = await work.catalogue.application(command.project, command.application)
    digest = manifest_digest(
        command.project,
        command.application,
        command.version,
        artifacts=command.artifacts,
        nested=command.nested,
        source=command.source,
    )
    known = await work.versions.known(command.project, command.application, command.version)
    if known:
        return await _registered_again(known, digest, command, work)
    await require_nested(command.nested, work)
    version = Version(
        project=command.project,
        application=command.application,
        version=command.version,
        digest=digest,
        artifacts=command.artifacts,
        nested=command.nested,
        source=command.source,
        created_at=work.unit.now,
        created_by=work.unit.caller.actor.subject,
        tag=command.tag,
        properties=command.properties,
    )
    if command.draft:
        draft = begun(version)
        await keep_draft(draft, work)
        return await work.views.version(draft)
    await work.versions.save(version)
    work.unit.announce(wire.version_created(version, application))
    return await work.views.version(version)


async def _registered_again(known: Version, digest: str, command: CreateVersion, work: RegistryWork) -> VersionView:
    if known.digest != digest:
        raise Conflict(
            "draft_differs" if known.draft else "version_immutable",
            f"{command.version} exists {'as a draft ' if known.draft else ''}with other content ({known.digest}).",
            remedy="Amend the draft." if known.draft else "Give the new content a version of its own.",
        )
    return await work.views.version(known if command.draft else await keep_sealed(known, work))
