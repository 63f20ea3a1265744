"""Abuse cases 41 and 42: what is told counts by the clearance that the gate signed, and by nothing that is told."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.clearance import Clearance
from contracts.evidence.v1.commands import AttestPassage
from contracts.registry.v1.commands import MoveVersion
from contracts.vocabulary import GateKind, PromotionKind
from shared.clearances import Gate, check_clearance, gates_of, require_clearance
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.errors import Conflict
from shared.gate_keys import GateKeys
from shared.verdict_signature import sign_verdict
from tests.support.clearances import a_tell, cleared

GATE, STRANGER = keys.generate(), keys.generate()
KNOWN = GateKeys(GATE.public_key())
OTHER = sha256_digest(b"another")
NEEDED = gates_of(PromotionKind.PROMOTE, "qa", "prod", release=True)
ON_THE_WAY: dict[str, Any] = {"from_stage": "qa", "to_stage": "prod", "kind": "promote"}


def a_move(**fields: Any) -> MoveVersion:
    return cleared(a_tell(MoveVersion, **(ON_THE_WAY | fields)), GATE)


def an_attestation(**fields: Any) -> AttestPassage:
    return cleared(a_tell(AttestPassage, release=True, **(ON_THE_WAY | fields)), GATE)


def refused(tell: MoveVersion | AttestPassage, gates: set[Gate] = NEEDED, **more: Any) -> str:
    with pytest.raises(Conflict) as refusal:
        check_clearance(tell, tell.clearance, KNOWN, gates=gates, **more)
    assert refusal.value.code == "clearance_invalid"
    assert refusal.value.remedy
    return refusal.value.message


def test_what_the_gate_cleared_passes_also_after_its_way_over_the_wire() -> None:
    for tell in (a_move(), an_attestation(), an_attestation(artifacts=(OTHER, sha256_digest(b"a")))):
        read = type(tell).model_validate_json(tell.model_dump_json(by_alias=True))
        assert check_clearance(read, read.clearance, KNOWN, gates=NEEDED).promotion_id == tell.promotion_id


OTHERWISE: dict[str, Any] = {
    "promotion_id": "pr-other",
    "attempt": 7,
    "project": "bank",
    "application": "till",
    "version": "9.9",
    "version_digest": OTHER,
    "kind": PromotionKind.ROLLBACK,
    "verdict_id": "vd-other",
    "trusted": True,
    "waivers": ("wv-1",),
}
ONLY_MOVED: dict[str, Any] = {"requested_by": "eve", "verdict_expires_at": "2126-01-01T00:00:00Z"}
ONLY_ATTESTED: dict[str, Any] = {
    "policy_digests": (OTHER,),
    "judged_at": "2026-01-02T00:00:00Z",
    "artifacts": (OTHER,),
    "evidence_digests": (),
}


@pytest.mark.parametrize("name", [*OTHERWISE, *ONLY_MOVED])
def test_a_move_that_says_anything_else_is_refused(name: str) -> None:
    tell = a_move(trusted=False)
    said = tell.model_dump() | {name: (OTHERWISE | ONLY_MOVED)[name]}
    assert "it is for another" in refused(MoveVersion.model_validate(said))


@pytest.mark.parametrize("name", [*OTHERWISE, *ONLY_ATTESTED])
def test_a_passage_that_says_anything_else_is_refused(name: str) -> None:
    tell = an_attestation(trusted=False)
    said = tell.model_dump() | {name: (OTHERWISE | ONLY_ATTESTED)[name]}
    assert "it is for another" in refused(AttestPassage.model_validate(said))


def test_a_release_may_be_called_less_than_it_was_cleared_for() -> None:
    for tell in (a_move(), an_attestation()):
        withheld = tell.model_copy(update={"trusted": False})
        assert check_clearance(withheld, withheld.clearance, KNOWN, gates=NEEDED).may_be_trusted


def test_every_field_that_a_clearance_has_is_compared_with_one_tell_or_the_other() -> None:
    renamed = {"trusted": "may_be_trusted", "verdict_expires_at": "expires_at", "artifacts": "artifacts_digest"}
    renamed |= {"evidence_digests": "evidence_digest"}
    compared = {renamed.get(name, name) for name in OTHERWISE | ONLY_MOVED | ONLY_ATTESTED}
    # Passages are compared with the gates of the way; the evidence set is for whoever reads the clearance.
    assert compared == set(Clearance.model_fields) - {"passages", "evidence_set"}


@pytest.mark.parametrize(
    ("passages", "missing"),
    [
        ([("prod", "entry"), ("prod", "release")], "exit gate of qa"),
        ([("qa", "exit"), ("prod", "release")], "entry gate of prod"),
        ([("qa", "exit"), ("prod", "entry")], "release gate of prod"),
        ([("dev", "exit"), ("qa", "entry"), ("qa", "release")], "entry gate of prod"),
        ([], "entry gate of prod"),
    ],
)
def test_a_gate_that_was_not_judged_is_not_passed(passages: list[tuple[str, str]], missing: str) -> None:
    gates = [{"stage": stage, "gate": gate} for stage, gate in passages]
    tell = cleared(a_move().model_copy(update={"clearance": None}), GATE, passages=gates)
    assert missing in refused(tell)


def test_a_gate_counts_as_open_only_where_the_lifecycle_says_so() -> None:
    opened: set[Gate] = {("qa", GateKind.EXIT)}
    gates = [{"stage": stage, "gate": gate, "open": (stage, gate) in opened} for stage, gate in NEEDED]
    tell = cleared(a_move(), GATE, passages=gates)
    assert check_clearance(tell, tell.clearance, KNOWN, gates=NEEDED, open_gates=opened)
    assert "takes the exit gate of qa for an open one" in refused(tell, open_gates=set())


def test_the_way_of_a_move() -> None:
    promote, back = PromotionKind.PROMOTE, PromotionKind.ROLLBACK
    demote, again = PromotionKind.DEMOTE, PromotionKind.RECERTIFY
    entry, release = ("prod", GateKind.ENTRY), ("prod", GateKind.RELEASE)
    assert gates_of(promote, None, "prod", release=False) == {entry}
    assert gates_of(promote, "qa", "prod", release=True) == {entry, release, ("qa", GateKind.EXIT)}
    assert gates_of(PromotionKind.RELEASE, "qa", "prod", release=True) == {entry, release, ("qa", GateKind.EXIT)}
    assert gates_of(back, "prod", "prod", release=True) == {entry, release}
    assert gates_of(demote, "prod", "qa", release=False) == {("qa", GateKind.ENTRY)}
    assert gates_of(again, "prod", "prod", release=True) == {entry, release}
    assert gates_of(again, "qa", "qa", release=False) == {("qa", GateKind.ENTRY)}


def test_only_a_key_of_the_gate_clears_and_only_as_a_clearance() -> None:
    tell = a_move()
    assert "there is none" in refused(tell.model_copy(update={"clearance": None}))
    assert "no known key" in refused(cleared(tell, STRANGER))
    assert tell.clearance is not None
    said = tell.clearance.clearance
    for changed in ({"attempt": 1}, {"expires_at": "2126-01-01T00:00:00Z"}):
        clearance = Clearance.model_validate(said.model_dump() | changed | {"evidence_set": OTHER})
        forged = tell.clearance.model_copy(update={"clearance": clearance})
        assert "not what was signed" in refused(tell.model_copy(update={"clearance": forged}))
    # The gate's signature over the same bytes as a verdict.
    key_id, value = sign_verdict(said.model_dump(mode="json"), GATE)
    signature = tell.clearance.signature.model_copy(update={"key_id": key_id, "value": value})
    as_verdict = tell.clearance.model_copy(update={"signature": signature})
    assert "not what was signed" in refused(tell.model_copy(update={"clearance": as_verdict}))


def test_what_is_refused_is_said_in_a_word_to_watch_for() -> None:
    with capture_logs() as said, pytest.raises(Conflict):
        require_clearance(a_move(), None, KNOWN, gates=NEEDED)
    [line] = said
    assert (line["log_level"], line["event"].split(":")[0]) == ("error", "ALARM")
    assert line["promotion"] == a_move().promotion_id
