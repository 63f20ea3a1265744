"""What must hold after every fault (the numbers are those of the fault matrix in `docs/architecture/faults.md`).

- I1: nothing acknowledged is lost. I2: no effect happens twice. I3: no version enters a stage without an allowance that
  the gate signed for it, dated before. I4: the log verifies from end to end. I5: every promotion has ended or waits for
  something named. I6: what was refused or failed is to be seen.
- Each check is a pure function from what is on record to what is wrong, in words that begin with the number.
- `require_invariants` first waits until nothing is on its way: what comes late is not lost, what never comes is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from contracts.gate.v1.events import VerdictIssued
from contracts.vocabulary import Outcome, PromotionKind
from services.promotion.believing import check_verdict
from services.promotion.domain.promotion import FINAL
from shared.clearances import Gate, gates_of
from shared.clock import utc_now
from shared.errors import HallmarkError
from shared.gate_keys import GateKeys
from shared.mongo import Document
from tests.support.eventually import eventually
from tests.support.recorded import Acknowledged, Reader, Recorded, Said

GRACE = timedelta(seconds=60)
_ENDED = {state.value for state in FINAL}
_ONCE = {
    # A fact, and what of its body names the effect that may happen once.
    "version.created": ("project", "application", "version"),
    "version.moved": ("promotion_id",),
    "promotion.requested": ("promotion_id",),
    "promotion.completed": ("promotion_id",),
    "promotion.ended": ("promotion_id",),
    "release.trusted": ("promotion_id",),
    "verdict.issued": ("verdict_id",),
}
_TOLD_AGAIN = {"version.moved"}
"""Facts that answer a step which was told again, word by word and under another id: said twice, done once."""
_LOGGED_ONCE = {"evidence", "approval", "promotion", "verdict", "refusal"}


async def require_invariants(
    reader: Reader, acknowledged: Acknowledged, *, within: float = 90, dead: Collection[str] = ()
) -> Recorded:
    """Wait until all is at rest, then check everything. `dead` are codes of the dead letters that are in order.

    Raises AssertionError with every problem found. Databases and streams are not read in one moment, so what does not
    fit together is looked at again for a while: nothing that was wrongly done ever goes away by itself.
    """
    await eventually(reader.restless, lambda left: not left, within=within)
    for receipt in acknowledged.receipts:
        if receipt.inclusion:  # It may have been given before the log had a place for the evidence.
            reader.watch.check(receipt)

    seen: list[Recorded] = []

    async def look() -> list[str]:
        recorded = await reader.read()
        seen[:] = [recorded]
        unexpected = Counter(one.code for one in recorded.dead if one.code not in dead)
        problems = [f"I6 {count} unexpected dead letters: {code}" for code, count in sorted(unexpected.items())]
        return problems + broken(recorded, acknowledged, reader.gate_keys, utc_now())

    await eventually(look, lambda problems: not problems, within=15)
    return seen[0]


def broken(recorded: Recorded, acknowledged: Acknowledged, gate_keys: GateKeys, now: datetime) -> list[str]:
    """Everything that does not hold, sorted."""
    return sorted(
        [
            *lost(recorded, acknowledged),
            *doubled(recorded),
            *unallowed(recorded, gate_keys),
            *(f"I4 {problem}" for problem in recorded.log_problems),
            *unlogged(recorded),
            *unfinished(recorded, now),
            *unseen(recorded),
        ]
    )


def lost(recorded: Recorded, acknowledged: Acknowledged) -> Iterator[str]:
    """I1: what was acknowledged or committed is there."""
    for promotion_id in sorted(acknowledged.promotions - set(recorded.promotions)):
        yield f"I1 promotion {promotion_id} was acknowledged and is gone"
    for version in sorted(acknowledged.versions - set(recorded.versions)):
        yield f"I1 version {version} was acknowledged and is gone"
    evidence = {document["evidence_id"] for document in recorded.records.values()}
    for receipt in acknowledged.receipts:
        if receipt.evidence_id not in evidence:
            yield f"I1 evidence {receipt.evidence_id} was acknowledged and is gone"
    yield from _untold(recorded)
    ended = {
        one.json()["promotion_id"] for kind in ("completed", "ended") for one in recorded.facts_of(f"promotion.{kind}")
    }
    for key, promotion in recorded.promotions.items():
        if promotion["state"] in _ENDED and key not in ended:
            yield f"I1 nobody was told how promotion {key} ended"
    yield from _unmoved(recorded)


def _untold(recorded: Recorded) -> Iterator[str]:
    told = {one.message_id: one.body for one in recorded.facts}
    for service, rows in recorded.outboxes.items():
        for row in rows.values():
            if not row["sent"]:
                yield f"I1 {service} never published {row['subject']} {row['_id']}"
            elif row["subject"].startswith("hallmark.evt.") and told.get(row["_id"]) != bytes(row["body"]):
                yield f"I1 the stream has not what {service} said: {row['subject']} {row['_id']}"


def _unmoved(recorded: Recorded) -> Iterator[str]:
    moves = {move["promotion_id"] for version in recorded.versions.values() for move in version["history"]}
    for key, promotion in recorded.promotions.items():
        if promotion["state"] in _ENDED and (promotion["state"] == "completed") != (key in moves):
            yield f"I1 promotion {key} is {promotion['state']}, and its version moved: {key in moves}"


def doubled(recorded: Recorded) -> Iterator[str]:
    """I2: each effect once."""
    moves = Counter(move["promotion_id"] for version in recorded.versions.values() for move in version["history"])
    yield from (f"I2 promotion {key} moved its version {count} times" for key, count in moves.items() if count > 1)
    for kind, names in _ONCE.items():
        seen: dict[tuple[Any, ...], set[str | bytes]] = defaultdict(set)
        for one in recorded.facts_of(kind):
            body = one.json()
            seen[tuple(body[name] for name in names)].add(one.body if kind in _TOLD_AGAIN else one.message_id)
        yield from (f"I2 {kind} of {key} was said {len(ids)} times" for key, ids in seen.items() if len(ids) > 1)
    bodies: dict[str, bytes] = {}
    for one in recorded.facts:
        if bodies.setdefault(one.message_id, one.body) != one.body:
            yield f"I2 two different facts are called {one.message_id}"
    entries = Counter((one["kind"], one["project"], one["subject"]) for one in recorded.log)
    yield from (
        f"I2 {' '.join(key)} is in the log {count} times"
        for key, count in entries.items()
        if count > 1 and key[0] in _LOGGED_ONCE
    )


def unallowed(recorded: Recorded, gate_keys: GateKeys) -> Iterator[str]:
    """I3: every move rests on an allowance that the gate signed, and whoever stands in a stage has moved there."""
    verdicts = {one.json()["verdict_id"]: one for one in recorded.facts_of("verdict.issued")}
    releases = {one.json()["promotion_id"]: one.json()["release"] for one in recorded.facts_of("version.moved")}
    for key, version in recorded.versions.items():
        for move in version["history"]:
            into_release = releases.get(move["promotion_id"], True)
            needed = gates_of(PromotionKind(move["kind"]), move["from_stage"], move["to_stage"], release=into_release)
            if problem := _not_allowed(version, move, needed, verdicts.get(move["verdict_id"]), gate_keys):
                yield f"I3 {key} entered {move['to_stage']} by {move['promotion_id']}: {problem}"
        entered = {move["to_stage"] for move in version["history"]}
        if version["stage"] is not None and version["stage"] not in entered:
            yield f"I3 {key} stands in {version['stage']}, where no promotion brought it"
    for place, standing in recorded.standings.items():
        application, _, stage = place.rpartition("/")
        mover = recorded.versions.get(f"{application}/{standing['version']}")
        if standing["version"] and (mover is None or stage not in {one["to_stage"] for one in mover["history"]}):
            yield f"I3 {standing['version']} is current in {place}, where no promotion brought it"


def _not_allowed(version: Document, move: Document, needed: set[Gate], said: Said | None, gate_keys: GateKeys) -> str:
    if said is None:
        return f"no verdict {move['verdict_id']} was ever given"
    verdict = VerdictIssued.model_validate_json(said.body)
    passed = {(one.stage, one.gate): one for one in verdict.passages}
    try:
        check_verdict(verdict, gate_keys)
    except HallmarkError as error:
        return error.message
    wrong: list[tuple[bool, str]] = [
        (verdict.outcome is not Outcome.ALLOW, f"the verdict says {verdict.outcome}"),
        (verdict.version_digest != version["digest"], "it is for another digest"),
        (verdict.promotion_id != move["promotion_id"], "it is for another promotion"),
        (verdict.attempt != move["attempt"], "it is for another attempt"),
        (not needed <= set(passed), "it is not for every gate of the way"),
        (not verdict.policy_digests and not all(passed[one].open for one in needed if one in passed), "by no policy"),
        (verdict.judged_at > move["at"], "it was given afterwards"),
        (move["at"] > verdict.expires_at, "it had expired"),
    ]
    return ", ".join(text for is_wrong, text in wrong if is_wrong)


def unlogged(recorded: Recorded) -> Iterator[str]:
    """I4: what must be in the log before a version moves is in it, before."""
    places = {(one["kind"], one["subject"]): index for index, one in enumerate(recorded.log)}
    for document in recorded.queued.values():
        yield f"I4 an entry is not in the log yet: {document['_id']}"
    for key, version in recorded.versions.items():
        for move in version["history"]:
            passage = places.get(("passage", f"{move['promotion_id']}|{move['attempt']}"))
            if passage is None:
                yield f"I4 the passage of {key} by {move['promotion_id']} is not in the log"
            elif passage > places.get(("promotion", move["promotion_id"]), passage):
                yield f"I4 {move['promotion_id']} was completed before its passage was logged"
    evidence = {one["subject"] for one in recorded.log if one["kind"] in {"evidence", "approval"}}
    for document in recorded.records.values():
        if document["evidence_id"] not in evidence:
            yield f"I4 evidence {document['evidence_id']} is not in the log"


def unfinished(recorded: Recorded, now: datetime) -> Iterator[str]:
    """I5: a promotion has ended, or waits for something named before its deadline; only those that are open claim."""
    for key, promotion in recorded.promotions.items():
        if promotion["state"] in _ENDED:
            continue
        if promotion["doing"] is not None:
            yield f"I5 promotion {key} hangs in {promotion['state']}, {promotion['doing']}"
        if now > promotion["deadline"] + GRACE:
            yield f"I5 promotion {key} is past its deadline in {promotion['state']}"
    for claim, document in recorded.claims.items():
        holder = recorded.promotions.get(document["promotion_id"])
        if holder is None or holder["state"] in _ENDED:
            yield f"I5 {claim} is claimed by {document['promotion_id']}, which has ended"
    yield from (f"I5 {one}" for one in recorded.backlog)


def unseen(recorded: Recorded) -> Iterator[str]:
    """I6: every dead letter says why, and every one that a service knows of is on the stream."""
    on_stream = {(one.service, one.original_id) for one in recorded.dead}
    for service, rows in recorded.buried.items():
        for key in rows:
            if (service, key) not in on_stream:
                yield f"I6 {service} buried {key} and told nobody"
    for letter in recorded.dead:
        if not (letter.code and letter.reason):
            yield f"I6 the dead letter {letter.original_id} does not say why"
    for one in recorded.facts_of("promotion.ended"):
        if not one.json()["because"]:
            yield f"I6 promotion {one.json()['promotion_id']} ended and does not say why"


def trusted_last(recorded: Recorded) -> list[str]:
    """Whether trust was said after the completion, and that after the move: for streams that were never told again."""
    moved, completed, trusted = (
        {one.json()["promotion_id"]: one.sequence for one in recorded.facts_of(kind)}
        for kind in ("version.moved", "promotion.completed", "release.trusted")
    )
    early = [key for key in completed if completed[key] < moved.get(key, 0)]
    early += [key for key in trusted if trusted[key] < completed.get(key, 0)]
    return sorted(early)
