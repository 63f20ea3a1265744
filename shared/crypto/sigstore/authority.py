"""Trusted roots: the certificate authorities, logs and timestamp authorities that an operator installed.

- The document is the JSON form of Sigstore's `TrustedRoot`. It is read when it is installed and refused as a whole
  when any part cannot be used: a part that is skipped would be missed when it is needed.
- Everything holds for a closed period; both ends belong to it.
- What a document does not name is not asked for: without logs no log entries, without certificate logs no certificate
  timestamps. Operators decide that by what they install.

Source: sigstore/protobuf-specs sigstore_trustroot.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from cryptography import x509

from shared.crypto import key_forms, keys, strict_json
from shared.crypto.sigstore.fields import Fields
from shared.errors import Invalid

MAX_CHARACTERS = 100_000
_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
_MAX_PARTS = 32


@dataclass(frozen=True)
class Period:
    """A closed stretch of time; None is open."""

    start: datetime | None
    end: datetime | None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)


@dataclass(frozen=True)
class Log:
    """One log: of signatures, or of certificates. `host` names it in its checkpoints."""

    host: str
    id: bytes
    public: keys.PublicKey
    period: Period


@dataclass(frozen=True)
class Issuer:
    """Certificates from the one nearest to the leaf (for a timestamp authority: its own) up to the root."""

    chain: tuple[x509.Certificate, ...]
    period: Period


@dataclass(frozen=True)
class Authority:
    """All that one trusted root names."""

    issuers: tuple[Issuer, ...]
    logs: tuple[Log, ...]
    certificate_logs: tuple[Log, ...]
    timestampers: tuple[Issuer, ...]


@lru_cache(maxsize=64)
def read(text: str) -> Authority:
    """Read a trusted root. Raises `Invalid` or `TooLarge` when any part of it cannot be used."""
    document = strict_json.loads_object(text.encode(), max_bytes=4 * MAX_CHARACTERS)
    fields = Fields("authority", "", document)
    if fields.text("mediaType") not in _MEDIA_TYPES:
        raise fields.malformed("mediaType", "is not that of a Sigstore trusted root")
    authority = Authority(
        issuers=tuple(_issuer(one) for one in fields.children("certificateAuthorities", _MAX_PARTS)),
        logs=tuple(_log(one) for one in fields.children("tlogs", _MAX_PARTS)),
        certificate_logs=tuple(_log(one) for one in fields.children("ctlogs", _MAX_PARTS)),
        timestampers=tuple(_timestamper(one) for one in fields.children("timestampAuthorities", _MAX_PARTS)),
    )
    if not authority.issuers:
        raise fields.malformed("certificateAuthorities", "names nobody")
    if not authority.logs and not authority.timestampers:
        raise fields.malformed("tlogs", "and timestampAuthorities are empty, so that no time could be proven")
    return authority


def _log(fields: Fields) -> Log:
    key = fields.child("publicKey")
    try:
        public = key_forms.from_der(key.data("rawBytes"))
    except Invalid as error:
        raise key.malformed("rawBytes", "is no key that can be used") from error
    return Log(
        host=urlsplit(fields.text("baseUrl")).netloc,
        id=fields.child("logId").data("keyId"),
        public=public,
        period=_period(key),
    )


def _timestamper(fields: Fields) -> Issuer:
    issuer = _issuer(fields)
    if len(issuer.chain) == 1:
        raise fields.malformed("certChain", "needs the timestamp authority's certificate and its root")
    return issuer


def _issuer(fields: Fields) -> Issuer:
    listed = fields.child("certChain").children("certificates", _MAX_PARTS)
    if not listed:
        raise fields.malformed("certChain", "holds no certificate")
    return Issuer(tuple(_certificate(one) for one in listed), _period(fields))


def _certificate(fields: Fields) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(fields.data("rawBytes"))
    except ValueError as error:
        raise fields.malformed("rawBytes", "is no X.509 certificate") from error


def _period(fields: Fields) -> Period:
    period = fields.child("validFor")
    return Period(period.moment("start"), period.moment("end"))
