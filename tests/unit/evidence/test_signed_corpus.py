"""Every signed file of the corpus gets its published verdict; docs/corpus-signed.md lists the few that differ."""

from __future__ import annotations

import base64
import collections
import contextlib
import functools
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509

from shared.crypto import strict_json
from shared.crypto.sigstore import certificate
from shared.crypto.sigstore.bundle import Bundle
from shared.crypto.sigstore.checks import CheckFailed
from shared.errors import HallmarkError, Invalid
from shared.trust import signatures
from shared.trust.identity import TrustedIdentity
from shared.trust.roots import TrustedKey, TrustRoot
from shared.trust.verification import Problem, Unverified, Verified, judge
from tests.support.counts import say

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
SIGNED = CORPUS / "03-signed-attestations"
GIVE, REFERENCE = SIGNED / "give", SIGNED / "reference"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

DIFFERENT = {
    "certificate beside the signature": "key_unknown",
    "certificate nowhere": "key_unknown",
    "over the raw payload": "key_unknown",
    "instance not installed": "log_entry_missing",
    "certificate names nobody": "certificate_unusable",
    "certificate chain in version 0.3": "bundle_malformed",
    "bundle of version 0.1": "verified",
}
"""Why a verdict differs from the published one, and what is said instead; as in the table of docs/corpus-signed.md."""


class Piece(NamedTuple):
    """One envelope or bundle in a file, or the whole file when it holds none."""

    file: str
    at: str
    data: bytes


def _pieces() -> Iterator[Piece]:
    for path in sorted(GIVE.rglob("*")):
        name = path.relative_to(GIVE).as_posix()
        if not path.is_file() or name in {"expected.json", "computed-dsse-layer.json"}:
            continue
        whole = path.read_bytes()
        lines = whole.splitlines() if path.suffix == ".jsonl" and not _json(whole) else [whole]
        for line in lines:
            found = list(_signed_in(_json(line), ""))
            yield from (Piece(name, at or "/", json.dumps(value).encode()) for at, value in found)
            if not found:
                yield Piece(name, "", line)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _signed_in(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        if {"verificationMaterial", "dsseEnvelope", "payload"} & set(value) and "digest" not in value:
            yield at, value
            return
        for name, child in value.items():
            yield from _signed_in(child, f"{at}/{name}")
    elif isinstance(value, list):
        for place, child in enumerate(value):
            yield from _signed_in(child, f"{at}[{place}]")


@functools.cache
def _expected() -> dict[str, dict[str, Any]]:
    document = json.loads((GIVE / "expected.json").read_bytes())
    return {f"{group}/{name}": said for group, listed in document.items() for name, said in listed.items()}


@functools.cache
def _layer() -> dict[tuple[str, str], Any]:
    document = json.loads((GIVE / "computed-dsse-layer.json").read_bytes())
    return {(name, one["at"]): one for name, listed in document.items() for one in listed if isinstance(one, dict)}


def _published(piece: Piece) -> bool | None:
    """Whether the published verdict is that somebody known signed it; None when nobody said anything."""
    folder = piece.file.removesuffix("/bundle.sigstore.json")
    said = _expected().get(piece.file) or _expected().get(folder) or {}
    if said.get("verdict") in {"valid", "valid-signature"} or said.get("signature_verdict") == "valid":
        layer = _layer().get((piece.file, piece.at), {})
        several = sum(name == piece.file for name, _ in _layer()) > 1
        return bool(layer.get("verified")) if several else True
    if str(said.get("verdict", "")).startswith("invalid") or said.get("signature_verdict") == "ErrorNoValidSignature":
        return False
    if (piece.file, piece.at) in _layer():
        return bool(_layer()[piece.file, piece.at].get("verified"))
    return None


@functools.cache
def _keys() -> tuple[TrustedKey, ...]:
    texts = [path.read_text() for path in sorted(REFERENCE.glob("google-cloud-build-public-keys/*.key"))]
    texts += [
        (REFERENCE / "witness/testpub.pem").read_text(),
        (GIVE / "vsa-google/vsa_signing_public_key.pem").read_text(),
    ]
    texts += [json.loads((REFERENCE / "npm-registry-keys.json").read_bytes())["keys"][0]["publicKey"]["rawBytes"]]
    texts += [path.read_text() for path in sorted(GIVE.glob("in-toto-classic-legacy/*.pub"))]
    usable = []
    for text in texts:
        try:
            usable.append(TrustedKey.from_text(text))
        except Invalid:
            continue  # The classic keys have kinds and lengths that are not accepted.
    return tuple({key.key_id: key for key in usable}.values())


def _authority(file: str) -> str:
    own = GIVE / Path(file).parent / "trusted_root.json"
    if own.exists():
        return own.read_text()
    if file.startswith("sigstore-python/tsa/"):
        return json.dumps(json.loads((REFERENCE / "sigstore-python/tsa/trust_config.json").read_bytes())["trustedRoot"])
    staging = file.startswith("sigstore-python/") and "github.whl" not in file
    return (REFERENCE / f"sigstore-trusted-root-{'staging' if staging else 'production'}.json").read_text()


def _root(piece: Piece, **fields: Any) -> TrustRoot:
    keys = _keys()
    own = GIVE / Path(piece.file).parent / "key.pub"
    if own.exists():
        try:
            keys = (TrustedKey.from_text(own.read_text()),)
        except Invalid:
            keys = (_keys()[0],)  # That key has no point on its curve: any other is as wrong.
    default: dict[str, Any] = {
        "name": "corpus",
        "project": None,
        "keys": keys,
        "predicate_types": ("*",),
        "role": "build",
        "valid_from": datetime(2020, 1, 1, tzinfo=UTC),
        "authority": _authority(piece.file),
        "identities": _identities(piece),
    }
    return TrustRoot(**default | fields)


def _identities(piece: Piece) -> tuple[TrustedIdentity, ...]:
    """Exactly whom the certificate names, so that the verdict depends on all else."""
    try:
        evidence = signatures.read(strict_json.loads_object(piece.data))
        if isinstance(evidence, Bundle) and evidence.certificate:
            holder = certificate.read(evidence.certificate).holder
            return (TrustedIdentity(holder.issuer, holder.identity, dict(holder.claims)),)
    except (HallmarkError, CheckFailed):
        pass
    return (TrustedIdentity("https://issuer.example", "nobody@example.com", {}),)


@functools.cache
def _outcome(piece: Piece) -> str:
    try:
        evidence = signatures.read(strict_json.loads_object(piece.data))
    except HallmarkError as refusal:
        return refusal.code
    checks = signatures.examine(evidence, [_root(piece)]).checks
    outcomes = [check.outcome for check in checks]
    return "verified" if "verified" in outcomes else (outcomes or ["unsigned"])[0]


def _difference(piece: Piece) -> str | None:
    """The reason in docs/corpus-signed.md that covers this piece."""
    document = _json(piece.data) or {}
    layer = _layer().get((piece.file, piece.at), {})
    material = document.get("verificationMaterial") or {}
    signed = [one for one in document.get("signatures", ()) if isinstance(one, dict)]
    raw = any("OVER RAW PAYLOAD" in one for one in layer.get("verified", ())) and not layer["dsse_pae_valid"]
    holds = {
        "certificate beside the signature": any("cert" in one for one in signed),
        "certificate nowhere": piece.file.startswith("slsa-verifier/gha_go/v0.0.2/"),
        "certificate chain in version 0.3": "x509CertificateChain" in material and "0.3" in document["mediaType"],
        "over the raw payload": raw,
        "instance not installed": b"GitHub, Inc." in _leaf(material),
        "certificate names nobody": b"Chainloop" in _leaf(material),
        "bundle of version 0.1": _expected().get(piece.file, {}).get("verdict") == "invalid-for-gh",
    }
    return next((reason for reason, true in holds.items() if true), None)


def _leaf(material: dict[str, Any]) -> bytes:
    encoded = (material.get("certificate") or {}).get("rawBytes")
    return x509.load_der_x509_certificate(base64.b64decode(encoded)).issuer.public_bytes() if encoded else b""


@pytest.mark.thorough
def test_every_signed_piece_gets_its_published_verdict() -> None:
    outcomes: collections.Counter[str] = collections.Counter()
    differences: collections.Counter[str] = collections.Counter()
    agreed: collections.Counter[bool | None] = collections.Counter()
    for piece in _pieces():
        outcome, published = _outcome(piece), _published(piece)
        outcomes[outcome] += 1
        if published is None:
            assert outcome != "verified", piece.file
        elif (outcome == "verified") is not published:
            reason = _difference(piece)
            assert reason is not None, (piece.file, piece.at, outcome, published)
            assert outcome == DIFFERENT[reason], (piece.file, outcome)
            differences[reason] += 1
            continue
        agreed[published] += 1
    say("signed attestations, agreed", dict(agreed))
    say("signed attestations, different", dict(differences))
    say("signed attestations, outcomes", dict(outcomes))
    assert set(differences) == set(DIFFERENT)
    assert agreed[True] >= 90
    assert agreed[False] >= 70


@pytest.mark.thorough
def test_judging_believes_what_verified_unless_the_statement_cannot_be_used() -> None:
    judged: collections.Counter[str] = collections.Counter()
    for piece in _pieces():
        if _outcome(piece) != "verified":
            with _nothing_believed():
                assert not isinstance(judge(piece.data, [_root(piece)], NOW), Verified), piece.file
            continue
        try:
            answer = judge(piece.data, [_root(piece)], NOW)
        except Invalid as refusal:
            judged[refusal.code] += 1
        else:
            judged["believed" if isinstance(answer, Verified) else answer.problem.value] += 1
    say("signed attestations, judged", dict(judged))
    assert judged.pop("believed") >= 65
    # npm names packages by sha512, classic in-toto signs links and witness policies, which are no statements.
    assert set(judged) == {"subject_digest_unsupported", "statement_malformed", "payload_type_unsupported"}


def test_no_other_identity_is_believed_for_a_real_certificate() -> None:
    tried = 0
    for piece in _pieces():
        if _outcome(piece) != "verified" or b'"rawBytes"' not in piece.data:
            continue
        (known,) = _identities(piece)
        strangers = (
            TrustedIdentity(known.issuer + "/", known.subject, {}),
            TrustedIdentity(known.issuer, known.subject + "x", {}),
            TrustedIdentity(known.issuer, known.subject, {**known.claims, "build_trigger": "made up"}),
        )
        root = _root(piece, keys=(), identities=strangers)
        (check,) = signatures.examine(signatures.read(strict_json.loads_object(piece.data)), [root]).checks
        if check.outcome != "key_unknown":
            assert check.outcome == "identity_not_allowed", piece.file
            tried += 1
        with _nothing_believed():
            answer = judge(piece.data, [root], NOW)
            assert isinstance(answer, Unverified)
            assert answer.problem in {Problem.IDENTITY_NOT_ALLOWED, Problem.NO_TRUSTED_SIGNATURE}
    assert tried >= 60


def _nothing_believed() -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(HallmarkError)
