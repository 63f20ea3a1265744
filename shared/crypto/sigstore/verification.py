"""Verifying one bundle: with a certificate against an authority, or with a plain key.

- In this order: the signature, the log entries, the timestamps, the time, the certificate's chain, its certificate
  timestamp. The first that fails is the answer.
- Everything is bound to this signature, this key and this digest.
- When an authority names logs, a certificate needs an entry; when it names certificate logs, their timestamp. A plain
  key needs neither, but what its bundle brings is checked when the authority can.
- The time proven by log or timestamp authority decides whether the certificate was valid. Nothing else uses it.

Source: sigstore client specification, https://docs.sigstore.dev; docs/architecture/verification.md.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.crypto import dsse, keys
from shared.crypto.sigstore import certificate, log_entry, timestamp
from shared.crypto.sigstore.authority import Authority
from shared.crypto.sigstore.bundle import Bundle, MessageSignature
from shared.crypto.sigstore.certificate import Holder
from shared.crypto.sigstore.checks import Check, CheckFailed
from shared.crypto.sigstore.logged import Signed


def holder(bundle: Bundle, authority: Authority) -> Holder:
    """Who signed `bundle`, as its certificate says and `authority` backs. Raises `CheckFailed` when it does not."""
    leaf = certificate.read(bundle.certificate or b"")
    _check_signature(bundle, leaf.public, Check.SIGNATURE_INVALID)
    if authority.logs and not bundle.entries:
        raise CheckFailed(Check.LOG_ENTRY_MISSING, "The bundle brings no log entry.")
    times = _proven_times(bundle, leaf.der, authority)
    if not times:
        raise CheckFailed(Check.TIME_UNPROVEN, "Nothing in the bundle proves when the signature was made.")
    certificate.check_above(bundle.above, authority)
    chain = certificate.check_chain(leaf, authority, times)
    certificate.check_logged(leaf, authority, chain)
    return leaf.holder


def check_key(bundle: Bundle, public: keys.PublicKey, authority: Authority | None) -> None:
    """That `public` signed `bundle`, and that log entries hold where `authority` names logs. Raises `CheckFailed`."""
    _check_signature(bundle, public, Check.KEY_UNKNOWN)
    if authority is not None:
        _proven_times(bundle, keys.public_der(public), authority)


def _check_signature(bundle: Bundle, public: keys.PublicKey, otherwise: Check) -> None:
    content = bundle.content
    if not isinstance(content, MessageSignature):
        made = keys.verify(public, dsse.pae(content.payload_type, content.payload), bundle.signature)
    elif isinstance(public, Ed25519PublicKey):
        raise CheckFailed(Check.ARTIFACT_NEEDED, "Ed25519 signs whole artifacts; only the digest is here.")
    else:
        made = keys.verify_digest(public, content.digest, content.signature)
    if not made:
        raise CheckFailed(otherwise, "The key did not make the signature.")


def _proven_times(bundle: Bundle, verifier: bytes, authority: Authority) -> tuple[datetime, ...]:
    signed = _signed(bundle, verifier)
    entries = bundle.entries if authority.logs or bundle.certificate else ()
    logged = [log_entry.check(entry, signed, authority.logs, bundle.version) for entry in entries]
    stamps = bundle.timestamps if authority.timestampers or bundle.certificate else ()
    stamped = timestamp.check(stamps, bundle.signature, authority.timestampers)
    times = (*(one.at for one in logged if one.at is not None), *stamped)
    if any(time not in one.log.period for one in logged for time in times):
        raise CheckFailed(Check.LOG_UNKNOWN, "The signature was made when its log was not trusted.")
    return times


def _signed(bundle: Bundle, verifier: bytes) -> Signed:
    content = bundle.content
    if isinstance(content, MessageSignature):
        return Signed(content.signature, verifier, (content.digest,))
    message = dsse.pae(content.payload_type, content.payload)
    return Signed(
        signature=bundle.signature,
        verifier=verifier,
        digests=(hashlib.sha256(message).digest(), hashlib.sha384(message).digest()),
        payload_digest=hashlib.sha256(content.payload).digest(),
        payload_type=content.payload_type,
    )
