"""Joins the promotion service's parts."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.evidence.v1.commands import AttestPassage, RecordApproval, RecordBrokenGlass, WithdrawPassage
from contracts.evidence.v1.queries import ReadPositions
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.queries import ConfirmVerdict, JudgeGates
from contracts.registry.v1.commands import MoveVersion, MoveVersionsTogether
from contracts.registry.v1.drafts import SealVersion
from contracts.registry.v1.queries import ShowVersion
from services.promotion.equipment import PromotionSettings, load_equipment
from services.promotion.handlers import HANDLERS, automatic, deciding, events, freezes, queries, requesting, surveys
from services.promotion.storage.unit_of_work import INDEXES
from services.promotion.sweep import sweep
from shared.service import Service, serve_environment

ROOMS = (automatic, deciding, events, freezes, queries, requesting, surveys)
SERVICE = Service(
    "promotion",
    HANDLERS,
    INDEXES,
    duties=(sweep,),
    equip=load_equipment,
    asks=(ShowVersion, SealVersion, ReadPositions, ConfirmVerdict, JudgeGates),
    removes=frozenset({"claims"}),
    tells=(
        EvaluateGates,
        RecordApproval,
        RecordBrokenGlass,
        AttestPassage,
        WithdrawPassage,
        MoveVersion,
        MoveVersionsTogether,
    ),
)


def run(env: Mapping[str, str]) -> None:
    """Run one promotion process until SIGTERM."""
    serve_environment(SERVICE, env, PromotionSettings)
