"""Sigstore bundles made here, each wrong in one way, judged by trust roots made here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from contracts.facts import SignatureCheck
from shared.crypto import base64_text, keys
from shared.digests import canonical_digest
from shared.errors import Invalid, TooLarge
from shared.trust.identity import TrustedIdentity
from shared.trust.roots import TrustedKey, TrustRoot
from shared.trust.statement import SIGNATURE_TYPE
from shared.trust.verification import Problem, Unverified, Verification, Verified, judge
from tests.support.sigstore import (
    ISSUER,
    SIGNED_AT,
    WORKFLOW,
    Certified,
    Instance,
    a_body,
    a_bundle,
    a_record,
    an_envelope,
    b64,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
OURS, OTHERS = Instance(), Instance()
SIGNER = OURS.certify(claims={15: "4711", 12: "https://github.com/acme/shop"})
KEY = keys.generate(keys.Algorithm.ECDSA_P256)
DIGEST = hashlib.sha256(b"artifact").digest()
PAYLOAD = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.whl", "digest": {"sha256": "a" * 64}}],
        "predicateType": TESTS,
        "predicate": {},
    }
).encode()
KINDS = [("dsse", "0.0.1"), ("dsse", "0.0.2"), ("hashedrekord", "0.0.2"), ("intoto", "0.0.2")]


def a_root(**fields: Any) -> TrustRoot:
    default: dict[str, Any] = {
        "name": "release",
        "project": "shop",
        "keys": (),
        "predicate_types": (TESTS, SIGNATURE_TYPE),
        "role": "build",
        "valid_from": NOW - timedelta(days=1),
        "authority": OURS.trusted_root(),
        "identities": (TrustedIdentity(ISSUER, WORKFLOW, {}),),
    }
    return TrustRoot(**default | fields)


def certified(
    signer: Certified = SIGNER, kind: tuple[str, str] = KINDS[0], at: datetime = SIGNED_AT, log: Instance = OURS
) -> dict[str, Any]:
    envelope = an_envelope(PAYLOAD, signer.private)
    return a_bundle({"dsseEnvelope": envelope}, [log.entry(a_body(*kind, envelope, signer), at)], der=signer.der)


def over_artifact(private: keys.PrivateKey, digest: bytes = DIGEST) -> dict[str, Any]:
    return {
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)},
            "signature": b64(keys.sign(private, b"artifact")),
        }
    }


def judged(bundle: dict[str, Any], *roots: TrustRoot) -> Verification:
    return judge(json.dumps(bundle).encode(), roots or [a_root()], NOW)


def outcome(bundle: dict[str, Any], *roots: TrustRoot) -> str:
    answer = judged(bundle, *roots)
    (check,) = answer.checks
    assert isinstance(answer, Verified) is (check.outcome == "verified")
    return check.outcome


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_a_bundle_by_a_believed_identity_verifies_with_every_kind_of_log_entry(kind: tuple[str, str]) -> None:
    answer = judged(certified(kind=kind))
    assert isinstance(answer, Verified)
    (signer,) = answer.signers
    assert (signer.identity, signer.issuer, signer.role) == (WORKFLOW, ISSUER, "build")
    assert signer.key_id == canonical_digest({"issuer": ISSUER, "identity": WORKFLOW})
    assert answer.checks == (SignatureCheck(signer=WORKFLOW, outcome="verified"),)


def test_two_certificates_of_one_identity_are_one_signer() -> None:
    one, two = judged(certified(OURS.certify())), judged(certified(OURS.certify()))
    assert isinstance(one, Verified)
    assert isinstance(two, Verified)
    assert one.signers == two.signers


def test_a_log_that_signs_with_ed25519_counts_too() -> None:
    newer = Instance(log_key=keys.generate())
    bundle = certified(newer.certify(), KINDS[2], log=newer)
    assert outcome(bundle, a_root(authority=newer.trusted_root())) == "verified"


def test_version_0_1_needs_the_promise_and_0_2_the_proof() -> None:
    bundle = certified()
    material = bundle["verificationMaterial"]
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    (entry,) = material["tlogEntries"]
    unproven = {name: value for name, value in entry.items() if name != "inclusionProof"}
    unpromised = {name: value for name, value in entry.items() if name != "inclusionPromise"}
    for version, changed, expected in (
        ("0.1", entry, "verified"),
        ("0.1", unproven, "verified"),
        ("0.1", unpromised, "inclusion_promise_invalid"),
        ("0.2", entry, "verified"),
        ("0.2", unproven, "inclusion_proof_invalid"),
        ("0.2", unpromised, "time_unproven"),
    ):
        material["tlogEntries"] = [changed]
        assert (
            outcome(bundle | {"mediaType": f"application/vnd.dev.sigstore.bundle+json;version={version}"}) == expected
        )


def _material(bundle: dict[str, Any]) -> dict[str, Any]:
    material: dict[str, Any] = bundle["verificationMaterial"]
    return material


def _entry(bundle: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = _material(bundle)["tlogEntries"][0]
    return entry


def _replaced(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(bundle: dict[str, Any]) -> None:
        holder = _entry(bundle)
        *parents, last = path.split(".")
        for name in parents:
            holder = holder[name]
        holder[last] = value

    return change


def _other_entry(bundle: dict[str, Any]) -> None:
    _material(bundle)["tlogEntries"] = _material(certified(SIGNER))["tlogEntries"]


def _no_entry(bundle: dict[str, Any]) -> None:
    _material(bundle)["tlogEntries"] = []


def _other_payload(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payload"] = b64(PAYLOAD.replace(b"a.whl", b"b.whl"))


def _other_type(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payloadType"] = "application/vnd.in-toto.x+json"


def _unbound_entry(bundle: dict[str, Any]) -> None:
    body = a_body("intoto", "0.0.1", bundle["dsseEnvelope"], SIGNER)
    _material(bundle)["tlogEntries"] = [OURS.entry(body)]


ROOT = base64_text.decode(_entry(certified())["inclusionProof"]["rootHash"]) or b""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(_other_payload, "signature_invalid", id="18 payload changed"),
        pytest.param(_other_type, "signature_invalid", id="18 payloadType changed"),
        pytest.param(_other_entry, "log_entry_mismatch", id="27 entry of another signature by the same key"),
        pytest.param(_no_entry, "log_entry_missing", id="no entry"),
        pytest.param(_unbound_entry, "log_entry_unsupported", id="entry that binds no signature"),
        pytest.param(_replaced("logId.keyId", b64(bytes(32))), "log_unknown", id="28 unknown log"),
        pytest.param(_replaced("kindVersion.kind", "hashedrekord"), "log_entry_mismatch", id="another kind"),
        pytest.param(_replaced("integratedTime", "1"), "inclusion_promise_invalid", id="78 backdated"),
        pytest.param(_replaced("inclusionProof.treeSize", "3"), "inclusion_proof_invalid", id="28 another size"),
        pytest.param(_replaced("inclusionProof.hashes", []), "inclusion_proof_invalid", id="28 no hashes"),
        pytest.param(_replaced("inclusionProof.checkpoint", None), "checkpoint_invalid", id="28 no checkpoint"),
        pytest.param(
            _replaced("inclusionProof.checkpoint.envelope", OTHERS.checkpoint(2, ROOT)),
            "checkpoint_invalid",
            id="28 foreign log",
        ),
        pytest.param(
            _replaced("inclusionProof.checkpoint.envelope", OURS.checkpoint(2, bytes(32))),
            "checkpoint_invalid",
            id="28 older log",
        ),
    ],
)
def test_a_bundle_that_is_wrong_in_one_way_is_refused_with_its_code(
    change: Callable[[dict[str, Any]], None], expected: str
) -> None:
    bundle = certified()
    change(bundle)
    assert outcome(bundle) == expected


def test_28_a_checkpoint_of_another_origin_is_refused() -> None:
    bundle = certified()
    proof = _entry(bundle)["inclusionProof"]
    proof["checkpoint"]["envelope"] = OURS.checkpoint(
        2, base64_text.decode(proof["rootHash"]) or b"", "elsewhere.example"
    )
    assert outcome(bundle) == "checkpoint_invalid"


def test_certificates_are_refused_unless_authority_time_log_and_purpose_fit() -> None:
    stranger = OTHERS.certify()
    assert outcome(certified(stranger)) == "certificate_untrusted"
    assert outcome(certified(SIGNER, at=SIGNED_AT + timedelta(hours=1))) == "certificate_untrusted"
    assert outcome(certified(OURS.certify(ct_key=generate_private_key(SECP256R1())))) == "certificate_not_logged"
    assert outcome(certified(OURS.certify(purpose=ExtendedKeyUsageOID.SERVER_AUTH))) == "certificate_unusable"


def test_what_the_authority_does_not_name_is_not_asked_for() -> None:
    unlogged = OURS.certify(ct_key=generate_private_key(SECP256R1()))
    assert outcome(certified(unlogged), a_root(authority=OURS.trusted_root(ctlogs=[]))) == "verified"


def test_an_authority_counts_in_its_own_period_only() -> None:
    document = json.loads(OURS.trusted_root())
    for end, expected in (("2026-11-01T12:00:00Z", "verified"), ("2026-11-01T11:59:59Z", "certificate_untrusted")):
        document["certificateAuthorities"][0]["validFor"]["end"] = end
        assert outcome(certified(), a_root(authority=json.dumps(document))) == expected


def test_a_log_counts_in_its_own_period_only() -> None:
    for name, expected in (("tlogs", "inclusion_promise_invalid"), ("ctlogs", "certificate_not_logged")):
        document = json.loads(OURS.trusted_root())
        document[name][0]["publicKey"]["validFor"]["end"] = "2026-11-01T11:59:59Z"
        assert outcome(certified(), a_root(authority=json.dumps(document))) == expected


def test_23_certificates_and_keys_that_the_evidence_brings_along_are_not_used() -> None:
    stranger = OTHERS.certify()
    bundle = certified(stranger)
    material = _material(bundle)
    authority = OTHERS.root.public_bytes(Encoding.DER)
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate"), {"rawBytes": b64(authority)}]}
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2"
    assert outcome(bundle) == "certificate_untrusted"
    plain = an_envelope(PAYLOAD, KEY)
    plain["signatures"][0]["cert"] = keys.public_pem(KEY.public_key())
    assert outcome(plain) == "key_unknown"


def test_further_certificates_may_only_repeat_those_of_the_authority() -> None:
    bundle = certified() | {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"}
    leaf = _material(bundle).pop("certificate")
    for instance, expected in ((OURS, "verified"), (OTHERS, "certificate_untrusted")):
        above = {"rawBytes": b64(instance.root.public_bytes(Encoding.DER))}
        _material(bundle)["x509CertificateChain"] = {"certificates": [leaf, above]}
        assert outcome(bundle) == expected


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_27_a_log_entry_of_another_key_digest_or_payload_type_is_refused(kind: tuple[str, str]) -> None:
    envelope = an_envelope(PAYLOAD, SIGNER.private)
    other = {**envelope, "payload": b64(PAYLOAD + b" ")}
    retyped = {**envelope, "payloadType": "application/vnd.in-toto.x+json"}
    bodies = [a_body(*kind, envelope, OURS.certify()), a_body(*kind, other, SIGNER)]
    if kind[0] in {"intoto", "hashedrekord"}:
        bodies.append(a_body(*kind, retyped, SIGNER))
    for body in bodies:
        bundle = a_bundle({"dsseEnvelope": envelope}, [OURS.entry(body)], der=SIGNER.der)
        assert outcome(bundle) == "log_entry_mismatch"


def test_22_an_identity_counts_only_when_a_root_names_it_for_the_predicate_type() -> None:
    for identity in (
        TrustedIdentity(ISSUER, WORKFLOW.replace("v1", "v2"), {}),
        TrustedIdentity("https://gitlab.com", WORKFLOW, {}),
        TrustedIdentity(ISSUER, WORKFLOW, {"source_repository_identifier": "4712"}),
    ):
        answer = judged(certified(), a_root(identities=(identity,)))
        assert isinstance(answer, Unverified)
        assert answer.problem is Problem.IDENTITY_NOT_ALLOWED
        assert answer.checks[0].outcome == "identity_not_allowed"
    answer = judged(certified(), a_root(predicate_types=(SIGNATURE_TYPE,)))
    assert isinstance(answer, Unverified)
    assert answer.problem is Problem.PREDICATE_NOT_ALLOWED
    assert answer.checks[0].outcome == "verified"


def test_26_the_moment_of_receipt_decides_about_distrust_and_not_the_time_of_the_log() -> None:
    answer = judged(certified(), a_root(distrust_after=SIGNED_AT + timedelta(hours=1), valid_from=SIGNED_AT))
    assert isinstance(answer, Unverified)
    assert answer.problem is Problem.KEY_DISTRUSTED


def test_a_signature_over_an_artifact_becomes_a_statement_about_its_digest() -> None:
    content = over_artifact(SIGNER.private)
    signature = base64_text.decode(content["messageSignature"]["signature"]) or b""
    bundle = a_bundle(content, [OURS.entry(a_record(DIGEST, signature, SIGNER.pem))], der=SIGNER.der)
    answer = judged(bundle)
    assert isinstance(answer, Verified)
    assert answer.statement.digests == ("sha256:" + DIGEST.hex(),)
    assert answer.statement.predicate_type == SIGNATURE_TYPE
    assert answer.statement.predicate == {"mediaType": bundle["mediaType"], "identity": WORKFLOW, "issuer": ISSUER}
    bundle["messageSignature"]["messageDigest"]["digest"] = b64(bytes(32))
    assert outcome(bundle) == "signature_invalid"


def test_a_plain_key_verifies_a_bundle_and_its_log_entry_where_the_authority_names_a_log() -> None:
    content = over_artifact(KEY)
    signature = base64_text.decode(content["messageSignature"]["signature"]) or b""
    pem = keys.public_pem(KEY.public_key())
    bundle = a_bundle(content, [OURS.entry(a_record(DIGEST, signature, pem.encode()))], der=None)
    trusted = (TrustedKey.from_text(pem),)
    for authority in (None, OURS.trusted_root()):
        root = a_root(keys=trusted, authority=authority, identities=())
        answer = judged(bundle, root)
        assert isinstance(answer, Verified)
        assert answer.signers[0].key_id == trusted[0].key_id
        assert outcome(a_bundle(content, [], der=None), root) == "verified"
    _entry(bundle)["integratedTime"] = "1"
    assert outcome(bundle, a_root(keys=trusted)) == "inclusion_promise_invalid"
    assert outcome(bundle, a_root()) == "key_unknown"
    ed25519 = keys.generate()
    root = a_root(keys=(TrustedKey.from_text(keys.public_pem(ed25519.public_key())),))
    assert outcome(a_bundle(over_artifact(ed25519), [], der=None), root) == "artifact_needed"


def test_a_certificate_needs_a_root_with_an_authority() -> None:
    root = a_root(keys=(TrustedKey.from_text(keys.public_pem(KEY.public_key())),), authority=None, identities=())
    assert outcome(certified(), root) == "authority_missing"


def test_the_nearest_outcome_over_all_roots_is_told() -> None:
    other = a_root(name="other", authority=OTHERS.trusted_root())
    assert outcome(certified(), other) == "log_unknown"
    assert outcome(certified(), other, a_root(identities=(TrustedIdentity(ISSUER, "https://x/y", {}),))) == (
        "identity_not_allowed"
    )
    assert outcome(certified(), other, a_root()) == "verified"


@pytest.mark.parametrize(
    "change",
    [
        {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=99.9"},
        {"verificationMaterial": None},
        {"dsseEnvelope": None},
        {"messageSignature": {"signature": "AA=="}},
        {"dsseEnvelope": an_envelope(PAYLOAD, KEY) | {"signatures": []}},
        {"verificationMaterial": {"certificate": {"rawBytes": "AA=="}, "publicKey": {"hint": "x"}}},
        {"verificationMaterial": {"x509CertificateChain": {"certificates": [{"rawBytes": "AA=="}]}}},
        {"verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": [{"logIndex": "-1"}]}},
    ],
)
def test_a_malformed_bundle_is_refused_whole(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        judged(certified() | change)
    assert refusal.value.code in {"bundle_malformed", "bundle_version_unsupported"}


def test_33_base64_has_one_spelling() -> None:
    bundle = certified()
    text = bundle["dsseEnvelope"]["payload"]
    for spelled in (text.rstrip("="), text + "\n", "-_+/" + text):
        with pytest.raises(Invalid):
            judged(bundle | {"dsseEnvelope": bundle["dsseEnvelope"] | {"payload": spelled}})


def test_the_number_of_entries_and_timestamps_is_limited() -> None:
    for name in ("tlogEntries", "timestampVerificationData"):
        bundle = certified()
        entries = _material(bundle)["tlogEntries"] * 9
        many = entries if name == "tlogEntries" else {"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}] * 9}
        _material(bundle)[name] = many
        with pytest.raises(TooLarge):
            judged(bundle)
