"""Which addresses are public, which keys of an issuer count, and what may be named as an issuer."""

import json
from ipaddress import ip_network
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.errors import Invalid
from shared.oidc.addresses import may_connect
from shared.oidc.issuer import Issuer
from shared.oidc.key_set import read_key_set
from tests.support.oidc import AUDIENCE, public_jwk, rsa_key


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("140.82.112.3", True),
        ("2606:50c0:8000::153", True),
        ("::ffff:140.82.112.3", True),
        ("64:ff9b::8c52:7003", True),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("198.18.0.1", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::8c52:7003", False),
        ("2002:8c52:7003::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("localhost", False),
        ("", False),
        ("127.0.0.1\n", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert may_connect(address) is public


def test_networks_are_allowed_one_by_one() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"))
    assert may_connect("10.1.2.3", allowed)
    assert may_connect("::ffff:10.1.2.3", allowed)
    assert may_connect("fd00:1::5", allowed)
    for other in ("10.2.0.1", "fd00:2::5", "127.0.0.1", "169.254.169.254"):
        assert not may_connect(other, allowed)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        {},
        "x",
        [public_jwk("one", kid="")],
        [public_jwk("one", kid=7)],
        [public_jwk("one", use="enc")],
        [public_jwk("one", alg="RS512")],
        [public_jwk("one", key_ops=["sign"])],
        [public_jwk("one", d="AQAB")],
        [public_jwk("one", n="AQAB")],
        [public_jwk("one", n=1)],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "RS256"}],
        [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "one"}],
        [public_jwk("one"), public_jwk("two", kid="one")],
        [public_jwk("one")] * 101,
        [None, 1, []],
    ],
)
def test_key_sets_without_a_clear_key_are_refused(keys: Any) -> None:
    with pytest.raises(Invalid) as unusable:
        read_key_set(json.dumps({"keys": keys}).encode(), "RS256")
    assert unusable.value.code == "issuer_keys_unusable"


def test_a_private_key_and_a_short_one_do_not_count() -> None:
    rs256 = jwt.get_algorithm_by_name("RS256")
    short = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - a key to refuse
    for key in (rsa_key("one"), short):
        found = {**rs256.to_jwk(key, as_dict=True), "kid": "one"}
        found.pop("key_ops")
        with pytest.raises(Invalid, match="has no key for RS256"):
            read_key_set(json.dumps({"keys": [found]}).encode(), "RS256")


def test_keys_for_other_purposes_are_passed_over() -> None:
    keys = [public_jwk("one"), public_jwk("two", use="enc"), {"kty": "OKP", "kid": "x"}, public_jwk("three", alg=...)]
    del keys[3]["alg"]
    assert sorted(read_key_set(json.dumps({"keys": keys}).encode(), "RS256")) == ["one", "three"]
    duplicates = b'{"keys": [], "keys": [' + json.dumps(public_jwk("one")).encode() + b"]}"
    with pytest.raises(Invalid):
        read_key_set(duplicates, "RS256")


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example",
        "https://",
        "https://u:p@issuer.example",
        "https://issuer.example?x=1",
        "https://issuer.example?",
        "https://issuer.example#x",
        "https://issuer.example/ x",
        "https://issuer\\.example",
        "ftp://issuer.example",
        "https://issuer.example:0",
        "https://[::1",
        "https://i\u017fsuer.example",
        "",
    ],
)
def test_issuers_are_plain_https_urls(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Issuer(url, AUDIENCE)
    with pytest.raises(ValueError, match="https"):
        Issuer("https://issuer.example", AUDIENCE, jwks_url=url)


def test_an_issuer_needs_an_audience() -> None:
    with pytest.raises(ValueError, match="audience"):
        Issuer("https://issuer.example", " ")
