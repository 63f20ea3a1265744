"""Judging a question: the one place where dossier, policies and domain meet.

A pending answer stays open: new evidence, policies, waivers and moves judge it again. Two transactions can slip past
each other, since neither sees what the other has not committed. So every open answer is looked at again a little later,
and once more after the longest time that a transaction can take; and when time alone may change it (`looking.py`).
Final answers need no such care: an allowing one is confirmed before anything moves.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.gate.v1.commands import EvaluateGates
from contracts.vocabulary import Outcome
from services.gate import wire
from services.gate.storage.dossiers import Held
from services.gate.storage.evaluations import Evaluation
from services.gate.storage.unit_of_work import GateWork
from shared.errors import Conflict, Transient
from shared.policy.verdict import DecisionContext, Verdict, decide, questions

LOOK_AGAIN = (timedelta(seconds=2), timedelta(seconds=90))
"""After the first judgement: soon, and when no transaction can still be under way that began before it."""
AT_ONCE = 20
"""How many open questions one transaction judges again: it must end in seconds, however many wait for one policy."""
LARGE = 1_000
"""From so many pieces of evidence on a decision is made in a thread of its own: others wait for their answers, too."""


async def judge(question: EvaluateGates, work: GateWork, *, before: Evaluation | None = None) -> None:
    """Answer, keep the answer, and say it unless it is the same as `before`.

    Raises `Transient` while the version or evidence that was recorded before the question has not arrived here.
    """
    held = await held_about(question, work)
    require_caught_up(held, question)
    seed = f"{work.unit.meta.message_id}\n{question.promotion_id}\n{question.attempt}".encode()
    verdict = await given(question, held, work, f"vd-{hashlib.sha256(seed).hexdigest()[:24]}")
    evaluation = _evaluation(question, verdict, before, work.unit.now)
    await work.evaluations.remember(evaluation)
    if before and (before.fingerprint, before.outcome) == (verdict.fingerprint, verdict.outcome):
        return
    view = wire.signed_view(question, verdict, held, work.equipment)
    await work.verdicts.add(view)
    await work.dossiers.waivers.used(view)
    work.unit.announce(wire.verdict_issued(view))


async def given(question: EvaluateGates, held: Held, work: GateWork, verdict_id: str) -> Verdict:
    """What the policies in force say at this moment."""
    policies = await work.policies.in_force(question.project)
    passages = wire.passages_from(question.passages)
    context = DecisionContext(verdict_id, question.requested_by, question.positions, kind=question.kind)
    if asked := questions(policies, held.dossier, passages, context, work.unit.now):
        context = replace(context, rego=await work.equipment.rego.answer_all(asked))
    if len(held.dossier.items) < LARGE:
        return decide(policies, held.dossier, passages, context, work.unit.now)
    return await asyncio.to_thread(decide, policies, held.dossier, passages, context, work.unit.now)


def _evaluation(question: EvaluateGates, verdict: Verdict, before: Evaluation | None, now: datetime) -> Evaluation:
    open_until = question.deadline if verdict.outcome is Outcome.PENDING and now < question.deadline else None
    looks = [now + wait for wait in LOOK_AGAIN] if before is None else [one for one in before.looks if one > now]
    waits = [one.passes_at for one in verdict.findings if one.passes_at and not one.lets_pass]
    looks = sorted({*looks, *(moment for moment in waits if moment > now)})
    return Evaluation(question, verdict.fingerprint, verdict.outcome, open_until is not None, tuple(looks))


def require_caught_up(held: Held, question: EvaluateGates) -> None:
    """Raises `Transient` while evidence, or a judgement of it, that the question has seen has not arrived here."""
    if behind := held.dossier.behind(question.positions):
        raise Transient("dossier_behind", f"Recorded evidence about {', '.join(behind)} has not arrived here yet.")


async def held_about(question: EvaluateGates, work: GateWork) -> Held:
    """The dossier asked about. Raises `Transient` before the version is known, `Conflict` for another digest."""
    held = await work.dossiers.of(question.project, question.application, question.version, counting=question.positions)
    if held is None:
        raise Transient("version_not_heard", f"The gate has not heard of version {question.version} yet.")
    if held.dossier.version_digest != question.version_digest:
        raise Conflict(
            "version_digest_differs",
            f"{question.version} has the digest {held.dossier.version_digest}, not {question.version_digest}.",
            remedy="Ask about the version as it was registered.",
        )
    return held


async def look_again_at(work: GateWork, project: str, application: str) -> None:
    """Something around the versions of one application has changed: judge what waits, and look at their readiness."""
    await work.readiness.mark_within(f"{project}/{application}")
    await judge_again_of(work, project, application)


async def judge_again_of(work: GateWork, project: str, application: str) -> None:
    """Judge what waits about versions of one application."""
    await judge_waiting(work, await work.evaluations.open_of(project, application, work.unit.now))


async def judge_waiting(work: GateWork, waiting: Sequence[Evaluation]) -> None:
    """Judge the first of these questions again, and have the others looked at in a moment."""
    for evaluation in waiting[:AT_ONCE]:
        await judge(evaluation.question, work, before=evaluation)
    await work.evaluations.look_soon(waiting[AT_ONCE:], work.unit.now)
