from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import key_forms, keys
from shared.errors import Invalid
from tests.support.sigstore import Instance

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
ED25519, P256 = keys.generate().public_key(), keys.generate(keys.Algorithm.ECDSA_P256).public_key()
P384 = ec.generate_private_key(ec.SECP384R1()).public_key()
RSA = rsa.generate_private_key(65537, 2048).public_key()


def _url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _number(value: int, length: int) -> str:
    return _url(value.to_bytes(length, "big"))


def jwk(public: keys.PublicKey) -> dict[str, str]:
    match public:
        case ec.EllipticCurvePublicKey():
            numbers, size = public.public_numbers(), public.curve.key_size // 8
            point = {"x": _number(numbers.x, size), "y": _number(numbers.y, size)}
            return {"kty": "EC", "crv": f"P-{public.curve.key_size}", **point}
        case rsa.RSAPublicKey():
            modulus = public.public_numbers()
            return {"kty": "RSA", "n": _number(modulus.n, 256), "e": _number(modulus.e, 3)}
        case _:
            return {"kty": "OKP", "crv": "Ed25519", "x": _url(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}


@pytest.mark.parametrize("public", [ED25519, P256, P384, RSA], ids=["ed25519", "p-256", "p-384", "rsa"])
def test_one_key_has_one_name_in_every_form(public: keys.PublicKey) -> None:
    forms = (
        keys.public_pem(public),
        "\n" + keys.public_pem(public) + "\n",
        json.dumps(jwk(public)),
        json.dumps({**jwk(public), "kid": "7", "use": "sig"}),
        base64.b64encode(keys.public_der(public)).decode(),
    )
    assert {keys.key_id(key_forms.read_public(form)) for form in forms} == {keys.key_id(public)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        "AAAA",
        Instance().root.public_bytes(Encoding.PEM).decode(),
        base64.b64encode(Instance().root.public_bytes(Encoding.DER)).decode(),
        keys.private_pem(keys.generate()).decode(),
        json.dumps({**jwk(ED25519), "d": "AAAA"}),
        json.dumps({**jwk(P256), "crv": "P-521"}),
        json.dumps({**jwk(P256), "x": _number(1, 32)}),
        json.dumps({**jwk(P256), "x": jwk(P256)["x"] + "="}),
        json.dumps({**jwk(P256), "y": _number(0, 31)}),
        json.dumps({**jwk(RSA), "n": _number(3**1200 | 1, 240)}),
        json.dumps({"kty": "oct", "k": "AAAA"}),
        "{" + '"a":' * 2000,
        keys.public_pem(ED25519) * 200,
    ],
    ids=range(15),
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        key_forms.read_public(text)
    assert refusal.value.code == "key_unusable"


@given(
    st.text(max_size=100)
    | st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e"]), st.text()).map(json.dumps)
)
def test_no_text_makes_reading_fail_in_another_way(text: str) -> None:
    with pytest.raises(Invalid):
        key_forms.read_public(text)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("ecdsa_secp256r1_sha256", 400),
        ("ecdsa_secp384r1_sha384_p1363", 200),
        ("ed25519", 100),
        ("rsa_signature_2048_sha256", 200),
        ("rsa_pss_2048_sha256_mgf1_32", 90),
    ],
)
def test_signatures_are_judged_as_wycheproof_says(name: str, least: int) -> None:
    document = json.loads((CORPUS / f"13-jose-oidc/give/wycheproof/{name}_test.json").read_bytes())
    judged = 0
    for group in document["testGroups"]:
        public = key_forms.read_public(group.get("publicKeyPem") or base64.b64encode(_der(group)).decode())
        for case in group["tests"]:
            verified = keys.verify(public, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            # PKCS #1 v1.5 and PSS are both accepted, so one's signature is no forgery of the other's.
            if case["result"] != "acceptable" and not case["comment"].startswith(
                ("RSASSA-PSS sig", "PKCS #1 v1.5 sig")
            ):
                assert verified is (case["result"] == "valid"), (case["tcId"], case["comment"])
                judged += 1
    assert judged >= least


def _der(group: dict[str, Any]) -> bytes:
    return bytes.fromhex(group.get("publicKeyDer") or group["keyDer"])
