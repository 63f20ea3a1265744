from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.crypto import keys
from shared.errors import Conflict, Invalid, NotFound

RSA = rsa.generate_private_key(65537, 2048)
ED25519 = keys.generate(keys.Algorithm.ED25519)
P256 = keys.generate(keys.Algorithm.ECDSA_P256)


def _pem(public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey) -> bytes:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("private", [ED25519, P256])
def test_signs_what_verifies_and_nothing_else(private: keys.PrivateKey) -> None:
    signature = keys.sign(private, b"message")
    assert keys.verify(private.public_key(), b"message", signature)
    assert not keys.verify(private.public_key(), b"another message", signature)
    assert not keys.verify(keys.generate().public_key(), b"message", signature)
    assert not keys.verify(private.public_key(), b"message", signature[:-1] + bytes([signature[-1] ^ 1]))


def test_ecdsa_signatures_are_read_as_der_and_as_raw_halves() -> None:
    signature = keys.sign(P256, b"message")
    r, s = decode_dss_signature(signature)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert keys.verify(P256.public_key(), b"message", raw)
    assert not keys.verify(P256.public_key(), b"message", raw[32:] + raw[:32])


def test_rsa_signatures_are_read_in_both_paddings_with_sha256_only() -> None:
    public = RSA.public_key()
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
    assert keys.verify(public, b"message", RSA.sign(b"message", padding.PKCS1v15(), SHA256()))
    assert keys.verify(public, b"message", RSA.sign(b"message", pss, SHA256()))
    assert not keys.verify(public, b"message", RSA.sign(b"message", padding.PKCS1v15(), SHA512()))


@settings(max_examples=150)
@given(st.binary(max_size=300) | st.binary(min_size=64, max_size=64) | st.binary(min_size=256, max_size=256))
def test_no_signature_makes_verifying_raise(signature: bytes) -> None:
    for public in (ED25519.public_key(), P256.public_key(), RSA.public_key()):
        assert not keys.verify(public, b"message", signature)


@pytest.mark.parametrize("public", [ED25519.public_key(), P256.public_key(), RSA.public_key()])
def test_a_key_is_named_by_its_public_key_info(public: keys.PublicKey) -> None:
    again = keys.load_public(keys.public_pem(public))
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert keys.key_id(again) == "sha256:" + hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        _pem(ec.generate_private_key(ec.SECP521R1()).public_key()),
        _pem(rsa.generate_private_key(65537, 1024).public_key()),  # noqa: S505 - what must be refused
        _pem(dsa.generate_private_key(1024).public_key()),  # noqa: S505 - what must be refused
        keys.private_pem(ED25519),
        b" " * 20_000 + keys.public_pem(ED25519.public_key()).encode(),
    ],
    ids=["empty", "garbage", "p-521", "rsa-1024", "dsa", "private", "too long"],
)
def test_other_keys_are_not_loaded(pem: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        keys.load_public(pem)
    assert refusal.value.code == "key_unusable"


@pytest.mark.parametrize("private", [ED25519, P256])
def test_a_private_key_survives_its_file_which_is_its_owners_alone(private: keys.PrivateKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    keys.save_private(private, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.key_id(keys.read_private(path).public_key()) == keys.key_id(private.public_key())


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    keys.save_private(ED25519, path)
    before = path.read_bytes()
    with pytest.raises(Conflict):
        keys.save_private(P256, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602])
def test_a_key_that_others_may_read_or_change_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    keys.save_private(ED25519, path)
    path.chmod(mode)
    with pytest.raises(Invalid) as refusal:
        keys.read_private(path)
    assert refusal.value.code == "key_exposed"


def test_a_missing_key_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        keys.read_private(tmp_path / "none.pem")


def test_private_keys_of_other_kinds_are_refused() -> None:
    encrypted = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    rsa_pem = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (encrypted, rsa_pem, b"not a key"):
        with pytest.raises(Invalid):
            keys.load_private(pem)
