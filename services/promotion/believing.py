"""Which verdicts are believed: those that the gate signed, and of the allowing ones those with a clearance."""

from __future__ import annotations

from contracts.gate.v1.events import VerdictIssued
from contracts.vocabulary import Outcome
from shared.gate_keys import GateKeys
from shared.messaging.dispatcher import Outside
from shared.verdict_signature import invalid_signature


async def believed(event: VerdictIssued, outside: Outside) -> None:
    """Refuse a verdict before anything is read for it. Raises `Unauthenticated`: it ends as a dead letter."""
    check_verdict(event, outside.equipment.gate_keys)


def check_verdict(event: VerdictIssued, gate_keys: GateKeys) -> None:
    """Pass when the gate signed exactly this verdict. Raises `Unauthenticated`.

    An allowance without a clearance could not be acted on: nobody would sign or move anything for it.
    """
    gate_keys.check_verdict(event.model_dump(mode="json", exclude={"signature"}), event.signature)
    if event.outcome is Outcome.ALLOW and event.clearance is None:
        raise invalid_signature("it allows, and holds no clearance")
