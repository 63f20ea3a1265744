from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.facts import SignatureCheck, Signer
from shared.crypto import dsse, keys
from shared.errors import Invalid, TooLarge
from shared.trust.identity import TrustedIdentity
from shared.trust.roots import TrustedKey, TrustRoot
from shared.trust.verification import Problem, Unverified, Verified, judge
from tests.support.sigstore import Instance

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
SBOM = "https://cyclonedx.org/bom"
FIRST, SECOND, STRANGER = keys.generate(), keys.generate(keys.Algorithm.ECDSA_P256), keys.generate()
TRUSTED = {name: TrustedKey.from_text(keys.public_pem(name.public_key())) for name in (FIRST, SECOND)}


def a_root(*signers: keys.PrivateKey, **fields: Any) -> TrustRoot:
    default: dict[str, Any] = {
        "name": "ci",
        "project": "hallmark",
        "keys": tuple(TRUSTED[signer] for signer in signers or (FIRST,)),
        "predicate_types": (TESTS,),
        "role": "test",
        "valid_from": NOW - DAY,
    }
    return TrustRoot(**default | fields)


def a_payload(**fields: Any) -> bytes:
    default = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.whl", "digest": {"sha256": "a" * 64}}],
        "predicateType": TESTS,
        "predicate": {},
    }
    return json.dumps(default | fields).encode()


def an_envelope(*signers: keys.PrivateKey, payload: bytes | None = None, kind: str | None = None) -> bytes:
    return dsse.sign(kind or "application/vnd.in-toto+json", payload or a_payload(), list(signers) or [FIRST])


def problem_of(envelope: bytes, *roots: TrustRoot, at: datetime = NOW) -> Problem | None:
    answer = judge(envelope, roots, at)
    return answer.problem if isinstance(answer, Unverified) else None


def test_believes_a_trusted_key_and_reports_its_role() -> None:
    answer = judge(an_envelope(), [a_root()], NOW)
    assert isinstance(answer, Verified)
    assert answer.signers == (Signer(key_id=TRUSTED[FIRST].key_id, trust_root="ci", role="test"),)
    assert answer.statement.digests == ("sha256:" + "a" * 64,)


def test_only_judging_makes_verified_evidence() -> None:
    answer = judge(an_envelope(), [a_root()], NOW)
    assert isinstance(answer, Verified)
    with pytest.raises(TypeError, match="only judge"):
        Verified(answer.statement, answer.signers, answer.checks, seal=object())
    with pytest.raises(TypeError, match="only judge"):
        dataclasses.replace(answer, signers=(), seal=object())
    changes: dict[str, Any] = {"signers": ()}
    with pytest.raises((TypeError, ValueError), match="seal"):
        dataclasses.replace(answer, **changes)


def test_a_stranger_is_not_believed_whatever_the_keyid_says() -> None:
    document = json.loads(an_envelope(STRANGER))
    document["signatures"][0]["keyid"] = TRUSTED[FIRST].key_id
    document["publicKey"] = keys.public_pem(STRANGER.public_key())
    assert problem_of(json.dumps(document).encode(), a_root()) is Problem.NO_TRUSTED_SIGNATURE
    assert problem_of(an_envelope()) is Problem.NO_TRUSTED_SIGNATURE


def test_an_exchanged_payload_or_type_is_not_believed() -> None:
    document = json.loads(an_envelope())
    forged = json.loads(an_envelope(payload=a_payload(predicate={"result": "PASSED"})))
    swapped = json.dumps(document | {"payload": forged["payload"]}).encode()
    assert problem_of(swapped, a_root()) is Problem.NO_TRUSTED_SIGNATURE
    retyped = json.dumps(document | {"payloadType": "application/vnd.in-toto.x+json"}).encode()
    assert problem_of(retyped, a_root()) is Problem.NO_TRUSTED_SIGNATURE


def test_a_root_vouches_only_for_the_types_it_lists() -> None:
    envelope = an_envelope(payload=a_payload(predicateType=SBOM))
    assert problem_of(envelope, a_root()) is Problem.PREDICATE_NOT_ALLOWED
    assert problem_of(envelope, a_root(predicate_types=(SBOM + "/v1.5",))) is Problem.PREDICATE_NOT_ALLOWED
    assert problem_of(envelope, a_root(predicate_types=("*",))) is None
    assert problem_of(envelope, a_root(), a_root(name="sbom", predicate_types=(SBOM,))) is None


def test_the_moment_of_receipt_must_lie_in_the_roots_time() -> None:
    root = a_root(distrust_after=NOW)
    assert problem_of(an_envelope(), root, at=NOW - 2 * DAY) is Problem.KEY_NOT_YET_VALID
    assert problem_of(an_envelope(), root, at=NOW - DAY) is None
    assert problem_of(an_envelope(), root, at=NOW) is None
    assert problem_of(an_envelope(), root, at=NOW + timedelta(microseconds=1)) is Problem.KEY_DISTRUSTED


def test_a_threshold_counts_distinct_keys_of_one_root() -> None:
    both = a_root(FIRST, SECOND, threshold=2)
    assert problem_of(an_envelope(FIRST, SECOND), both) is None
    assert problem_of(an_envelope(FIRST), both) is Problem.THRESHOLD_NOT_MET
    assert problem_of(an_envelope(FIRST, STRANGER), both) is Problem.THRESHOLD_NOT_MET
    document = json.loads(an_envelope(FIRST))
    document["signatures"] = [document["signatures"][0] | {"keyid": name} for name in "ab"]
    assert problem_of(json.dumps(document).encode(), both) is Problem.THRESHOLD_NOT_MET


def test_signers_of_roots_that_do_not_believe_are_not_reported() -> None:
    roots = [a_root(FIRST), a_root(SECOND, name="scan", role="scanner", predicate_types=(SBOM,))]
    answer = judge(an_envelope(FIRST, SECOND), roots, NOW)
    assert isinstance(answer, Verified)
    assert [signer.role for signer in answer.signers] == ["test"]


def test_a_key_in_two_roots_speaks_in_both_roles() -> None:
    answer = judge(an_envelope(), [a_root(), a_root(name="other", role="build")], NOW)
    assert isinstance(answer, Verified)
    assert [(signer.role, signer.key_id) for signer in answer.signers] == [
        ("test", TRUSTED[FIRST].key_id),
        ("build", TRUSTED[FIRST].key_id),
    ]


def test_another_payload_type_is_kept_without_being_read() -> None:
    envelope = an_envelope(payload=b"not json", kind="text/plain")
    checks = (SignatureCheck(signer=TRUSTED[FIRST].key_id, outcome="verified"),)
    assert judge(envelope, [a_root()], NOW) == Unverified(None, Problem.PAYLOAD_TYPE_UNSUPPORTED, checks)


@pytest.mark.parametrize(
    "payload",
    [
        b"not json",
        a_payload()[:-1] + b',"predicateType":"x"}',
        a_payload(predicate={"score": float("nan")}),
        a_payload(subject=[{"digest": {"sha1": "a" * 40}}]),
        b'{"predicate":' + b"[" * 10_000,
    ],
)
def test_what_does_not_parse_is_refused_however_well_it_is_signed(payload: bytes) -> None:
    for roots in ([a_root()], []):
        with pytest.raises(Invalid):
            judge(an_envelope(payload=payload), roots, NOW)


def test_large_input_is_refused() -> None:
    with pytest.raises(TooLarge):
        judge(b"{" + b" " * dsse.MAX_ENVELOPE_BYTES + b"}", [a_root()], NOW)
    many = [{"digest": {"sha256": "a" * 64}}] * 1001
    with pytest.raises(TooLarge):
        judge(an_envelope(payload=a_payload(subject=many)), [a_root()], NOW)


@given(st.binary(max_size=200))
def test_no_bytes_make_judging_fail_in_another_way(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        judge(data, [a_root()], NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {"keys": ()},
        {"keys": (TRUSTED[FIRST], TRUSTED[FIRST]), "threshold": 2},
        {"predicate_types": ()},
        {"predicate_types": ("",)},
        {"role": ""},
        {"threshold": 0},
        {"threshold": 2},
        {"valid_from": NOW.replace(tzinfo=None)},
    ],
)
def test_a_root_that_means_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        a_root(**fields)
    assert refusal.value.code == "trust_root_malformed"


def test_a_root_needs_keys_or_an_authority_with_identities() -> None:
    authority = Instance().trusted_root()
    anybody = TrustedIdentity("https://issuer.example", "ann@acme.example", {})
    assert a_root(keys=(), authority=authority, identities=(anybody,))
    assert a_root(authority=authority)
    for fields in (
        {"keys": (), "authority": authority},
        {"keys": (), "identities": (anybody,)},
        {"identities": (anybody,)},
        {"authority": authority, "identities": (anybody,), "threshold": 2},
    ):
        with pytest.raises(Invalid) as refusal:
            a_root(**fields)
        assert refusal.value.code == "trust_root_malformed"


@pytest.mark.parametrize(
    "fields",
    [
        {"mediaType": "application/json"},
        {"certificateAuthorities": []},
        {"certificateAuthorities": [{"certChain": {"certificates": []}}]},
        {"certificateAuthorities": [{"certChain": {"certificates": [{"rawBytes": "AAAA"}]}}]},
        {"tlogs": []},
        {"tlogs": [{"baseUrl": "https://log.example", "publicKey": {"rawBytes": "AAAA"}, "logId": {"keyId": "AAAA"}}]},
        {"ctlogs": [{}]},
        {"timestampAuthorities": [{"certChain": {"certificates": []}}]},
    ],
)
def test_an_authority_that_cannot_be_used_is_refused_when_it_is_installed(fields: dict[str, Any]) -> None:
    anybody = TrustedIdentity("https://issuer.example", "ann@acme.example", {})
    with pytest.raises(Invalid) as refusal:
        a_root(authority=Instance().trusted_root(**fields), identities=(anybody,))
    assert refusal.value.code == "authority_malformed"


def test_a_key_stored_under_another_keys_name_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        TrustedKey(TRUSTED[FIRST].pem, TRUSTED[SECOND].key_id)
    assert refusal.value.code == "trust_root_key_mismatch"


def test_the_nearest_problem_is_named() -> None:
    roots = [
        a_root(predicate_types=(SBOM,)),
        a_root(FIRST, SECOND, name="quorum", threshold=2),
        a_root(name="later", valid_from=NOW + DAY),
    ]
    assert problem_of(an_envelope(), *roots) is Problem.THRESHOLD_NOT_MET
    assert problem_of(an_envelope(), roots[0], roots[2]) is Problem.KEY_NOT_YET_VALID
