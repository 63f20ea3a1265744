"""Judging a question: the one place where dossier, policies and domain meet.

A pending answer stays open: new evidence and new policies judge it again. It touches what they touch, so that neither
can slip past the other. Final answers need no such care: an allowing one is confirmed before anything moves.
"""

from __future__ import annotations

import hashlib

from contracts.gate.v1.commands import EvaluateGates
from contracts.vocabulary import Outcome
from services.gate import wire
from services.gate.storage.unit_of_work import GateWork
from services.gate.storage.verdicts import Evaluation
from shared.errors import Conflict, Transient
from shared.policy.dossier import Dossier
from shared.policy.verdict import DecisionContext, decide


async def judge(question: EvaluateGates, work: GateWork, *, before: Evaluation | None = None) -> None:
    """Answer, keep the answer, and say it unless it is the same as `before`.

    Raises `Transient` while the version or evidence that was recorded before the question has not arrived here.
    """
    dossier = await dossier_of(question, work)
    require_caught_up(dossier, question)
    policies = await work.policies.in_force(question.project)
    seed = f"{work.unit.meta.message_id}\n{question.promotion_id}\n{question.attempt}".encode()
    context = DecisionContext(
        f"vd-{hashlib.sha256(seed).hexdigest()[:24]}", question.requested_by, question.positions, kind=question.kind
    )
    verdict = decide(policies, dossier, wire.passages_from(question.passages), context, work.unit.now)
    pending = verdict.outcome is Outcome.PENDING
    if pending:
        await work.dossiers.touch_waiting(dossier)
        await work.policies.touch(question.project)
    if before and (before.fingerprint, before.outcome) == (verdict.fingerprint, verdict.outcome):
        return
    view = wire.verdict_view(question, verdict, dossier)
    await work.verdicts.add(view)
    evaluation = Evaluation(question, verdict.fingerprint, verdict.outcome)
    await work.verdicts.remember(
        evaluation, sorted(dossier.subjects), is_open=pending and work.unit.now < question.deadline
    )
    work.unit.announce(wire.verdict_issued(view))


def require_caught_up(dossier: Dossier, question: EvaluateGates) -> None:
    """Raises `Transient` while evidence, or a judgement of it, that the question has seen has not arrived here."""
    if behind := dossier.behind(question.positions):
        raise Transient("dossier_behind", f"Recorded evidence about {', '.join(behind)} has not arrived here yet.")


async def dossier_of(question: EvaluateGates, work: GateWork) -> Dossier:
    """The dossier asked about. Raises `Transient` before the version is known, `Conflict` for another digest."""
    dossier = await work.dossiers.of(
        question.project, question.application, question.version, counting=question.positions
    )
    if dossier is None:
        raise Transient("version_not_heard", f"The gate has not heard of version {question.version} yet.")
    if dossier.version_digest != question.version_digest:
        raise Conflict(
            "version_digest_differs",
            f"{question.version} has the digest {dossier.version_digest}, not {question.version_digest}.",
            remedy="Ask about the version as it was registered.",
        )
    return dossier
