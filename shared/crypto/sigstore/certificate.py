"""Signing certificates: who they name, whether they lead to the authority, and whether a certificate log knows them.

- A leaf is for signing code, is no authority itself, and names exactly one holder: a URI, an e-mail address or
  Fulcio's own kind of name.
- The chain is built from the configured authority's certificates alone and must hold at every proven time.
- Certificate timestamps are asked for when the authority names certificate logs; one good one is enough.
- Claims are read from the extensions whose values are DER texts (numbers 8 and above). The issuer may stand in its
  old form only; when both forms are there they must agree.

Source: sigstore/fulcio docs/oid-info.md; RFC 5280; RFC 6962 section 3.2.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.certificate_transparency import LogEntryType, SignedCertificateTimestamp
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from shared.crypto import keys
from shared.crypto.sigstore.authority import Authority, Issuer
from shared.crypto.sigstore.checks import Check, CheckFailed
from shared.errors import Invalid

_FULCIO = "1.3.6.1.4.1.57264.1."
_OTHER_NAME = x509.ObjectIdentifier(_FULCIO + "7")
_OLD_ISSUER = _FULCIO + "1"
CLAIMS = {
    8: "issuer",
    9: "build_signer_uri",
    10: "build_signer_digest",
    11: "runner_environment",
    12: "source_repository_uri",
    13: "source_repository_digest",
    14: "source_repository_ref",
    15: "source_repository_identifier",
    16: "source_repository_owner_uri",
    17: "source_repository_owner_identifier",
    18: "build_config_uri",
    19: "build_config_digest",
    20: "build_trigger",
    21: "run_invocation_uri",
    22: "source_repository_visibility_at_signing",
}
_TRANSPARENCY_SIGNATURE = 0
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    Invalid,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)
"""What the library raises for certificates that it cannot read; the last one only where warnings are errors."""


@dataclass(frozen=True)
class Holder:
    """Who a certificate was given to, in its issuer's words."""

    identity: str
    issuer: str
    claims: Mapping[str, str]


@dataclass(frozen=True)
class Leaf:
    """A signing certificate. That it was read says nothing about who issued it."""

    certificate: x509.Certificate
    der: bytes
    public: keys.PublicKey
    holder: Holder


def read(der: bytes) -> Leaf:
    """Read a signing certificate. Raises `CheckFailed` when it is none, or names nobody."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = certificate.extensions
        public = keys.accepted(certificate.public_key())
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        holder = _holder(extensions)
    except _UNREADABLE as error:
        raise _unusable(str(error)) from error
    if certificate.serial_number <= 0:
        raise _unusable("its serial number is not positive")
    if not usage.digital_signature or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise _unusable("it is not for signing code")
    if certificate.public_bytes(Encoding.DER) != der:
        raise _unusable("it is not in its canonical encoding")
    return Leaf(certificate, der, public, holder)


def check_chain(leaf: Leaf, authority: Authority, times: Iterable[datetime]) -> tuple[x509.Certificate, ...]:
    """The chain above `leaf`, which holds at each of `times`. Raises `CheckFailed` when there is none."""
    for issuer in authority.issuers:
        chains = [_chain(leaf.certificate, issuer, time) for time in times]
        if chains and all(chains):
            return chains[0]
    raise CheckFailed(
        Check.CERTIFICATE_UNTRUSTED, "No configured authority issued the certificate for the time of the signature."
    )


def check_above(above: Iterable[bytes], authority: Authority) -> None:
    """That further certificates only repeat configured ones, though none of them is used. Raises `CheckFailed`."""
    known = {one.public_bytes(Encoding.DER) for issuer in authority.issuers for one in issuer.chain}
    if not set(above) <= known:
        raise CheckFailed(Check.CERTIFICATE_UNTRUSTED, "The bundle brings a certificate that the authority has not.")


def check_logged(leaf: Leaf, authority: Authority, chain: tuple[x509.Certificate, ...]) -> None:
    """That a certificate log signed for `leaf`, where the authority names any. Raises `CheckFailed` otherwise."""
    if not authority.certificate_logs:
        return
    try:
        listed = leaf.certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
        timestamps = list(listed.value)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise CheckFailed(Check.CERTIFICATE_NOT_LOGGED, "The certificate carries no certificate timestamp.") from error
    if not any(_signed(one, leaf.certificate, chain[0], authority) for one in timestamps):
        raise CheckFailed(Check.CERTIFICATE_NOT_LOGGED, "No known certificate log signed for the certificate.")


def _chain(leaf: x509.Certificate, issuer: Issuer, time: datetime) -> tuple[x509.Certificate, ...]:
    # The library asks for TLS client authentication unless told otherwise; the purposes of the leaf are checked above.
    anything = (x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None)
    verifier = (
        PolicyBuilder()
        .store(Store(list(issuer.chain)))
        .time(time)
        .extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca().may_be_present(*anything),
            ee_policy=ExtensionPolicy.webpki_defaults_ee().may_be_present(*anything),
        )
        .build_client_verifier()
    )
    if time not in issuer.period:
        return ()
    try:
        return tuple(verifier.verify(leaf, []).chain[1:])
    except (VerificationError, x509.UnsupportedGeneralNameType, ValueError):
        return ()


def _signed(
    stamp: SignedCertificateTimestamp, leaf: x509.Certificate, issuer: x509.Certificate, authority: Authority
) -> bool:
    issued = stamp.timestamp.replace(tzinfo=UTC)
    if stamp.entry_type is not LogEntryType.PRE_CERTIFICATE or not isinstance(stamp.signature_hash_algorithm, SHA256):
        return False
    body = leaf.tbs_precertificate_bytes
    issuer_key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    message = b"".join(
        (
            struct.pack("!BBQH", stamp.version.value, _TRANSPARENCY_SIGNATURE, _milliseconds(issued), 1),
            hashlib.sha256(issuer_key).digest(),
            len(body).to_bytes(3, "big"),
            body,
            len(stamp.extension_bytes).to_bytes(2, "big"),
            stamp.extension_bytes,
        )
    )
    return any(
        log.id == stamp.log_id and issued in log.period and keys.verify(log.public, message, stamp.signature)
        for log in authority.certificate_logs
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _identity(extensions: x509.Extensions) -> str:
    names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    if len(names) != 1:
        raise ValueError(f"it names {len(names)} holders")
    match names[0]:
        case x509.UniformResourceIdentifier() | x509.RFC822Name() as name:
            return name.value
        case x509.OtherName() as name if name.type_id == _OTHER_NAME:
            return asn1.decode_der(str, name.value)
        case _:
            raise ValueError("it names its holder in an unknown way")


def _issuer(old: bytes | None, claims: Mapping[str, str]) -> str:
    new = claims.get("issuer")
    if old is not None and new is not None and old.decode() != new:
        raise ValueError("it names two issuers")
    if old is None and new is None:
        raise ValueError("it does not say who vouched for its holder")
    return new or (old or b"").decode()


def _holder(extensions: x509.Extensions) -> Holder:
    values = {
        extension.oid.dotted_string: extension.value.value
        for extension in extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    named = {name: values.get(f"{_FULCIO}{number}") for number, name in CLAIMS.items()}
    claims = {name: asn1.decode_der(str, value) for name, value in named.items() if value is not None}
    return Holder(_identity(extensions), _issuer(values.get(_OLD_ISSUER), claims), claims)


def _unusable(problem: str) -> CheckFailed:
    return CheckFailed(Check.CERTIFICATE_UNUSABLE, f"The certificate cannot be used: {problem}.")
