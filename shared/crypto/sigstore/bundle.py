"""Sigstore bundles 0.1 to 0.3: what was signed, by which certificate or key, and what proves when.

- Reading believes nothing. A bundle that reads is well-formed, no more.
- Exactly one of a DSSE envelope with one signature and a message signature, which signs a digest and no statement.
- Exactly one of a certificate and a public key's hint. Of a certificate chain (0.1 and 0.2) only the first signs:
  trust comes from the configured authority, and the others may only repeat what that one has.
- The hint is shown, and chooses nothing.

Source: sigstore/protobuf-specs sigstore_bundle.proto, sigstore_rekor.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.crypto import dsse
from shared.crypto.sigstore.fields import Fields
from shared.errors import Invalid

MAX_LOG_ENTRIES = 8
MAX_TIMESTAMPS = 8
MAX_PROOF_HASHES = 64
MAX_CERTIFICATES = 10

_VERSIONS = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": (0, 1),
    "application/vnd.dev.sigstore.bundle+json;version=0.2": (0, 2),
    "application/vnd.dev.sigstore.bundle+json;version=0.3": (0, 3),
    "application/vnd.dev.sigstore.bundle.v0.3+json": (0, 3),
}
_DIGEST_BYTES = {"SHA2_256": 32, "SHA2_384": 48}


@dataclass(frozen=True)
class InclusionProof:
    """Where in the tree an entry is. `checkpoint` is None in some bundles of version 0.1."""

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str | None


@dataclass(frozen=True)
class LogEntry:
    """One entry of a transparency log: `body` is what was logged, all else shows that it was."""

    index: int
    log_id: bytes
    kind: str
    version: str
    integrated_at: int
    """Seconds since 1970 in the log's own words; 0 when it gives none."""
    promise: bytes | None
    """The signed entry timestamp."""
    proof: InclusionProof | None
    body: bytes


@dataclass(frozen=True)
class MessageSignature:
    """A signature over an artifact of which only the digest travels."""

    digest: bytes
    signature: bytes


@dataclass(frozen=True)
class Bundle:
    """A parsed bundle. Either `certificate` (DER) is set or the key is named by `hint`."""

    media_type: str
    version: tuple[int, int]
    content: dsse.Envelope | MessageSignature
    certificate: bytes | None
    above: tuple[bytes, ...]
    """Further certificates (DER), which prove nothing."""
    hint: str
    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]

    @property
    def signature(self) -> bytes:
        """The one signature."""
        return self.content.signature if isinstance(self.content, MessageSignature) else self.content.signatures[0].sig


def is_bundle(document: dict[str, Any]) -> bool:
    """Whether a JSON document means to be a bundle rather than a plain envelope."""
    return "verificationMaterial" in document or "dsseEnvelope" in document or "messageSignature" in document


def read(document: dict[str, Any]) -> Bundle:
    """Read a bundle out of parsed JSON. Raises `Invalid` or `TooLarge` when it is malformed."""
    fields = Fields("bundle", "", document)
    media_type = fields.text("mediaType")
    version = _VERSIONS.get(media_type)
    if version is None:
        raise Invalid(
            "bundle_version_unsupported",
            f"The bundle's media type {media_type[:100]!r} is not known.",
            remedy="Send a Sigstore bundle of version 0.1, 0.2 or 0.3.",
        )
    material = fields.child("verificationMaterial")
    certificates = _certificates(material, version)
    if (not certificates) != material.has("publicKey"):
        raise fields.malformed("verificationMaterial", "needs either a certificate or a public key's hint")
    hint = material.child("publicKey").value.get("hint")
    return Bundle(
        media_type=media_type,
        version=version,
        content=_content(fields),
        certificate=certificates[0] if certificates else None,
        above=certificates[1:],
        hint=hint if isinstance(hint, str) else "",
        entries=tuple(_entry(one) for one in material.children("tlogEntries", MAX_LOG_ENTRIES)),
        timestamps=tuple(
            one.data("signedTimestamp")
            for one in material.child("timestampVerificationData").children("rfc3161Timestamps", MAX_TIMESTAMPS)
        ),
    )


def _certificates(material: Fields, version: tuple[int, int]) -> tuple[bytes, ...]:
    single, chain = material.has("certificate"), material.has("x509CertificateChain")
    if single and (chain or version < (0, 3)):
        raise material.malformed("certificate", "stands alone, and only in bundles of version 0.3")
    if chain and version >= (0, 3):
        raise material.malformed("x509CertificateChain", "stands in bundles of version 0.1 and 0.2 only")
    if single:
        return (material.child("certificate").data("rawBytes"),)
    if not chain:
        return ()
    listed = material.child("x509CertificateChain").children("certificates", MAX_CERTIFICATES)
    if not listed:
        raise material.malformed("x509CertificateChain", "holds no certificate")
    return tuple(one.data("rawBytes") for one in listed)


def _content(fields: Fields) -> dsse.Envelope | MessageSignature:
    if fields.has("dsseEnvelope") == fields.has("messageSignature"):
        raise fields.malformed("content", "must be an envelope or a message signature")
    if fields.has("messageSignature"):
        return _message(fields.child("messageSignature"))
    envelope = dsse.read(fields.child("dsseEnvelope").value)
    if len(envelope.signatures) != 1 or not envelope.signatures[0].sig:
        raise fields.malformed("dsseEnvelope.signatures", "must hold exactly one signature")
    return envelope


def _message(message: Fields) -> MessageSignature:
    digest = message.child("messageDigest")
    value = digest.data("digest")
    if _DIGEST_BYTES.get(digest.text("algorithm")) != len(value):
        raise digest.malformed("digest", "is no SHA-256 or SHA-384 digest")
    return MessageSignature(value, message.data("signature"))


def _entry(entry: Fields) -> LogEntry:
    kind = entry.child("kindVersion")
    promised = entry.has("inclusionPromise")
    return LogEntry(
        index=entry.integer("logIndex"),
        log_id=entry.child("logId").data("keyId"),
        kind=kind.text("kind"),
        version=kind.text("version"),
        integrated_at=entry.integer("integratedTime"),
        promise=entry.child("inclusionPromise").data("signedEntryTimestamp") if promised else None,
        proof=_proof(entry.child("inclusionProof")) if entry.has("inclusionProof") else None,
        body=entry.data("canonicalizedBody"),
    )


def _proof(proof: Fields) -> InclusionProof:
    return InclusionProof(
        index=proof.integer("logIndex"),
        size=proof.integer("treeSize"),
        root=proof.data("rootHash"),
        hashes=proof.blobs("hashes", MAX_PROOF_HASHES),
        checkpoint=proof.child("checkpoint").text("envelope") if proof.has("checkpoint") else None,
    )
