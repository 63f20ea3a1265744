"""Exceptions: asked for, decided about, revoked, shown. Each change judges again what waits in that application."""

from __future__ import annotations

import hashlib
from typing import Literal

from contracts.gate.v1.waivers import (
    DecideWaiver,
    ListStandingWaivers,
    ListWaiverRequests,
    ListWaivers,
    RequestWaiver,
    RevokeWaiver,
    ShowWaiver,
    WaiverEnded,
    WaiverGranted,
    WaiverPage,
    WaiverRefused,
    WaiverRequested,
    WaiverView,
)
from contracts.vocabulary import Role
from services.gate import wire
from services.gate.domain.waiver import GRANTED, Waiver, check_request, decided, expired, revoked
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import look_again_at
from services.gate.storage.unit_of_work import GateWork
from shared.errors import NotFound
from shared.identity import EVERYWHERE

ASKERS = (Role.CONTRIBUTOR, Role.RELEASE_MANAGER, Role.SECURITY)


@HANDLERS.command(RequestWaiver)
async def request_waiver(command: RequestWaiver, work: GateWork) -> WaiverView:
    """Ask for an exception; it counts for nothing yet."""
    work.unit.caller.require(command.project, *ASKERS, application=command.application)
    by = work.unit.caller.actor.subject
    seed = f"{by}\n{command.command_id}".encode()
    waiver = Waiver(
        waiver_id=f"wv-{hashlib.sha256(seed).hexdigest()[:24]}",
        project=command.project,
        application=command.application,
        policy=command.policy,
        rule=command.rule,
        stage=command.stage,
        subject=command.waives,
        max_severity=command.max_severity,
        reason=command.reason,
        requested_by=by,
        requested_at=work.unit.now,
        expires_at=command.expires_at,
    )
    await _require_application(work, waiver)
    check_request(waiver, await work.policies.named(command.project, command.policy))
    await work.dossiers.waivers.save(waiver)
    work.unit.announce(WaiverRequested(**wire.waiver_said(waiver, by=by, at=work.unit.now)))
    return await work.dossiers.waivers.view(waiver)


async def _require_application(work: GateWork, waiver: Waiver) -> None:
    """Raises `NotFound` for an application that the gate has not heard of: a misspelt one would cover nothing."""
    if await work.dossiers.surroundings.context(waiver.project, waiver.application) is None:
        raise NotFound(
            "application_unknown",
            f"There is no application {waiver.application} in {waiver.project}.",
            remedy="Check its name; one that was just created is known to the gate in a moment.",
        )


@HANDLERS.command(DecideWaiver)
async def decide_waiver(command: DecideWaiver, work: GateWork) -> WaiverView:
    """Grant or refuse an exception, as somebody else than who asked, in the role that the policy names."""
    caller, waivers = work.unit.caller, work.dossiers.waivers
    before = await waivers.get(command.project, command.waiver_id)
    policies = await work.policies.named(command.project, before.policy)
    for role in sorted({policy.spec.waivers.approver_role for policy in policies} or {Role.SECURITY}):
        caller.require(command.project, role)
    by = caller.actor.subject
    after = decided(before, command.decision, by=by, kind=caller.actor.kind, reason=command.reason, at=work.unit.now)
    if after.state == GRANTED:
        check_request(after, policies)
    await waivers.save(after)
    said = wire.waiver_said(after, by=by, at=work.unit.now)
    work.unit.announce(WaiverGranted(**said) if after.state == GRANTED else WaiverRefused(**said))
    await look_again_at(work, after.project, after.application)
    if after.state == GRANTED:
        await work.admissions.mark_fallen(after.project, after.application)
    return await waivers.view(after)


@HANDLERS.command(RevokeWaiver)
async def revoke_waiver(command: RevokeWaiver, work: GateWork) -> WaiverView:
    """End an exception; whoever asked for it, granted it, or answers for security may."""
    caller = work.unit.caller
    caller.require_entry(command.project)
    before = await work.dossiers.waivers.get(command.project, command.waiver_id)
    caller.require_member(command.project, before.application)
    by = caller.actor.subject
    if by not in (before.requested_by, before.decided_by):
        caller.require(command.project, Role.SECURITY)
    after = revoked(before, by=by, reason=command.reason, at=work.unit.now)
    await end(work, after, "revoked", by)
    return await work.dossiers.waivers.view(after)


async def expire(work: GateWork, project: str, waiver_id: str) -> None:
    """End a waiver whose time is over, and say what it covered."""
    before = await work.dossiers.waivers.get(project, waiver_id)
    after = expired(before, work.unit.now)
    if after is not before:
        await end(work, after, "expired", "hallmark")


async def end(work: GateWork, waiver: Waiver, cause: Literal["expired", "revoked"], by: str) -> None:
    """Keep that a waiver is over, open again what it covered, and judge what waits."""
    await work.dossiers.waivers.save(waiver)
    covered = await work.dossiers.waivers.covered(waiver.waiver_id)
    said = wire.waiver_said(waiver, by=by, at=work.unit.now)
    count = await work.dossiers.waivers.covered_count(waiver.waiver_id)
    work.unit.announce(WaiverEnded(**said, cause=cause, covered=covered, covered_count=count))
    await look_again_at(work, waiver.project, waiver.application)
    await work.admissions.mark_carried(waiver.waiver_id)


@HANDLERS.query(ShowWaiver)
async def show_waiver(query: ShowWaiver, work: GateWork) -> WaiverView:
    """One waiver."""
    work.unit.caller.require_entry(query.project)
    found = await work.dossiers.waivers.get(query.project, query.waiver_id)
    work.unit.caller.require_member(query.project, found.application)
    return await work.dossiers.waivers.view(found)


@HANDLERS.query(ListWaivers)
async def list_waivers(query: ListWaivers, work: GateWork) -> WaiverPage:
    """Waivers, those that end first leading."""
    work.unit.caller.require_member(query.project, query.application)
    state = query.state.value if query.state else None
    return await work.dossiers.waivers.page(
        query.project, query.application, state, artifacts=query.artifacts, after=query.after, limit=query.limit
    )


@HANDLERS.query(ListWaiverRequests)
async def list_waiver_requests(query: ListWaiverRequests, work: GateWork) -> WaiverPage:
    """Exceptions that wait for the caller, as far as roles tell."""
    caller = work.unit.caller
    projects = caller.projects_with(Role.SECURITY, Role.ADMIN)
    return await work.dossiers.waivers.requested(
        projects, caller.actor.subject, work.unit.now, after=query.after, limit=query.limit
    )


@HANDLERS.query(ListStandingWaivers)
async def list_standing_waivers(query: ListStandingWaivers, work: GateWork) -> WaiverPage:
    """Those that are not over, those that end first leading; without a project, of all that the caller is in."""
    caller = work.unit.caller
    if query.project is not None:
        caller.require_member(query.project)
    everywhere = EVERYWHERE in caller.grants
    within = (query.project,) if query.project else None if everywhere else tuple(sorted(caller.grants))
    return await work.dossiers.waivers.open_ones(within, after=query.after, limit=query.limit)
