from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import dsse, keys
from shared.errors import Invalid, TooLarge

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")

TYPE = "application/vnd.in-toto+json"
FIRST = keys.generate()
SECOND = keys.generate(keys.Algorithm.ECDSA_P256)
FIRST_ID = keys.key_id(FIRST.public_key())
SECOND_ID = keys.key_id(SECOND.public_key())


def _changed(envelope: bytes, **fields: Any) -> bytes:
    return json.dumps(json.loads(envelope) | fields).encode()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_what_is_signed_verifies_and_hands_on_the_same_bytes(payload_type: str, payload: bytes) -> None:
    envelope = dsse.parse(dsse.sign(payload_type, payload, [FIRST]))
    assert (envelope.payload_type, envelope.payload) == (payload_type, payload)
    assert dsse.verify(envelope, [FIRST.public_key()]) == (FIRST_ID,)
    assert dsse.verify(envelope, [SECOND.public_key()]) == ()


def test_lengths_count_bytes_of_the_type_too() -> None:
    assert dsse.pae("é", b"\x00a") == "DSSEv1 2 é 2 ".encode() + b"\x00a"


def test_a_changed_payload_type_or_payload_does_not_verify() -> None:
    envelope = dsse.sign(TYPE, b"{}", [FIRST])
    for changed in (
        _changed(envelope, payloadType="application/json"),
        _changed(envelope, payload=base64.b64encode(b"[]").decode()),
    ):
        assert dsse.verify(dsse.parse(changed), [FIRST.public_key()]) == ()


def test_bad_signatures_are_skipped_and_good_ones_counted_by_key() -> None:
    document = json.loads(dsse.sign(TYPE, b"{}", [FIRST, SECOND]))
    good, other = document["signatures"]
    bad = {"keyid": FIRST_ID, "sig": base64.b64encode(b"x" * 64).decode()}
    renamed = {"keyid": "another name", "sig": good["sig"]}
    envelope = dsse.parse(_changed(json.dumps(document).encode(), signatures=[bad, good, renamed]))
    assert dsse.verify(envelope, [FIRST.public_key(), FIRST.public_key()]) == (FIRST_ID,)
    both = dsse.parse(_changed(json.dumps(document).encode(), signatures=[bad, other, renamed]))
    assert dsse.verify(both, [FIRST.public_key(), SECOND.public_key()]) == (FIRST_ID, SECOND_ID)


def test_the_keyid_decides_nothing() -> None:
    document = json.loads(dsse.sign(TYPE, b"{}", [SECOND]))
    document["signatures"][0]["keyid"] = FIRST_ID
    envelope = dsse.parse(json.dumps(document).encode())
    assert dsse.verify(envelope, [FIRST.public_key()]) == ()
    del document["signatures"][0]["keyid"]
    assert dsse.verify(dsse.parse(json.dumps(document).encode()), [SECOND.public_key()]) == (SECOND_ID,)


def test_a_key_inside_the_envelope_is_ignored() -> None:
    document = json.loads(dsse.sign(TYPE, b"{}", [FIRST]))
    document["publicKey"] = document["signatures"][0]["cert"] = keys.public_pem(FIRST.public_key())
    assert dsse.verify(dsse.parse(json.dumps(document).encode()), []) == ()


def test_both_alphabets_are_read_but_never_mixed() -> None:
    payload = b"\xfb\xef\xff\xfe"
    envelope = dsse.sign(TYPE, payload, [FIRST])
    url_safe = _changed(envelope, payload=base64.urlsafe_b64encode(payload).decode())
    assert dsse.parse(url_safe).payload == dsse.parse(envelope).payload == payload
    for text in ("--//", "++__", "YQ", "YQ=", "YR==", "Y Q==", "YQ==\n", "YQ==YQ==", "é"):
        with pytest.raises(Invalid) as refusal:
            dsse.parse(_changed(envelope, payload=text))
        assert refusal.value.code == "envelope_malformed"


@pytest.mark.parametrize(
    "fields",
    [
        {"payload": None},
        {"payload": 5},
        {"payloadType": None},
        {"signatures": None},
        {"signatures": {}},
        {"signatures": ["x"]},
        {"signatures": [{"keyid": "a"}]},
        {"signatures": [{"keyid": 1, "sig": ""}]},
    ],
)
def test_malformed_envelopes_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        dsse.parse(_changed(dsse.sign(TYPE, b"{}", [FIRST]), **fields))
    assert refusal.value.code == "envelope_malformed"


def test_envelopes_are_limited() -> None:
    envelope = dsse.sign(TYPE, b"{}", [FIRST])
    with pytest.raises(TooLarge):
        dsse.parse(b" " * dsse.MAX_ENVELOPE_BYTES + envelope)
    with pytest.raises(TooLarge):
        dsse.parse(_changed(envelope, signatures=[{"sig": ""}] * 17))
    with pytest.raises(Invalid):
        dsse.parse(envelope[:-1] + b',"payload":"e30="}')


def test_an_envelope_is_never_made_without_a_signature() -> None:
    with pytest.raises(Invalid):
        dsse.sign(TYPE, b"{}", [])


@needs_corpus
def test_agrees_with_the_official_vector() -> None:
    vector = json.loads((CORPUS / "01-dsse/give/dsse-1.0.2-test-vector.json").read_bytes())
    numbers = EllipticCurvePublicNumbers(int(vector["key"]["x"]), int(vector["key"]["y"]), SECP256R1())
    envelope = dsse.parse(json.dumps(vector["envelope"]).encode())
    assert dsse.pae(envelope.payload_type, envelope.payload).decode() == vector["pae_utf8"]
    assert len(dsse.verify(envelope, [numbers.public_key()])) == 1


def _at(document: Any, pointer: str) -> Any:
    for step in pointer.strip("/").replace("[", "/").replace("]", "").split("/"):
        if step:
            document = document[int(step)] if isinstance(document, list) else document[step]
    return document


@needs_corpus
def test_real_envelopes_verify_under_exactly_the_keys_that_signed_them() -> None:
    folder = CORPUS / "03-signed-attestations"
    known = {
        f"{path.parent.name}/{path.name}": keys.load_public(path.read_bytes())
        for place in (
            "reference/google-cloud-build-public-keys/*.key",
            "reference/witness/testpub.pem",
            "give/vsa-google/*.pem",
            "give/in-toto-classic-legacy/[bc]*.pub",
        )
        for path in folder.glob(place)
    }
    # Two of the files hold one key, so names are compared by the key they stand for.
    ids = {name: keys.key_id(public) for name, public in known.items()}
    expected = json.loads((folder / "give/computed-dsse-layer.json").read_bytes())
    verified_envelopes = signed_without_pae = 0
    for file, entry in ((file, entry) for file, found in expected.items() for entry in found):
        claims = entry.get("verified", []) if isinstance(entry, dict) else []
        named = [claim for claim in claims if claim.split(":")[0] in known]
        if not named:
            continue
        signers = {ids[claim.split(":")[0]] for claim in named if "NOT PAE" not in claim}
        document = json.loads((folder / "give" / file).read_bytes())
        envelope = dsse.parse(json.dumps(_at(document, entry["at"])).encode())
        assert set(dsse.verify(envelope, known.values())) == signers, (file, entry["at"])
        verified_envelopes += bool(signers)
        signed_without_pae += not signers
    assert verified_envelopes >= 14
    assert signed_without_pae >= 14


def test_an_envelope_can_leave_out_key_ids_that_other_verifiers_would_stumble_over() -> None:
    private = keys.generate()
    signed = dsse.parse(dsse.sign("text/plain", b"hello", [private], hints=False))
    assert [signature.keyid for signature in signed.signatures] == [""]
    assert dsse.verify(signed, [private.public_key()]) == (keys.key_id(private.public_key()),)
