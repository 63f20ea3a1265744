"""Whether a move was cleared: what the services check that act on what the promotion service tells.

- The promotion service's word is not enough: whoever can edit its database, or publish in its name, has that.
- A clearance counts when a key of the gate signed exactly it, for exactly what is told: promotion, attempt, version,
  digest, kind, verdict, trust, waivers, and whatever else both say. No field that both have may differ, but that a
  release which may be called trusted need not be: less may be claimed than was cleared, never more.
- It has to hold every gate that the move goes through: the entry of the stage that is entered, or in which the version
  is certified again; its release gate when it is a release stage; and the exit of the stage that is left, when the
  version goes on. It leaves none by a rollback, a demotion or a re-certification.
- A check costs one signature: no database, no network, no time. Who moves compares the end with the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from contracts.clearance import Clearance, SignedClearance
from contracts.message import Tell
from contracts.vocabulary import GateKind, PromotionKind, StageName
from shared.digests import canonical_digest
from shared.errors import Conflict, Unauthenticated
from shared.gate_keys import GateKeys
from shared.logs import log
from shared.way import FORWARD

Gate = tuple[StageName, GateKind]
_CLEARED_AS: Mapping[str, str] = {"verdict_expires_at": "expires_at"}
"""What the clearance calls fields of the tells, where it does not call them the same."""
_BY_DIGEST: Mapping[str, str] = {"artifacts": "artifacts_digest", "evidence_digests": "evidence_digest"}


def gates_of(kind: PromotionKind, from_stage: StageName | None, to_stage: StageName, *, release: bool) -> set[Gate]:
    """Every gate that such a move goes through."""
    needed = {(to_stage, GateKind.ENTRY)}
    if release:
        needed.add((to_stage, GateKind.RELEASE))
    if from_stage is not None and kind in FORWARD:
        needed.add((from_stage, GateKind.EXIT))
    return needed


def list_digest(digests: Collection[str]) -> str:
    """The digest that a clearance has of a list of digests, in whatever order and however often they are named."""
    return canonical_digest(sorted(set(digests)))


def require_clearance(
    tell: Tell,
    signed: SignedClearance | None,
    gate_keys: GateKeys,
    *,
    gates: Collection[Gate],
    open_gates: Collection[Gate] | None = None,
) -> Clearance:
    """As `check_clearance`, and says aloud what does not pass it."""
    try:
        return check_clearance(tell, signed, gate_keys, gates=gates, open_gates=open_gates)
    except Conflict as refusal:
        # Nothing but a changed database, a stolen password or a bug ends here. ALARM is for operators to watch for.
        promotion = getattr(tell, "promotion_id", "")
        log.error("ALARM: told to act on what no gate has cleared", promotion=promotion, problem=refusal.message)
        raise


def check_clearance(
    tell: Tell,
    signed: SignedClearance | None,
    gate_keys: GateKeys,
    *,
    gates: Collection[Gate],
    open_gates: Collection[Gate] | None = None,
) -> Clearance:
    """The clearance of what is told, through these gates. Raises `Conflict` (`clearance_invalid`).

    `open_gates` are those that the lifecycle declares open; None for whoever does not know the lifecycle.
    """
    if signed is None:
        raise clearance_invalid("there is none")
    try:
        gate_keys.check_clearance(signed)
    except Unauthenticated as error:
        raise clearance_invalid(error.message.rstrip(".")) from error
    if other := _other(tell, signed.clearance):
        raise clearance_invalid(f"it is for another {other}")
    cleared = {(one.stage, one.gate): one.open for one in signed.clearance.passages}
    for stage, gate in sorted(set(gates) - set(cleared)):
        raise clearance_invalid(f"it does not clear the {gate} gate of {stage}")
    for (stage, gate), is_open in sorted(cleared.items()):
        if is_open and open_gates is not None and (stage, gate) not in open_gates:
            raise clearance_invalid(f"it takes the {gate} gate of {stage} for an open one")
    return signed.clearance


def clearance_invalid(why: str) -> Conflict:
    """The refusal to act."""
    return Conflict(
        "clearance_invalid",
        f"No clearance by the gate allows this: {why}.",
        remedy="Find out who changed the promotion, or published the tell, before you promote the version again.",
    )


def _other(tell: Tell, said: Clearance) -> str:
    """The first thing that the tell says otherwise than the clearance."""
    if getattr(tell, "trusted", False) and not said.may_be_trusted:
        return "may_be_trusted"
    for name, value in tell:
        cleared_as = _CLEARED_AS.get(name, name)
        if cleared_as in Clearance.model_fields and value != getattr(said, cleared_as):
            return cleared_as
        if name in _BY_DIGEST and list_digest(value) != getattr(said, _BY_DIGEST[name]):
            return name
    return ""
