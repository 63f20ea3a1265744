"""What a version lacks for its next stage, told when it changes."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.gate.v1.commands import EvaluateGates, Passage
from contracts.gate.v1.events import ReadinessChanged
from contracts.vocabulary import Mode
from services.gate.domain.outlook import Outlook, Station, outlook, said
from services.gate.handlers.judging import given
from services.gate.storage.dossiers import Held
from services.gate.storage.unit_of_work import GateWork
from shared.policy.verdict import Verdict
from shared.way import way_of

AT_LEAST_EVERY = timedelta(days=1)
WATCHED_FOR = timedelta(days=90)
"""After its registration or its last move: what nobody moves any more is not looked at for ever."""
_JUST_AFTER = timedelta(milliseconds=1)
"""At its last moment evidence still counts."""
NOBODY = "nobody"
"""Readiness is what the gates would say to whoever asks; nobody acts on it."""


async def look_at(work: GateWork, key: str) -> None:
    """Judge what lies before a version, and say it when it is another than before."""
    project, application, version = key.split("/")
    held = await work.dossiers.of(project, application, version)
    if held is None:
        return
    stations = await _stations(work, held)
    if not stations:
        # Nobody has told of its way yet, so that nothing can be said; whoever does has it looked at again.
        await work.readiness.keep(key, None, look_at=None, ended=False)
        return
    before = outlook(stations, way_of(held.dossier.circumstances.passed))
    verdict = await _judged(work, held, before) if before else None
    now = said(
        before.to_stage if before else None,
        verdict.outcome if verdict else None,
        [one for one in verdict.findings if not one.lets_pass and one.mode is Mode.BLOCK] if verdict else (),
    )
    if now != await work.readiness.last_said(key):
        work.unit.announce(_changed(work, held, before, verdict))
    dormant = before is None or _is_dormant(work, held)
    look_at = None if dormant else _next_look(work, verdict)
    await work.readiness.keep(key, now, look_at=look_at, ended=dormant)


async def _stations(work: GateWork, held: Held) -> list[Station]:
    dossier = held.dossier
    context = await work.dossiers.surroundings.context(dossier.project, dossier.application)
    if context is None or context.lifecycle is None:
        return []
    stages = await work.dossiers.surroundings.stages(dossier.project, context.lifecycle)
    return [Station(name=one.name, open=one.open, release=one.release) for one in stages]


async def _judged(work: GateWork, held: Held, before: Outlook) -> Verdict:
    dossier = held.dossier
    question = EvaluateGates(
        project=dossier.project,
        application=dossier.application,
        promotion_id="",
        attempt=0,
        version=dossier.version,
        version_digest=dossier.version_digest,
        passages=tuple(Passage(stage=one.stage, gate=one.gate, open=one.open) for one in before.passages),
        positions={},
        requested_by=NOBODY,
        deadline=work.unit.now,
    )
    return await given(question, held, work, "")


def _is_dormant(work: GateWork, held: Held) -> bool:
    """Whether so much time has passed over a version that only its own evidence, moves or waivers wake it."""
    known = held.dossier.circumstances
    newest = max((one.at for one in known.passed), default=known.registered_at)
    return newest is not None and newest + WATCHED_FOR < work.unit.now


def _next_look(work: GateWork, verdict: Verdict | None) -> datetime | None:
    if verdict is None:
        return None
    moments = [
        work.unit.now + AT_LEAST_EVERY,
        verdict.valid_until and verdict.valid_until + _JUST_AFTER,
        *(one.passes_at or one.effective_on for one in verdict.findings),
    ]
    return min(one for one in moments if one and one > work.unit.now)


def _changed(work: GateWork, held: Held, before: Outlook | None, verdict: Verdict | None) -> ReadinessChanged:
    dossier = held.dossier
    return ReadinessChanged(
        project=dossier.project,
        application=dossier.application,
        version=dossier.version,
        version_digest=dossier.version_digest,
        from_stage=before.from_stage if before else way_of(dossier.circumstances.passed).standing,
        to_stage=before.to_stage if before else None,
        outcome=verdict.outcome if verdict else None,
        findings=tuple(one for one in verdict.findings if not one.lets_pass) if verdict else (),
        at=work.unit.now,
    )
