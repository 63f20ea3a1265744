"""How a draft grows and is sealed."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.registry.v1.drafts import AmendVersion, SealVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest, Role
from services.registry import wire, wire_drafts
from services.registry.domain.draft import Amendment, amended, sealed
from services.registry.domain.version import Version
from services.registry.handlers import HANDLERS
from services.registry.storage.unit_of_work import RegistryWork
from shared.errors import Conflict, NotFound


@HANDLERS.command(AmendVersion)
async def amend_version(command: AmendVersion, work: RegistryWork) -> VersionView:
    """Add to a draft, or take out of it."""
    work.unit.caller.require(command.project, Role.CONTRIBUTOR, Role.RELEASE_MANAGER, application=command.application)
    version = await work.versions.look_up(command.project, command.application, command.version)
    await require_nested(command.nested, work)
    amendment = wire_drafts.amendment(command)
    after = await keep_amended(version, amendment, work)
    return await work.views.version(after)


@HANDLERS.command(SealVersion)
async def seal_version(command: SealVersion, work: RegistryWork) -> VersionView:
    """Fix what a version is made of. A sealed one is answered as it is."""
    work.unit.caller.require(command.project, Role.CONTRIBUTOR, Role.RELEASE_MANAGER, application=command.application)
    version = await work.versions.look_up(command.project, command.application, command.version)
    if command.digest not in (None, version.digest):
        raise Conflict(
            "version_digest_differs",
            f"{command.version} has the digest {version.digest} by now, not {command.digest}.",
            remedy="Look at what it is made of now, and seal that.",
        )
    return await work.views.version(await keep_sealed(version, work))


async def keep_amended(version: Version, amendment: Amendment, work: RegistryWork) -> Version:
    """The version with what is said about its content, kept and announced when that is new."""
    after = amended(version, amendment, by=work.unit.caller.actor.subject)
    if after is not version:
        await keep_draft(after, work)
    return after


async def keep_draft(draft: Version, work: RegistryWork) -> None:
    """Keep and announce a draft as it is now."""
    await work.versions.save(draft)
    work.unit.announce(wire_drafts.version_drafted(draft, work.unit.caller.actor.subject, work.unit.now))


async def keep_sealed(version: Version, work: RegistryWork) -> Version:
    """The version, sealed now unless it was. Only now does anybody hear of it as a version that can be judged."""
    if not version.draft:
        return version
    application = await work.catalogue.application(version.project, version.application)
    after = sealed(version, work.unit.now)
    await work.versions.save(after)
    work.unit.announce(wire_drafts.version_sealed(after, work.unit.caller.actor.subject))
    work.unit.announce(wire.version_created(after, application))
    return after


async def require_nested(nested: Iterable[Digest], work: RegistryWork) -> None:
    """Raises `NotFound` unless each is the digest of a version that will stay as it is."""
    for digest in nested:
        if not await work.versions.digest_exists(digest):
            raise NotFound(
                "nested_version_unknown",
                f"No version has the digest {digest}.",
                remedy="Create it first; a draft must be sealed before it can be part of another version.",
            )
