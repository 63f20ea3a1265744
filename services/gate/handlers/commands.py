"""What the gate is asked and told to do."""

from __future__ import annotations

from contracts.answers import Applied
from contracts.gate.v1.commands import ApplyPolicy, EvaluateGates
from contracts.gate.v1.events import PolicyApplied
from contracts.vocabulary import Role
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import judge
from services.gate.storage.unit_of_work import GateWork
from shared.errors import Invalid
from shared.identity import EVERYWHERE
from shared.policy.policy import read_policy


@HANDLERS.command(ApplyPolicy)
async def apply_policy(command: ApplyPolicy, work: GateWork) -> Applied:
    """Take a policy over, and judge again what waits."""
    work.unit.caller.require(command.project, Role.SECURITY)
    policy = read_policy(command.document)
    if set(policy.projects) != {command.project}:
        work.unit.caller.require(EVERYWHERE, Role.SECURITY)
    if (policy.metadata.project, policy.name) != (command.project, command.policy):
        raise Invalid(
            "policy_misplaced",
            f"The document is {policy.metadata.project}/{policy.name}, the request {command.project}/{command.policy}.",
            remedy="Make both the same.",
        )
    by = work.unit.caller.actor.subject
    applied = await work.policies.apply(command.project, policy, by)
    if applied.change != "unchanged":
        work.unit.announce(
            PolicyApplied(
                project=command.project,
                application=None,
                policy=policy.name,
                digest=policy.digest,
                mode=policy.spec.mode,
                revision=applied.revision,
                by=by,
                at=work.unit.now,
            )
        )
        for evaluation in await work.evaluations.open_in(policy.projects, work.unit.now):
            await judge(evaluation.question, work, before=evaluation)
    return Applied(kind="Policy", name=policy.name, digest=policy.digest, **applied._asdict())


@HANDLERS.on(EvaluateGates)
async def evaluate_gates(tell: EvaluateGates, work: GateWork) -> None:
    """Judge whether a version may pass; a question that a later attempt has overtaken is not answered any more."""
    if not await work.evaluations.answered(tell):
        await judge(tell, work)
