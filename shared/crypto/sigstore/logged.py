"""What a log entry says was signed, compared with what is at hand.

- Digest, signature and key must all be the bundle's own; the entry's kind and version must be the announced ones.
- An entry that cannot be read like this is no entry: it is never passed over.

Source: sigstore/rekor pkg/types, sigstore/rekor-tiles; their JSON schemas and protocol buffers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from shared.crypto import base64_text, keys, strict_json
from shared.crypto.sigstore.bundle import LogEntry
from shared.crypto.sigstore.checks import Check, CheckFailed
from shared.errors import HallmarkError

_HASHES = {"sha256": 32, "sha384": 48, "SHA2_256": 32, "SHA2_384": 48}


@dataclass(frozen=True)
class Signed:
    """What a log entry must be about. `verifier` is the certificate or public key in DER.

    `digests` are those of the signed bytes, `payload_digest` that of an envelope's payload, which older entries name.
    """

    signature: bytes
    verifier: bytes
    digests: tuple[bytes, ...]
    payload_digest: bytes | None = None
    payload_type: str = ""


@dataclass(frozen=True)
class _Claim:
    digest: bytes
    of_payload: bool
    signature: bytes
    verifier: bytes


def check_about(entry: LogEntry, signed: Signed) -> None:
    """That `entry` is about `signed` and nothing else. Raises `CheckFailed` otherwise."""
    reader = _READERS.get((entry.kind, entry.version))
    if reader is None:
        raise CheckFailed(
            Check.LOG_ENTRY_UNSUPPORTED, f"Entries of kind {entry.kind[:50]} {entry.version[:20]} bind no signature."
        )
    try:
        body = strict_json.loads_object(entry.body)
        if (body["kind"], body["apiVersion"]) != (entry.kind, entry.version):
            raise _mismatch("is of another kind than announced")
        claim = reader(body["spec"], signed)
    except (KeyError, TypeError, ValueError, IndexError, HallmarkError) as error:
        raise _mismatch("cannot be read") from error
    digests = (signed.payload_digest,) if claim.of_payload else signed.digests
    if claim.digest not in digests:
        raise _mismatch("is about another digest")
    if claim.signature != signed.signature:
        raise _mismatch("is about another signature")
    if claim.verifier != signed.verifier:
        raise _mismatch("is about another key")


def _hashedrekord_v1(spec: dict[str, Any], _: Signed) -> _Claim:
    signature = spec["signature"]
    return _Claim(
        digest=_hex(spec["data"]["hash"]),
        of_payload=False,
        signature=_data(signature["content"]),
        verifier=_pem(_data(signature["publicKey"]["content"])),
    )


def _hashedrekord_v2(spec: dict[str, Any], _: Signed) -> _Claim:
    record = spec["hashedRekordV002"]
    signature = record["signature"]
    return _Claim(
        digest=_hashed(record["data"]),
        of_payload=False,
        signature=_data(signature["content"]),
        verifier=_der(signature["verifier"]),
    )


def _dsse_v1(spec: dict[str, Any], _: Signed) -> _Claim:
    (signature,) = spec["signatures"]
    return _Claim(
        digest=_hex(spec["payloadHash"]),
        of_payload=True,
        signature=_data(signature["signature"]),
        verifier=_pem(_data(signature["verifier"])),
    )


def _dsse_v2(spec: dict[str, Any], _: Signed) -> _Claim:
    record = spec["dsseV002"]
    (signature,) = record["signatures"]
    return _Claim(
        digest=_hashed(record["payloadHash"]),
        of_payload=True,
        signature=_data(signature["content"]),
        verifier=_der(signature["verifier"]),
    )


def _intoto_v2(spec: dict[str, Any], signed: Signed) -> _Claim:
    content = spec["content"]
    envelope = content["envelope"]
    (signature,) = envelope["signatures"]
    if envelope["payloadType"] != signed.payload_type:
        raise ValueError("another payload type")
    # The log encodes the envelope's own base64 once more.
    inner = _data(_data(signature["sig"]).decode())
    return _Claim(
        digest=_hex(content["payloadHash"]),
        of_payload=True,
        signature=inner,
        verifier=_pem(_data(signature["publicKey"])),
    )


_READERS: dict[tuple[str, str], Callable[[dict[str, Any], Signed], _Claim]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord_v1,
    ("hashedrekord", "0.0.2"): _hashedrekord_v2,
    ("dsse", "0.0.1"): _dsse_v1,
    ("dsse", "0.0.2"): _dsse_v2,
    ("intoto", "0.0.2"): _intoto_v2,
}


def _data(text: str) -> bytes:
    value = base64_text.decode(text)
    if value is None:
        raise ValueError("not base64")
    return value


def _hex(named: dict[str, str]) -> bytes:
    return _sized(named["algorithm"], bytes.fromhex(named["value"]))


def _hashed(named: dict[str, str]) -> bytes:
    return _sized(named["algorithm"], _data(named["digest"]))


def _sized(algorithm: str, digest: bytes) -> bytes:
    if _HASHES.get(algorithm) != len(digest):
        raise ValueError("another hash algorithm")
    return digest


def _pem(encoded: bytes) -> bytes:
    if b"BEGIN CERTIFICATE" in encoded:
        return x509.load_pem_x509_certificate(encoded).public_bytes(Encoding.DER)
    return keys.public_der(keys.load_public(encoded))


def _der(verifier: dict[str, Any]) -> bytes:
    return _data((verifier.get("x509Certificate") or verifier["publicKey"])["rawBytes"])


def _mismatch(problem: str) -> CheckFailed:
    return CheckFailed(Check.LOG_ENTRY_MISMATCH, f"The log entry {problem}.")
