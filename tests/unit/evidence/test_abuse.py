"""What must be refused of plain envelopes, by the numbers of the abuse cases; bundles are in test_sigstore.py."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from services.evidence.domain.record import record_of
from shared.crypto import dsse, keys
from shared.errors import Invalid
from shared.trust.roots import TrustRoot
from shared.trust.verification import Problem, Unverified, Verified, judge
from tests.unit.evidence.test_verification import (
    DAY,
    FIRST,
    NOW,
    SBOM,
    SECOND,
    STRANGER,
    TESTS,
    TRUSTED,
    a_payload,
    a_root,
    an_envelope,
)


def changed(envelope: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(envelope), **fields}).encode()


def refused(envelope: bytes, *roots: TrustRoot) -> Problem:
    answer = judge(envelope, roots or [a_root()], NOW)
    assert isinstance(answer, Unverified)
    record = record_of("shop", envelope, answer, NOW).item
    assert (record.verified, record.signers, record.checks) == (False, (), answer.checks)
    return answer.problem


def outcomes(envelope: bytes, *roots: TrustRoot) -> list[str]:
    return [check.outcome for check in judge(envelope, roots or [a_root()], NOW).checks]


def test_18_a_changed_payload_type_breaks_the_signature() -> None:
    envelope = changed(an_envelope(), payloadType="application/vnd.in-toto.other+json")
    assert refused(envelope) is Problem.NO_TRUSTED_SIGNATURE
    assert outcomes(envelope) == ["key_unknown"]


def test_19_only_the_predicate_type_inside_of_the_payload_counts() -> None:
    envelope = changed(an_envelope(payload=a_payload(predicateType=SBOM)), predicateType=TESTS)
    assert refused(envelope) is Problem.PREDICATE_NOT_ALLOWED
    assert outcomes(envelope) == ["verified"]


def test_20_a_statement_counts_for_the_digests_that_were_signed() -> None:
    envelope = changed(an_envelope(), subject=[{"digest": {"sha256": "b" * 64}}])
    answer = judge(envelope, [a_root()], NOW)
    assert record_of("shop", envelope, answer, NOW).item.subjects == ("sha256:" + "a" * 64,)


@pytest.mark.parametrize("weak", ["sha1", "md5"])
def test_21_subjects_named_by_weak_digests_only_are_refused(weak: str) -> None:
    with pytest.raises(Invalid) as refusal:
        judge(an_envelope(payload=a_payload(subject=[{"digest": {weak: "a" * 40}}])), [a_root()], NOW)
    assert refusal.value.code == "subject_digest_unsupported"


def test_22_a_believed_signer_vouches_only_for_listed_predicate_types() -> None:
    assert refused(an_envelope(), a_root(predicate_types=(SBOM,))) is Problem.PREDICATE_NOT_ALLOWED


def test_23_a_key_inside_of_the_envelope_is_not_used() -> None:
    envelope = json.loads(an_envelope(STRANGER))
    pem = keys.public_pem(STRANGER.public_key())
    envelope["publicKey"] = envelope["signatures"][0]["cert"] = envelope["signatures"][0]["publicKey"] = pem
    assert refused(json.dumps(envelope).encode()) is Problem.NO_TRUSTED_SIGNATURE


def test_24_a_threshold_counts_verified_distinct_keys_only() -> None:
    root = a_root(FIRST, SECOND, threshold=2)
    assert refused(an_envelope(FIRST, STRANGER), root) is Problem.THRESHOLD_NOT_MET
    assert outcomes(an_envelope(FIRST, STRANGER), root) == ["verified", "key_unknown"]


def test_25_one_key_under_two_key_ids_counts_once() -> None:
    document = json.loads(an_envelope(FIRST))
    document["signatures"] = [document["signatures"][0] | {"keyid": name} for name in ("one", "two")]
    twice = json.dumps(document).encode()
    assert refused(twice, a_root(FIRST, SECOND, threshold=2)) is Problem.THRESHOLD_NOT_MET
    answer = judge(twice, [a_root()], NOW)
    assert isinstance(answer, Verified)
    assert [signer.key_id for signer in answer.signers] == [TRUSTED[FIRST].key_id]


def test_26_a_distrusted_key_counts_for_nothing_received_later() -> None:
    assert refused(an_envelope(), a_root(distrust_after=NOW - DAY)) is Problem.KEY_DISTRUSTED


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", a_payload(_type="https://in-toto.io/Statement/v2")])
def test_29_what_cannot_be_parsed_is_refused_though_its_signature_is_good(payload: bytes) -> None:
    with pytest.raises(Invalid):
        judge(dsse.sign("application/vnd.in-toto+json", payload, [FIRST]), [a_root()], NOW)


@pytest.mark.parametrize(
    "payload",
    [
        a_payload()[:-1] + b', "predicateType": "' + SBOM.encode() + b'"}',
        a_payload(predicate={"score": float("nan")}),
        a_payload(predicate={"score": float("inf")}),
    ],
)
def test_30_a_statement_that_two_readers_could_read_differently_is_refused(payload: bytes) -> None:
    with pytest.raises(Invalid):
        judge(an_envelope(payload=payload), [a_root()], NOW)


def test_33_base64_has_one_spelling() -> None:
    payload = base64.b64encode(a_payload(predicate={"text": "~~~???"}) + b" ").decode()
    assert {"+", "/"} & set(payload)
    for spelled in (payload.rstrip("="), payload + "\n", payload + "=", payload + "-_-_", "AB==" + payload):
        with pytest.raises(Invalid):
            judge(changed(an_envelope(), payload=spelled), [a_root()], NOW)
    judge(changed(an_envelope(), payload=payload), [a_root()], NOW)


def test_signatures_over_the_bare_payload_from_before_dsse_are_refused() -> None:
    document = json.loads(an_envelope())
    raw = keys.sign(FIRST, base64.b64decode(document["payload"]))
    document["signatures"] = [{"sig": base64.b64encode(raw).decode()}]
    assert refused(json.dumps(document).encode()) is Problem.NO_TRUSTED_SIGNATURE
