from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto.sigstore.certificate import CLAIMS, Holder
from shared.errors import Invalid
from shared.trust.identity import TrustedIdentity

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
ISSUER = "https://token.actions.githubusercontent.com"
URL = "https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1"


def admits(pattern: str, identity: str) -> bool:
    return TrustedIdentity(ISSUER, pattern, {}).admits(Holder(identity, ISSUER, {}))


@pytest.mark.parametrize(
    ("pattern", "identity", "fits"),
    [
        (URL, URL, True),
        (URL, URL + "2", False),
        (URL, URL.upper(), False),
        ("https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/*", URL, True),
        ("https://github.com/acme/shop/.github/workflows/*.yml@refs/tags/v*", URL, True),
        ("https://github.com/acme/*", URL, False),
        ("https://github.com/acme/**", URL, True),
        ("https://github.com/acme**", URL.replace("acme", "acme-evil"), True),
        ("https://github.com/acme/**", URL.replace("acme", "acme-evil"), False),
        ("https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/**", URL, False),
        ("https://github.com/acme/sh*p*/.github/workflows/release.yml@refs/tags/v1", URL, True),
        ("https://github.com/*/shop/.github/workflows/release.yml@refs/tags/v1", URL, True),
        ("https://github.com/acme/[a-z]hop/.github/workflows/release.yml@refs/tags/v1", URL, False),
        ("*@acme.example", "ann@acme.example", True),
        ("*@acme.example", "ann@evil@acme.example", False),
        ("*@acme.example", "ann@acme.example.evil", False),
        ("repo:acme/shop:ref:refs/heads/main", "repo:acme@12/shop@34:ref:refs/heads/main", True),
        ("repo:acme@12/shop@34:ref:refs/heads/main", "repo:acme@12/shop@34:ref:refs/heads/main", True),
        ("repo:acme@12/shop@35:ref:refs/heads/main", "repo:acme@12/shop@34:ref:refs/heads/main", False),
        ("repo:acme@12/shop@34:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main", False),
        ("https://github.com/acme/shop/**", "https://github.com/acme@12/shop@34/.github/workflows/a.yml@refs/x", True),
        ("https://github.com/acme/shop/**", "https://github.com/acme@evil/shop@34/.github/a.yml@refs/x", False),
        ("a*b*c@x", "abbbc@x", True),
        ("a*b*c@x", "acb@x", False),
        ("ab*ba@x", "aba@x", False),
    ],
)
def test_a_subject_fits_its_pattern(pattern: str, identity: str, fits: bool) -> None:
    assert admits(pattern, identity) is fits


def test_issuer_and_claims_must_be_equal() -> None:
    claims = {"source_repository_identifier": "4711"}
    wanted = TrustedIdentity(ISSUER, URL, claims)
    assert wanted.admits(Holder(URL, ISSUER, {**claims, "build_trigger": "push"}))
    assert not wanted.admits(Holder(URL, ISSUER + "/", claims))
    assert not wanted.admits(Holder(URL, ISSUER, {"source_repository_identifier": "47110"}))
    assert not wanted.admits(Holder(URL, ISSUER, {}))


@pytest.mark.parametrize(
    ("issuer", "subject", "claims"),
    [
        ("", URL, {}),
        (ISSUER, "", {}),
        (ISSUER, "**", {}),
        (ISSUER, "*@*", {}),
        (ISSUER, "https://**", {}),
        (ISSUER, "https://a/**/b", {}),
        (ISSUER, "https://a/***", {}),
        (ISSUER, URL, {"source_repo": "x"}),
        (ISSUER, "x" * 501, {}),
    ],
)
def test_an_identity_that_fits_everybody_or_nobody_is_refused(
    issuer: str, subject: str, claims: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as refusal:
        TrustedIdentity(issuer, subject, claims)
    assert refusal.value.code == "trust_root_malformed"
    assert TrustedIdentity(ISSUER, "**", {"source_repository_owner_identifier": "12"})


@given(st.text(alphabet="ab*@/", min_size=1, max_size=12), st.text(alphabet="ab@/", max_size=12))
def test_patterns_fit_as_a_regular_expression_would(pattern: str, identity: str) -> None:
    import re  # noqa: PLC0415 - the oracle

    try:
        trusted = TrustedIdentity("i", pattern, {})
    except Invalid:
        return
    rest = pattern.endswith("**")
    literal = re.escape(pattern.removesuffix("**")).replace(r"\*", "[^/@]*") + (".*" if rest else "")
    assert trusted.admits(Holder(identity, "i", {})) is (re.fullmatch(literal, identity) is not None)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
def test_every_claim_of_real_certificates_has_its_name() -> None:
    document = json.loads((CORPUS / "13-jose-oidc/give/oidc-identities-in-real-fulcio-certificates.json").read_bytes())
    names = {
        name
        for holder in document.values()
        for name in holder["claims"]
        if not name.startswith(("github_", "issuer_v1"))
    }
    assert len(names) >= 10
    assert names <= set(CLAIMS.values())
