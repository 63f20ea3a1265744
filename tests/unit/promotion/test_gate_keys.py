"""Which keys verdicts are believed by, and that nothing about a verdict can be changed after it was signed."""

from pathlib import Path
from typing import Any

import pytest

from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.views import VerdictSignature
from contracts.vocabulary import Outcome
from services.promotion.believing import check_verdict
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.errors import Invalid, Unauthenticated
from shared.gate_keys import GateKeys
from shared.verdict_signature import sign_verdict
from tests.support.builders import a_message
from tests.support.clearances import signed_verdict

GATE = keys.generate()


def signed(key: keys.PrivateKey = GATE, **fields: Any) -> VerdictIssued:
    return signed_verdict(a_message(VerdictIssued, signature=None, clearance=None, **fields), key)


def believes(gate_keys: GateKeys, event: VerdictIssued) -> bool:
    try:
        check_verdict(event, gate_keys)
    except Unauthenticated:
        return False
    return True


def written(folder: Path, **private: keys.PrivateKey) -> Path:
    for name, key in private.items():
        (folder / f"{name.replace('_', '-')}.pem").write_text(keys.public_pem(key.public_key()))
    return folder


def test_every_key_of_the_gate_counts_while_one_takes_over_from_another_and_no_other_issuer(tmp_path: Path) -> None:
    coming, gateway, evidence = (keys.generate() for _ in range(3))
    folder = written(tmp_path, gate=GATE, gate_2027=coming, gateway=gateway, evidence=evidence)
    known = GateKeys.from_folder(folder)
    assert [believes(known, signed(key)) for key in (GATE, coming, gateway, evidence)] == [True, True, False, False]
    (folder / "gate.pem").unlink()
    known = GateKeys.from_folder(folder)
    assert [believes(known, signed(key)) for key in (GATE, coming)] == [False, True]


def test_without_a_key_of_the_gate_there_is_no_start(tmp_path: Path) -> None:
    written(tmp_path, gateway=keys.generate())
    with pytest.raises(FileNotFoundError):
        GateKeys.from_folder(tmp_path)
    (tmp_path / "gate.pem").write_text("no key")
    with pytest.raises(Invalid):
        GateKeys.from_folder(tmp_path)


def test_a_verdict_counts_as_it_was_signed_also_after_its_way_over_the_wire() -> None:
    known = GateKeys(GATE.public_key())
    said = signed(outcome=Outcome.DENY)
    assert believes(known, VerdictIssued.model_validate_json(said.model_dump_json(by_alias=True)))
    assert not believes(known, said.model_copy(update={"signature": None}))


def test_an_allowance_needs_a_clearance_and_nothing_else_does() -> None:
    known, allowed = GateKeys(GATE.public_key()), signed(outcome=Outcome.ALLOW)
    assert believes(known, allowed)
    bare = allowed.model_copy(update={"clearance": None, "signature": None})
    key_id, value = sign_verdict(bare.model_dump(mode="json", exclude={"signature"}), GATE)
    again = bare.model_copy(update={"signature": VerdictSignature(key_id=key_id, value=value)})
    assert not believes(known, again), "the gate signed it, and nobody would act on it"
    assert believes(known, signed(outcome=Outcome.PENDING))


@pytest.mark.parametrize(
    "altered",
    [
        {"outcome": Outcome.ALLOW},
        {"findings": ()},
        {"promotion_id": "pr-other"},
        {"attempt": 9},
        {"version_digest": sha256_digest(b"another version")},
        {"may_be_trusted": False},
        {"waivers": ()},
        {"kind": "rollback"},
        {"evidence_set": sha256_digest(b"another set")},
    ],
    ids=lambda altered: next(iter(altered)),
)
def test_whatever_is_altered_in_a_signed_verdict_takes_its_belief_away(altered: dict[str, Any]) -> None:
    waived = ({"waiver_id": "wv-1", "digest": sha256_digest(b"waiver")},)
    said = signed(outcome=Outcome.DENY, waivers=waived)
    assert believes(GateKeys(GATE.public_key()), said)
    body = said.model_dump() | altered
    assert not believes(GateKeys(GATE.public_key()), VerdictIssued.model_validate(body))
