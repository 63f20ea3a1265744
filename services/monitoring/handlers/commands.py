"""What monitoring does on request."""

from __future__ import annotations

from dataclasses import replace

from contracts.monitoring.v1.commands import (
    AdvisoriesImported,
    ImportAdvisories,
    RefusedAdvisory,
    RevokeRelease,
    TrustRevoked,
)
from contracts.vocabulary import Role
from services.monitoring import wire
from services.monitoring.domain.advisory import Advisory, is_newer, read_advisory
from services.monitoring.domain.matching import Matcher, advisory_keys
from services.monitoring.domain.trust import revoked
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.imports import noted
from services.monitoring.handlers.rights import require_security_anywhere
from services.monitoring.handlers.watching import judge_advisories, settle
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.errors import Invalid


@HANDLERS.command(ImportAdvisories)
async def import_advisories(command: ImportAdvisories, work: MonitoringWork) -> AdvisoriesImported:
    """Take over what is new, and look again at every release that it could concern."""
    require_security_anywhere(work.unit.caller, "import advisories")
    await work.match_clock.touch_all()
    readable, refused = _read(command)
    known = await work.advisories.by_id({one.id for one in readable})
    newest = dict(known)
    for one in readable:
        if is_newer(one, newest.get(one.id)):
            newest[one.id] = one
    changed = [one for one in newest.values() if one != known.get(one.id)]
    added = sum(one.id not in known for one in changed)
    await work.advisories.put(changed)
    if readable:
        await work.advisories.imported(added=added, at=work.unit.now)
    before = [known[one.id] for one in changed if one.id in known]
    answer = AdvisoriesImported(
        added=added,
        updated=len(changed) - added,
        unchanged=len(readable) - len(changed),
        refused=refused,
        releases_touched=await _look_again(work, changed, before, command.source),
    )
    return await noted(work, command, answer)


@HANDLERS.command(RevokeRelease)
async def revoke_release(command: RevokeRelease, work: MonitoringWork) -> TrustRevoked:
    """Take the trust from a release for good."""
    work.unit.caller.require(command.project, Role.SECURITY, application=command.application)
    await work.match_clock.touch(command.project)
    release = await work.releases.get(command.project, command.application, command.version)
    state, change = revoked(release.state, command.reason, work.unit.caller.actor, work.unit.now)
    await settle(work, release, replace(release, state=state), command.reason)
    return TrustRevoked(
        project=command.project, application=command.application, version=command.version, changed=change is not None
    )


def _read(command: ImportAdvisories) -> tuple[list[Advisory], tuple[RefusedAdvisory, ...]]:
    readable: list[Advisory] = []
    refused: list[RefusedAdvisory] = []
    for record in command.advisories:
        try:
            readable.append(read_advisory(record))
        except Invalid as error:
            refused.append(wire.refused(record, error))
    return readable, tuple(refused)


async def _look_again(work: MonitoringWork, changed: list[Advisory], before: list[Advisory], source: str) -> int:
    named = await work.sboms.naming({key for one in (*changed, *before) for key in advisory_keys(one)})
    now, earlier = Matcher(changed), Matcher(before)
    answers = {purl: now.answers(purl) for purl in named}
    # What an advisory said before counts as well: it may have stopped saying it.
    concerned = [purl for purl in sorted(named) if answers[purl] or earlier.answers(purl)]
    purls: dict[str, list[str]] = {}
    for purl in concerned:
        for sbom in named[purl]:
            purls.setdefault(sbom, []).append(purl)
    releases = await work.releases.described_by(purls)
    said = []
    for one in releases:
        mine = dict.fromkeys(purl for sbom in one.sboms for purl in purls.get(sbom, ()))
        said.append((one, [answer for purl in mine for answer in answers[purl]]))
    because = f"Advisories were imported from {source}." if source else "Advisories were imported."
    await judge_advisories(work, said, {one.id for one in changed}, because)
    return len(releases)
