"""Abuse cases 1 to 11 and 14: ID tokens that must open nothing."""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.errors import Transient, Unauthenticated
from shared.oidc.issuer import Issuer
from shared.oidc.key_cache import PAUSE, REFRESH_AFTER, TTL, KeyCache
from shared.oidc.key_set import KeySet, read_key_set
from shared.oidc.token import VerifiedClaims, looks_like_token
from shared.oidc.verifier import Verifier
from tests.support.oidc import AUDIENCE, AnIssuer, encoded, public_jwk, rsa_key

ISSUER = AnIssuer()


@dataclass
class Bench:
    """A verifier whose issuer's keys are in memory, and whose clock is moved by hand."""

    issuer: AnIssuer = field(default_factory=AnIssuer)
    at: float = 1000.0
    fetches: int = 0
    down: bool = False

    def __post_init__(self) -> None:
        self.cache = KeyCache(self._fetch, clock=lambda: self.at)
        self.verifier = Verifier([self.issuer.issuer()], self.cache)

    async def _fetch(self, issuer: Issuer) -> KeySet:
        self.fetches += 1
        await asyncio.sleep(0)
        if self.down:
            raise Transient("issuer_unreachable", "It is down.")
        return read_key_set(encoded_keys(self.issuer), issuer.algorithm)

    async def verify(self, token: str) -> VerifiedClaims:
        return await self.verifier.verify(token, now=datetime.now(UTC))

    async def refuses(self, token: str, code: str) -> None:
        with pytest.raises(Unauthenticated) as refused:
            await self.verify(token)
        assert refused.value.code == code
        assert refused.value.remedy
        assert len(token) < 10 or token not in refused.value.message


def a_token(claims: dict[str, Any]) -> str:
    """With claims whose names are known only when the test runs."""
    return ISSUER.token(**claims)


def encoded_keys(issuer: AnIssuer) -> bytes:
    return json.dumps(issuer.key_set()).encode()


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_token_in_order_says_what_its_issuer_signed(bench: Bench) -> None:
    said = await bench.verify(ISSUER.token(runner_id=1, protected=True, groups=["a"], jti="j-1"))
    assert said.issuer == ISSUER.url
    assert (said.claims["repository_id"], said.claims["runner_id"], said.claims["protected"]) == ("74", "1", "true")
    assert "groups" not in said.claims
    assert said.token_id == "j-1"
    assert (await bench.verify(ISSUER.token(jti=...))).token_id is None
    assert (await bench.verify(ISSUER.token(aud=[AUDIENCE]))).issuer == ISSUER.url
    assert looks_like_token(ISSUER.token())


async def test_1_a_token_without_a_signature_is_refused(bench: Bench) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        unsigned = f"{encoded({'alg': algorithm, 'kid': 'one'})}.{encoded(ISSUER.claims())}."
        await bench.refuses(unsigned, "token_algorithm_refused")
    stripped = ISSUER.token().rpartition(".")[0] + "."
    await bench.refuses(stripped, "token_signature_wrong")


async def test_2_a_public_key_is_no_shared_secret(bench: Bench) -> None:
    public = rsa_key("one").public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
    ):
        for algorithm in ("HS256", "RS256"):
            signing = f"{encoded({'alg': algorithm, 'kid': 'one', 'typ': 'JWT'})}.{encoded(ISSUER.claims())}"
            forged = f"{signing}.{encoded(hmac.digest(secret, signing.encode(), hashlib.sha256))}"
            code = "token_algorithm_refused" if algorithm == "HS256" else "token_signature_wrong"
            await bench.refuses(forged, code)
    with pytest.raises(ValueError, match="HS256 is none of"):
        Issuer(ISSUER.url, AUDIENCE, "HS256")


async def test_3_an_algorithm_that_is_not_the_issuers_is_refused(bench: Bench) -> None:
    for algorithm in ("RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256"):
        await bench.refuses(ISSUER.token(headers={"alg": algorithm}), "token_algorithm_refused")
    assert bench.fetches == 0


@pytest.mark.parametrize(
    "issuer",
    [
        "https://issuer.example/",
        "https://issuer.example.evil",
        "https://issuer.exampl",
        "https://evil.example",
        "HTTPS://issuer.example",
        ["https://issuer.example"],
        {"https://issuer.example": 1},
        None,
        ...,
    ],
)
async def test_4_another_issuer_is_refused(bench: Bench, issuer: Any) -> None:
    await bench.refuses(ISSUER.token(iss=issuer), "token_issuer_unknown")
    assert bench.fetches == 0


@pytest.mark.parametrize(
    "audience",
    [
        ...,
        None,
        "",
        [],
        "https://other.example",
        AUDIENCE + "/",
        AUDIENCE.upper(),
        [AUDIENCE, "https://other.example"],
        ["https://other.example", AUDIENCE],
        [AUDIENCE, AUDIENCE],
        {AUDIENCE: 1},
    ],
)
async def test_5_a_token_for_others_or_for_others_too_is_refused(bench: Bench, audience: Any) -> None:
    await bench.refuses(ISSUER.token(aud=audience), "token_audience_wrong")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": -61}, "token_expired"),
        ({"exp": -3600}, "token_expired"),
        ({"iat": 62}, "token_not_yet_valid"),
        ({"nbf": 62}, "token_not_yet_valid"),
    ],
)
async def test_6_time_is_off_by_a_minute_at_most(bench: Bench, claims: dict[str, int], code: str) -> None:
    now = int(time.time())
    await bench.refuses(a_token({name: now + skew for name, skew in claims.items()}), code)
    nearer = {name: now + skew + (5 if skew < 0 else -5) for name, skew in claims.items() if abs(skew) < 100}
    if nearer:
        await bench.verify(a_token(nearer))


async def test_7_a_token_without_an_end_is_refused(bench: Bench) -> None:
    for name in ("exp", "iat"):
        for missing in (..., None):
            await bench.refuses(a_token({name: missing}), "token_claim_missing")
        for no_time in ("2100-01-01", True, 1e300, -1, [1]):
            await bench.refuses(a_token({name: no_time}), "token_malformed")
    await bench.refuses(ISSUER.token(sub=...), "token_claim_missing")


async def test_9_a_header_that_must_be_understood_and_is_not_is_refused(bench: Bench) -> None:
    headers: dict[str, Any]
    for headers in (
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"typ": "logout+jwt"},
        {"cty": "JWT"},
    ):
        await bench.refuses(ISSUER.token(headers=headers), "token_header_refused")
    for nameless in ({"kid": ""}, {"kid": 7}, {"kid": None}, {"alg": None}):
        await bench.refuses(ISSUER.token(headers=nameless), "token_header_refused")


async def test_10_a_key_that_a_token_brings_along_is_ignored(bench: Bench) -> None:
    """The fetcher would be asked for the issuer's keys only: nothing of the header reaches it."""
    brought = {
        "jwk": public_jwk("thief", kid="one"),
        "jku": "https://thief.example/jwks",
        "x5u": "https://thief.example/x5u",
        "x5c": ["AAAA"],
    }
    for name, value in brought.items():
        forged = ISSUER.token(key="thief", headers={"kid": "one", name: value})
        await bench.refuses(forged, "token_signature_wrong")
        await bench.refuses(ISSUER.token(key="thief", headers={name: value}), "token_key_unknown")
        await bench.verify(ISSUER.token(headers={name: value}))
    assert bench.fetches == 1


async def test_11_unknown_keys_have_the_issuer_asked_once_a_minute(bench: Bench) -> None:
    tokens = [ISSUER.token(headers={"kid": f"unknown-{number}"}) for number in range(50)]
    await bench.verify(ISSUER.token())
    for _ in range(20):  # a thousand in all, fifty at a time
        found = await asyncio.gather(*(bench.verify(token) for token in tokens), return_exceptions=True)
        assert {getattr(one, "code", one) for one in found} == {"token_key_unknown"}
    assert bench.fetches == 1
    bench.at += PAUSE
    await bench.refuses(tokens[0], "token_key_unknown")
    await bench.refuses(tokens[1], "token_key_unknown")
    assert bench.fetches == 2
    await bench.verify(ISSUER.token())


async def test_11_nobody_can_spoil_the_fetch_by_hanging_up(bench: Bench) -> None:
    first = asyncio.create_task(bench.verify(ISSUER.token()))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await bench.verify(ISSUER.token())
    assert bench.fetches == 1


async def test_13_the_last_good_keys_count_for_an_hour_while_fetching_fails(bench: Bench) -> None:
    await bench.verify(ISSUER.token())
    bench.down = True
    bench.at += TTL - 1
    await bench.verify(ISSUER.token())
    assert bench.fetches == 2
    bench.at += 2
    with pytest.raises(Transient) as unknown:
        await bench.verify(ISSUER.token())
    assert unknown.value.code == "issuer_keys_unavailable"
    bench.down = False
    bench.at += PAUSE
    await bench.verify(ISSUER.token())


async def test_14_a_key_that_was_taken_away_opens_nothing_after_the_next_fetch(bench: Bench) -> None:
    bench.issuer.keys = ["one", "two"]
    await bench.verify(ISSUER.token(key="two"))
    bench.issuer.keys = ["one"]
    bench.at += REFRESH_AFTER - 1
    await bench.verify(ISSUER.token(key="two"))
    bench.at += 1
    await bench.refuses(ISSUER.token(key="two"), "token_key_unknown")
    await bench.verify(ISSUER.token())


async def test_a_new_key_is_found_at_once_when_the_minute_is_over(bench: Bench) -> None:
    await bench.verify(ISSUER.token())
    bench.issuer.keys = ["two"]
    await bench.refuses(ISSUER.token(key="two"), "token_key_unknown")
    bench.at += PAUSE
    await bench.verify(ISSUER.token(key="two"))
    await bench.refuses(ISSUER.token(), "token_key_unknown")


async def test_tokens_that_two_readers_could_read_differently_are_refused(bench: Bench) -> None:
    header = encoded({"alg": "RS256", "kid": "one"})
    for text in (
        b'{"iss":"https://issuer.example","iss":"https://evil.example"}',
        b'{"iss":"https://issuer.example","exp":NaN}',
        b'["iss"]',
        b"\xff",
        b"{",
        b"[" * 5000,
    ):
        await bench.refuses(f"{header}.{encoded(text)}.AAAA", "token_malformed")
    whole = ISSUER.token()
    for broken in (
        whole + "=",
        whole + "\n",
        whole.replace(".", ".."),
        whole + ".x",
        "a.b",
        "",
        "..",
        whole[:-1] + "!",
    ):
        await bench.refuses(broken, "token_malformed")
    await bench.refuses(ISSUER.token(padding="x" * 20_000), "token_too_large")
    await bench.refuses(a_token({f"claim{number}": 1 for number in range(100)}), "token_too_large")
    long = await bench.verify(ISSUER.token(note="x" * 1001))
    assert "note" not in long.claims


async def test_time_is_an_argument(bench: Bench) -> None:
    token, now = ISSUER.token(), datetime.now(UTC)
    await bench.verifier.verify(token, now=now)
    with pytest.raises(Unauthenticated):
        await bench.verifier.verify(token, now=now + timedelta(hours=1))
