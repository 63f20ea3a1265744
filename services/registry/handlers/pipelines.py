"""Which pipelines may act: rules that administrators apply, and what they let one run do."""

from __future__ import annotations

from contracts.answers import Applied
from contracts.registry.v1.pipelines import (
    ApplyPipelineIdentity,
    ListPipelineIdentities,
    PipelineIdentityApplied,
    PipelineIdentityPage,
    PipelineIdentityView,
    PipelineIdentityWithdrawn,
    PipelineRights,
    ResolvePipeline,
    ShowPipelineIdentity,
    WithdrawPipelineIdentity,
)
from contracts.vocabulary import Role
from services.registry import wire_pipelines as wire
from services.registry.domain.pipeline_identity import anchor_claim, resolve
from services.registry.handlers import HANDLERS
from services.registry.storage.unit_of_work import RegistryWork
from shared.identity import EVERYWHERE


@HANDLERS.command(ApplyPipelineIdentity)
async def apply_pipeline_identity(command: ApplyPipelineIdentity, work: RegistryWork) -> Applied:
    """Let the runs of a pipeline act, or change what they may do."""
    caller, name = work.unit.caller, command.pipeline_identity
    caller.require(command.project, Role.ADMIN)
    await work.catalogue.project(command.project)
    rule, content = wire.identity_from(command), wire.content_of(command)
    by, at = caller.actor.subject, work.unit.now
    applied = await work.pipelines.apply(command.project, name, content, rule.anchors, by=by, at=at)
    if applied.change != "unchanged":
        work.unit.announce(
            PipelineIdentityApplied(
                **content,
                project=command.project,
                pipeline_identity=name,
                revision=applied.revision,
                digest=applied.digest,
                by=by,
                at=at,
            )
        )
    return Applied(kind="PipelineIdentity", name=name, **vars(applied))


@HANDLERS.command(WithdrawPipelineIdentity)
async def withdraw_pipeline_identity(command: WithdrawPipelineIdentity, work: RegistryWork) -> Applied:
    """Let nobody act by a rule any more."""
    work.unit.caller.require(command.project, Role.ADMIN)
    applied = await work.pipelines.withdraw(command.project, command.pipeline_identity)
    if applied.change != "unchanged":
        work.unit.announce(
            PipelineIdentityWithdrawn(
                project=command.project,
                pipeline_identity=command.pipeline_identity,
                revision=applied.revision,
                by=work.unit.caller.actor.subject,
                at=work.unit.now,
            )
        )
    return Applied(kind="PipelineIdentity", name=command.pipeline_identity, **vars(applied))


@HANDLERS.query(ShowPipelineIdentity)
async def show_pipeline_identity(query: ShowPipelineIdentity, work: RegistryWork) -> PipelineIdentityView:
    """One rule."""
    work.unit.caller.require_member(query.project)
    return await work.pipelines.show(query.project, query.pipeline_identity)


@HANDLERS.query(ListPipelineIdentities)
async def list_pipeline_identities(query: ListPipelineIdentities, work: RegistryWork) -> PipelineIdentityPage:
    """The rules of a project."""
    work.unit.caller.require_member(query.project)
    return await work.pipelines.page(query.project, query.after, query.limit)


@HANDLERS.query(ResolvePipeline)
async def resolve_pipeline(query: ResolvePipeline, work: RegistryWork) -> PipelineRights:
    """What a run may do, in every project whose rules fit it. Answers only who may read everywhere."""
    work.unit.caller.require_member(EVERYWHERE)
    anchor = anchor_claim(query.claims)
    found = await work.pipelines.about(query.issuer, f"{anchor}={query.claims[anchor]}") if anchor else []
    rules = [wire.identity_of(one["project"], one["name"], one) for one in found]
    return wire.rights_of(query, resolve(rules, query.issuer, query.claims))
