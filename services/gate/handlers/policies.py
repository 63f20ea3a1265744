"""Policies and templates: taken over after everything that can be wrong with them was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.answers import Applied
from contracts.gate.v1.commands import ApplyPolicy
from contracts.gate.v1.events import PolicyApplied
from contracts.gate.v1.templates import ApplyTemplate, ListTemplates, ShowTemplate, TemplatePage, TemplateView
from contracts.vocabulary import Role
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import judge_waiting
from services.gate.storage.templates import templates_of
from services.gate.storage.unit_of_work import GateWork
from shared.errors import Forbidden, Invalid
from shared.identity import EVERYWHERE
from shared.messaging.dispatcher import Outside
from shared.policy.policy import Policy, read_policy
from shared.policy.rules import Rego, each_rule
from shared.policy.template import RuleTemplate, read_template, resolved, templates_named


async def read_with_templates(command: ApplyPolicy, outside: Outside) -> Policy:
    """The policy with the modules of its templates written in, each module looked at by the engine.

    Whoever may not apply it is told so before anything of theirs is run.
    """
    outside.caller.require(command.project, Role.SECURITY)
    return await read_resolved(command.project, command.document, outside)


async def read_resolved(project: str, document: Mapping[str, Any], outside: Outside) -> Policy:
    """The policy that a document says. Raises `Invalid` as `read_policy`, `resolved` and the engine do."""
    templates = await templates_of(outside.database, project, templates_named(document))
    policy = read_policy(resolved(document, templates))
    for rule in each_rule(policy.spec.rules):
        if isinstance(rule, Rego) and rule.rego:
            await outside.equipment.rego.check(rule.rego)
    return policy


@HANDLERS.command(ApplyPolicy, prepare=read_with_templates)
async def apply_policy(command: ApplyPolicy, work: GateWork, policy: Policy) -> Applied:
    """Take a policy over, and judge again what waits."""
    caller = work.unit.caller
    caller.require(command.project, Role.SECURITY)
    require_place(policy.metadata.project, policy.name, command.project, command.policy)
    # What it replaces counts as well: to take a policy away from a gate is to change what that gate asks for.
    before = await work.policies.own(command.project, policy.name)
    both = [one for one in (before, policy) if one]
    projects = sorted({project for one in both for project in one.projects})
    if projects != [command.project]:
        caller.require(EVERYWHERE, Role.SECURITY)
    for one in both:
        await _require_not_own(one, work)
    applied = await work.policies.apply(command.project, policy, caller.actor.subject)
    if applied.change != "unchanged":
        work.unit.announce(_applied(policy, applied.revision, work))
        for project in projects:
            await work.readiness.mark_within(project)
        await judge_waiting(work, await work.evaluations.open_in(projects, work.unit.now))
    return Applied(kind="Policy", name=policy.name, digest=policy.digest, **applied._asdict())


def _applied(policy: Policy, revision: int, work: GateWork) -> PolicyApplied:
    return PolicyApplied(
        project=policy.metadata.project,
        application=None,
        policy=policy.name,
        digest=policy.digest,
        mode=policy.spec.mode,
        revision=revision,
        by=work.unit.caller.actor.subject,
        at=work.unit.now,
    )


async def _require_not_own(policy: Policy, work: GateWork) -> None:
    """Raises `Forbidden` for a caller that owns an application which the policy is for."""
    subject = work.unit.caller.actor.subject
    async for context in work.dossiers.surroundings.contexts(policy.projects):
        if subject in context.owners and policy.spec.scope.holds(
            context.application, context.criticality, context.labels
        ):
            raise Forbidden(
                "policy_own_gate",
                f"{subject} owns {context.project}/{context.application}, which this policy is for.",
                remedy="Have somebody review and apply it who does not own what it gates.",
            )


def require_place(project: str, name: str, asked_project: str, asked_name: str) -> None:
    """Raises `Invalid` for a document that is of another place than the request."""
    if (project, name) != (asked_project, asked_name):
        raise Invalid(
            "policy_misplaced",
            f"The document is {project}/{name}, the request {asked_project}/{asked_name}.",
            remedy="Make both the same.",
        )


async def read_checked(command: ApplyTemplate, outside: Outside) -> RuleTemplate:
    """The template, its module looked at by the engine."""
    outside.caller.require(command.project, Role.SECURITY)
    template = read_template(command.document)
    await outside.equipment.rego.check(template.spec.rego)
    return template


@HANDLERS.command(ApplyTemplate, prepare=read_checked)
async def apply_template(command: ApplyTemplate, work: GateWork, template: RuleTemplate) -> Applied:
    """Take a template over, for the policies that are applied from now on."""
    caller = work.unit.caller
    caller.require(command.project, Role.SECURITY)
    require_place(template.metadata.project, template.metadata.name, command.project, command.template)
    applied = await work.templates.apply(template, caller.actor.subject)
    return Applied(kind="RuleTemplate", name=command.template, digest=template.digest, **applied._asdict())


@HANDLERS.query(ShowTemplate)
async def show_template(query: ShowTemplate, work: GateWork) -> TemplateView:
    """One template."""
    work.unit.caller.require_member(query.project)
    return await work.templates.show(query.project, query.template)


@HANDLERS.query(ListTemplates)
async def list_templates(query: ListTemplates, work: GateWork) -> TemplatePage:
    """The templates of a project."""
    work.unit.caller.require_member(query.project)
    return await work.templates.page(query.project, query.after, query.limit)
