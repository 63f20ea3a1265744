"""Whose verdict it is: only the gate's keys, over exactly these bytes, as a verdict and as nothing else."""

import base64
from typing import Any

import pytest

from shared.crypto import dsse, keys
from shared.digests import canonical_json
from shared.errors import Unauthenticated
from shared.verdict_signature import PAYLOAD_TYPE, sign_verdict, verify_verdict

GATE, NEXT, STRANGER = (keys.generate() for _ in range(3))
KNOWN = (GATE.public_key(), NEXT.public_key())
BODY: dict[str, Any] = {"verdict_id": "vd-1", "promotion_id": "pr-1", "outcome": "deny", "findings": [{"rule": "r"}]}


def refused(body: Any, key_id: str, value: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        verify_verdict(body, key_id, value, KNOWN)
    assert refusal.value.code == "verdict_signature_invalid"
    assert refusal.value.remedy
    return refusal.value.message


@pytest.mark.parametrize("key", [GATE, NEXT, keys.generate(keys.Algorithm.ECDSA_P256)])
def test_any_valid_key_of_the_gate_signs_a_verdict(key: keys.PrivateKey) -> None:
    key_id, value = sign_verdict(BODY, key)
    assert key_id == keys.key_id(key.public_key())
    verify_verdict(dict(reversed(BODY.items())), key_id, value, (*KNOWN, key.public_key()))


def test_the_signature_is_over_the_documented_bytes() -> None:
    _, value = sign_verdict(BODY, GATE)
    message = dsse.pae("application/vnd.hallmark.verdict+json", canonical_json(BODY))
    assert keys.verify(GATE.public_key(), message, base64.b64decode(value))


@pytest.mark.parametrize(
    "change",
    [{"outcome": "allow"}, {"promotion_id": "pr-2"}, {"findings": []}, {"may_be_trusted": True}],
)
def test_an_altered_verdict_is_not_the_signed_one(change: dict[str, Any]) -> None:
    assert "not what was signed" in refused(BODY | change, *sign_verdict(BODY, GATE))


def test_a_stranger_signs_nothing_under_any_name() -> None:
    key_id, value = sign_verdict(BODY, STRANGER)
    assert "no known key" in refused(BODY, key_id, value)
    assert "not what was signed" in refused(BODY, keys.key_id(GATE.public_key()), value)
    # One key's signature under the name of another one that is valid, too.
    assert "not what was signed" in refused(BODY, keys.key_id(NEXT.public_key()), sign_verdict(BODY, GATE)[1])


@pytest.mark.parametrize("value", ["", "AA==", "not base64", "AB=="])
def test_what_is_no_signature_is_refused(value: str) -> None:
    refused(BODY, keys.key_id(GATE.public_key()), value)


def test_a_signature_of_the_same_key_over_something_else_is_no_verdict() -> None:
    for payload_type in ("application/vnd.in-toto+json", f"{PAYLOAD_TYPE}x", ""):
        other = keys.sign(GATE, dsse.pae(payload_type, canonical_json(BODY)))
        refused(BODY, keys.key_id(GATE.public_key()), base64.b64encode(other).decode())
    bare = keys.sign(GATE, canonical_json(BODY))
    refused(BODY, keys.key_id(GATE.public_key()), base64.b64encode(bare).decode())


@pytest.mark.parametrize("odd", [{"a": 2**60}, {"a": 0.5}, {"a": "\ud800"}])
def test_a_body_without_a_canonical_form_is_refused_and_no_bug(odd: dict[str, Any]) -> None:
    assert "canonical" in refused(odd, *sign_verdict(BODY, GATE))
