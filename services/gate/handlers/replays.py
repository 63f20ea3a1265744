"""Decided again: a verdict on what it pins, and history under a draft."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from contracts.findings import Finding
from contracts.gate.v1.replays import Replay, ReplayVerdict, SimulatedVerdict, SimulatePolicy, Simulation
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import Digest, Outcome
from services.gate import wire
from services.gate.handlers import HANDLERS
from services.gate.handlers.policies import read_resolved, require_place
from services.gate.simulating import Draft, Past, in_effect
from services.gate.storage.unit_of_work import GateWork
from shared.digests import canonical_digest
from shared.messaging.dispatcher import Outside
from shared.policy.policy import Policy
from shared.policy.replay import Case, differences
from shared.policy.verdict import circumstances_digest

_LISTED = 20


@HANDLERS.query(ReplayVerdict)
async def replay_verdict(query: ReplayVerdict, work: GateWork) -> Replay:
    """Give a verdict again on exactly what it pins, and compare word for word."""
    work.unit.caller.require_entry(query.project)
    given = await work.verdicts.get(query.project, query.verdict_id)
    work.unit.caller.require_member(query.project, given.application)
    [past] = await pasts(work, [given], afresh=True)
    policies = await work.policies.with_digests(given.policy_digests)
    missing = (*past.missing, *sorted(set(given.policy_digests) - {policy.digest for policy in policies}))
    if past.case is None or missing:
        return Replay(
            verdict_id=given.verdict_id, agrees=False, differences=tuple(f"missing: {one}" for one in missing)
        )
    again = past.case.decided(policies, await work.equipment.rego.answer_all(past.case.questions(policies)))
    found = (*differences(given, again), *_altered(given, work))
    return Replay(
        verdict_id=given.verdict_id,
        agrees=not found,
        differences=found,
        outcome=again.outcome,
        findings=again.findings,
        fingerprint=again.fingerprint,
    )


async def draft_of(query: SimulatePolicy, outside: Outside) -> Policy:
    """The draft as it would be applied, in effect at once."""
    outside.caller.require_member(query.project)
    policy = await read_resolved(query.project, query.document, outside)
    require_place(policy.metadata.project, policy.name, query.project, policy.name)
    return in_effect(policy)


@HANDLERS.query(SimulatePolicy, prepare=draft_of)
async def simulate_policy(query: SimulatePolicy, work: GateWork, policy: Policy) -> Simulation:
    """Judge one page of past verdicts again, with the draft in the place of what it would replace."""
    work.unit.caller.require_member(query.project)
    until = query.until or work.unit.now
    found, following = await work.verdicts.span(query.project, query.since, until, query.after, query.limit)
    draft = Draft(policy)
    changed, skipped, governed = [], [], 0
    concerned = [one for one in found if draft.concerns(one)]
    known = await _policies_of(work, concerned)
    for past in await pasts(work, concerned):
        if past.case is None:
            skipped.append(past.given.verdict_id)
            continue
        then = [known[digest] for digest in past.given.policy_digests if digest in known]
        if len(then) < len(past.given.policy_digests):
            skipped.append(past.given.verdict_id)
            continue
        policies = draft.among(then)
        again = past.case.decided(policies, await work.equipment.rego.answer_all(past.case.questions(policies)))
        governed += policy.digest in again.policies
        if again.outcome is not past.given.outcome:
            changed.append(
                _changed(past.given, again.outcome, [one for one in again.findings if one.policy == policy.name])
            )
        await asyncio.sleep(0)  # Others are waiting for their answers, too.
    in_force = await work.policies.own(query.project, policy.name)
    return Simulation(
        draft=policy.digest,
        replaces=in_force.digest if in_force else None,
        total=await work.verdicts.count_span(query.project, query.since, until),
        judged=len(found),
        governed=governed,
        unchanged=len(found) - len(changed) - len(skipped),
        changed=tuple(changed),
        skipped=tuple(skipped),
        next=following,
    )


async def pasts(work: GateWork, verdicts: Sequence[VerdictView], *, afresh: bool = False) -> list[Past]:
    """What these verdicts were given on, read in one go; `afresh` from the database, whatever is remembered."""
    records = {one.record for verdict in verdicts for one in verdict.considered}
    project = verdicts[0].project if verdicts else ""
    forms = await work.dossiers.evidence.forms(project, records, afresh=afresh)
    found = []
    for verdict in verdicts:
        missing = tuple(one.evidence_id for one in verdict.considered if one.record not in forms)
        if verdict.circumstances is None:
            missing = ("circumstances", *missing)
        items = [forms[one.record] for one in verdict.considered if one.record in forms]
        case = None if missing or verdict.circumstances is None else Case(verdict, items, verdict.circumstances)
        found.append(Past(verdict, case, missing))
    return found


async def _policies_of(work: GateWork, verdicts: Sequence[VerdictView]) -> Mapping[Digest, Policy]:
    """The policies of all these verdicts by what they say, read in one go."""
    digests = {digest for verdict in verdicts for digest in verdict.policy_digests}
    return {policy.digest: policy for policy in await work.policies.with_digests(digests)}


def _altered(given: VerdictView, work: GateWork) -> tuple[str, ...]:
    """What of a verdict on record is not what was announced."""
    considered = canonical_digest([one.model_dump(mode="json") for one in given.considered])
    wrong = {
        "list of considered evidence": given.considered_digest not in (None, considered),
        "circumstances": given.circumstances is not None
        and circumstances_digest(given.circumstances) != given.circumstances_digest,
        "signature": not work.equipment.signed(wire.announced(given), given.signature),
    }
    return tuple(name for name, is_wrong in wrong.items() if is_wrong)


def _changed(given: VerdictView, would_be: Outcome, findings: Sequence[Finding]) -> SimulatedVerdict:
    return SimulatedVerdict(
        verdict_id=given.verdict_id,
        promotion_id=given.promotion_id,
        application=given.application,
        version=given.version,
        passages=given.passages,
        judged_at=given.judged_at,
        was=given.outcome,
        would_be=would_be,
        findings=tuple(one for one in findings if not one.lets_pass)[:_LISTED],
    )
