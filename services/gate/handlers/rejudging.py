"""Releases judged again: what admitted them, on what there is now.

Whatever may change how one stands marks it, in the transaction that brings the change; the look (`looking.py`) judges
what is marked, and what time has reached. Mark and judgement write the same document, so that one of two that meet runs
again. What comes before its release is heard of marks nothing: so each is looked at once more when no transaction can
still be under way that did not see it, as after each change.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.gate.v1.views import VerdictView
from contracts.promotion.v1.events import ReleaseTrusted
from contracts.vocabulary import Outcome
from services.gate import wire_rejudging as wire
from services.gate.domain.rejudging import Admission, Standing, carried_by, dossier_of_now, judged_again
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import LARGE, LOOK_AGAIN
from services.gate.handlers.replays import pasts
from services.gate.storage.unit_of_work import GateWork
from shared.errors import NotFound
from shared.logs import log
from shared.policy.dossier import Dossier
from shared.policy.policy import Policy
from shared.policy.replay import Case
from shared.policy.verdict import questions

_JUST_AFTER = timedelta(milliseconds=1)
"""At its last moment evidence still counts."""
_TRY_AGAIN = timedelta(minutes=1)
"""After a rule that could not be judged."""
_LATER = timedelta(hours=1)
"""After what the release was admitted on was not all there."""


@HANDLERS.on(ReleaseTrusted)
async def release_trusted(event: ReleaseTrusted, work: GateWork) -> None:
    """Watch over what admitted a release from now on."""
    await work.admissions.admit(wire.admission(event))


async def rejudge(work: GateWork, key: str) -> None:
    """Judge a release again by what admitted it, and say it when that is another answer than before."""
    before = await work.admissions.get(key)
    if before is None:
        return
    basis = await _basis(before, work)
    if basis is None:
        log.error("what a release was admitted on is not all there: it is not judged again", release=key)
        await work.admissions.keep(before, look_at=work.unit.now + _LATER)
        return
    standing = await _judged(basis, work)
    after = before.carried(carried_by(basis.given.findings)).judged(standing, work.unit.now)
    if after.revision != before.revision:
        work.unit.announce(wire.release_rejudged(after, standing, work.unit.now))
    await work.admissions.keep(after, look_at=_next_look(before, after, standing, work.unit.now))


class _Basis(NamedTuple):
    """What a release was admitted on, and its dossier of now."""

    given: VerdictView
    case: Case
    policies: list[Policy]
    now: Dossier


async def _basis(admission: Admission, work: GateWork) -> _Basis | None:
    """None when something of it is not there any more, or never was."""
    with suppress(NotFound):
        given = await work.verdicts.get(admission.project, admission.verdict_id)
        [past] = await pasts(work, [given])
        policies = await work.policies.with_digests(given.policy_digests)
        held = await work.dossiers.of(given.project, given.application, given.version)
        if past.case is not None and held is not None and len(policies) == len(given.policy_digests):
            return _Basis(given, past.case, policies, dossier_of_now(past.case.dossier, held.dossier))
    return None


async def _judged(basis: _Basis, work: GateWork) -> Standing:
    case, at = basis.case, work.unit.now
    asked = questions(basis.policies, basis.now, case.passages, case.context, at)
    rego = await work.equipment.rego.answer_all(asked) if asked else {}
    if len(basis.now.items) < LARGE:
        return judged_again(basis.policies, case, basis.now, at, rego)
    return await asyncio.to_thread(judged_again, basis.policies, case, basis.now, at, rego)


def _next_look(before: Admission, after: Admission, standing: Standing, now: datetime) -> datetime | None:
    moments = [
        standing.changes_at + _JUST_AFTER if standing.changes_at else None,
        now + _TRY_AGAIN if standing.outcome is Outcome.ERROR else None,
        None if after.stands_as(before) else now + LOOK_AGAIN[-1],
    ]
    return min((one for one in moments if one), default=None)
