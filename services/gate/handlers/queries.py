"""What the gate is asked."""

from __future__ import annotations

from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.queries import (
    ConfirmVerdict,
    JudgeGates,
    ListPolicies,
    ListPolicyRevisions,
    ListSharedPolicies,
    ListVerdictKeys,
    ListVerdicts,
    ShowPolicy,
    ShowVerdict,
)
from contracts.gate.v1.views import (
    Confirmation,
    Judgement,
    PolicyPage,
    PolicyRevisionPage,
    PolicyView,
    VerdictKeys,
    VerdictPage,
    VerdictView,
)
from contracts.vocabulary import Outcome
from services.gate import wire
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import given, held_about, require_caught_up
from services.gate.storage.unit_of_work import GateWork
from shared.errors import Invalid
from shared.logs import log
from shared.policy.verdict import Verdict


@HANDLERS.query(ListPolicies)
async def list_policies(query: ListPolicies, work: GateWork) -> PolicyPage:
    """The policies of a project."""
    work.unit.caller.require_member(query.project)
    return await work.policies.page(query.project, query.after, query.limit)


@HANDLERS.query(ListSharedPolicies)
async def list_shared_policies(query: ListSharedPolicies, work: GateWork) -> PolicyPage:
    """Policies of other projects. Those that apply everywhere concern everybody who is signed in."""
    if query.project is not None:
        work.unit.caller.require_member(query.project)
    return await work.policies.shared(query.project, query.after, query.limit)


@HANDLERS.query(ShowPolicy)
async def show_policy(query: ShowPolicy, work: GateWork) -> PolicyView:
    """One policy."""
    work.unit.caller.require_member(query.project)
    if (query.policy is None) == (query.digest is None):
        raise Invalid("policy_unnamed", "Name a policy or a digest, and only one.", remedy="Name one of the two.")
    return await work.policies.show(query.project, query.policy, query.digest)


@HANDLERS.query(ListPolicyRevisions)
async def list_policy_revisions(query: ListPolicyRevisions, work: GateWork) -> PolicyRevisionPage:
    """The revisions of one policy."""
    work.unit.caller.require_member(query.project)
    return await work.policies.revisions(query.project, query.policy, query.after, query.limit)


@HANDLERS.query(ShowVerdict)
async def show_verdict(query: ShowVerdict, work: GateWork) -> VerdictView:
    """One verdict."""
    work.unit.caller.require_entry(query.project)
    found = await work.verdicts.get(query.project, query.verdict_id)
    work.unit.caller.require_member(query.project, found.application)
    return found


@HANDLERS.query(ListVerdicts)
async def list_verdicts(query: ListVerdicts, work: GateWork) -> VerdictPage:
    """Verdicts on one version."""
    work.unit.caller.require_member(query.project, query.application)
    version = f"{query.project}/{query.application}/{query.version}"
    return await work.verdicts.page(version, query.after, query.limit)


@HANDLERS.query(ConfirmVerdict)
async def confirm_verdict(query: ConfirmVerdict, work: GateWork) -> Confirmation:
    """Whether the verdict is stored as it was signed, and would be given again now, from what there is now.

    Raises `Transient` while the dossier has not reached the positions of the question: a key that was distrusted, or
    evidence that came, just before must not be overlooked.
    """
    work.unit.caller.require_member(query.project)
    given = await work.verdicts.get(query.project, query.verdict_id)
    because = ""
    if not _as_signed(given, query, work):
        because = "its signature does not match what is stored"
    elif given.outcome is not Outcome.ALLOW:
        because = f"the verdict is {given.outcome}"
    elif work.unit.now > given.expires_at:
        because = "the verdict is too old"
    else:
        asked = {"positions": query.positions, "deadline": given.expires_at}
        question = EvaluateGates.model_validate({**given.model_dump(), **asked})
        now = await _judged_now(question, work)
        because = _difference(given, now)
    return Confirmation(verdict_id=query.verdict_id, holds=not because, because=because)


def _as_signed(given: VerdictView, query: ConfirmVerdict, work: GateWork) -> bool:
    if given.verdict_id == query.verdict_id and work.equipment.signed(wire.announced(given), given.signature):
        return True
    log.error("ALARM: a stored verdict is not the one that the gate signed", verdict=query.verdict_id)
    return False


@HANDLERS.query(JudgeGates)
async def judge_gates(query: JudgeGates, work: GateWork) -> Judgement:
    """What the gates would say. Nothing is kept."""
    work.unit.caller.require_member(query.project, query.application)
    question = EvaluateGates.model_validate(
        {**query.model_dump(), "promotion_id": "", "attempt": 0, "positions": {}, "deadline": work.unit.now}
    )
    return wire.judgement(await _judged_now(question, work))


async def _judged_now(question: EvaluateGates, work: GateWork) -> Verdict:
    held = await held_about(question, work)
    require_caught_up(held, question)
    return await given(question, held, work, "")


def _difference(given: VerdictView, now: Verdict) -> str:
    if now.outcome is not Outcome.ALLOW:
        failed = "; ".join(finding.observed.rstrip(".") for finding in now.findings if not finding.lets_pass)
        return f"the gates say {now.outcome} now: {failed}"[:1000]
    if now.policies != given.policy_digests:
        return "the policies have changed"
    if now.fingerprint != given.fingerprint:
        return "the evidence, or what is around the version, has changed"
    return ""


@HANDLERS.query(ListVerdictKeys)
async def list_verdict_keys(query: ListVerdictKeys, work: GateWork) -> VerdictKeys:  # noqa: ARG001 - it asks for all
    """The public halves of what verdicts were signed with: no secret, and for everybody who is somebody."""
    return await work.signing_keys.all()
