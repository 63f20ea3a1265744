"""What the gate is told to do."""

from __future__ import annotations

from contracts.gate.v1.commands import EvaluateGates
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import judge
from services.gate.storage.unit_of_work import GateWork


@HANDLERS.on(EvaluateGates)
async def evaluate_gates(tell: EvaluateGates, work: GateWork) -> None:
    """Judge whether a version may pass; a question that a later attempt has overtaken is not answered any more."""
    if not await work.evaluations.answered(tell):
        await judge(tell, work)
