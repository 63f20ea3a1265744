"""A Sigstore instance of our own: authority, certificate log, signature log, and what they would give to a signer."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.crypto import dsse, keys, merkle, note
from shared.digests import canonical_json

SIGNED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1"
FULCIO = "1.3.6.1.4.1.57264.1."
HOST = "log.example"
IN_TOTO = "application/vnd.in-toto+json"
_SCT = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_OTHER_LEAF = merkle.leaf_hash(b"another entry")


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@dataclass(frozen=True)
class Certified:
    """A signer's key and certificate."""

    private: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass
class Instance:
    """Everything that a trusted root names, with the private halves."""

    root_key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    ct_key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    log_key: keys.PrivateKey = field(default_factory=lambda: keys.generate(keys.Algorithm.ECDSA_P256))

    def __post_init__(self) -> None:
        self.root = self._authority()

    def trusted_root(self, **fields: Any) -> str:
        """The document that an operator installs."""
        always = {"start": "2020-01-01T00:00:00Z"}
        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [
                {
                    "certChain": {"certificates": [{"rawBytes": b64(self.root.public_bytes(Encoding.DER))}]},
                    "validFor": always,
                }
            ],
            "tlogs": [self._log(f"https://{HOST}", self.log_key.public_key(), self.log_id)],
            "ctlogs": [self._log("https://ct.example", self.ct_key.public_key(), self._ct_id)],
        }
        return json.dumps(document | fields)

    @property
    def log_id(self) -> bytes:
        key = note.NoteKey(HOST, self.log_key.public_key())
        if isinstance(self.log_key, Ed25519PrivateKey):
            return key.id + bytes(28)
        return hashlib.sha256(keys.public_der(self.log_key.public_key())).digest()

    @property
    def _ct_id(self) -> bytes:
        return hashlib.sha256(keys.public_der(self.ct_key.public_key())).digest()

    @staticmethod
    def _log(url: str, public: keys.PublicKey, log_id: bytes) -> dict[str, Any]:
        key = {"rawBytes": b64(keys.public_der(public)), "validFor": {"start": "2020-01-01T00:00:00Z"}}
        return {"baseUrl": url, "publicKey": key, "logId": {"keyId": b64(log_id)}}

    def _authority(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority.example")])
        usage = x509.KeyUsage(**{**dict.fromkeys(_USAGES, False), "key_cert_sign": True, "crl_sign": True})
        return (
            self._builder(name, name, self.root_key, SIGNED_AT - timedelta(days=900), timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.root_key.public_key()), critical=False)
            .sign(self.root_key, SHA256())
        )

    @staticmethod
    def _builder(
        subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, start: datetime, life: timedelta
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        return builder.serial_number(4711).not_valid_before(start).not_valid_after(start + life)

    def certify(
        self,
        identity: str = WORKFLOW,
        issuer: str = ISSUER,
        *,
        claims: dict[int, str] | None = None,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        ct_key: EllipticCurvePrivateKey | None = None,
        at: datetime = SIGNED_AT,
    ) -> Certified:
        """A certificate of ten minutes for a fresh key, with its certificate timestamp."""
        private = generate_private_key(SECP256R1())
        name = x509.RFC822Name(identity) if "//" not in identity else x509.UniformResourceIdentifier(identity)
        builder = (
            self._builder(x509.Name([]), self.root.subject, private, at - timedelta(minutes=1), timedelta(minutes=10))
            .add_extension(x509.KeyUsage(**{**dict.fromkeys(_USAGES, False), "digital_signature": True}), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
        )
        for number, value in {8: issuer, **(claims or {})}.items():
            oid = x509.ObjectIdentifier(f"{FULCIO}{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, asn1.encode_der(value)), critical=False)
        draft = builder.add_extension(x509.UnrecognizedExtension(_SCT, b"\x04\x02\x00\x00"), critical=False)
        unsigned = draft.sign(self.root_key, SHA256()).tbs_precertificate_bytes
        stamps = self._certificate_timestamp(unsigned, ct_key or self.ct_key, at)
        logged = builder.add_extension(x509.UnrecognizedExtension(_SCT, asn1.encode_der(stamps)), critical=False)
        return Certified(private, logged.sign(self.root_key, SHA256()))

    def _certificate_timestamp(self, body: bytes, key: EllipticCurvePrivateKey, at: datetime) -> bytes:
        milliseconds = int(at.timestamp() * 1000)
        issuer = hashlib.sha256(keys.public_der(self.root_key.public_key())).digest()
        message = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + len(body).to_bytes(3, "big") + body + b"\0\0"
        signature = key.sign(message, ECDSA(SHA256()))
        stamp = struct.pack("!B32sQHBBH", 0, self._ct_id, milliseconds, 0, 4, 3, len(signature)) + signature
        return struct.pack("!HH", len(stamp) + 2, len(stamp)) + stamp

    def entry(self, body: dict[str, Any], at: datetime = SIGNED_AT, **fields: Any) -> dict[str, Any]:
        """A log entry with promise, inclusion proof and checkpoint."""
        encoded = json.dumps(body).encode()
        leaf = merkle.leaf_hash(encoded)
        root = merkle.node_hash(_OTHER_LEAF, leaf)
        moment = int(at.timestamp())
        promised: dict[str, Any] = {
            "body": b64(encoded),
            "integratedTime": moment,
            "logID": self.log_id.hex(),
            "logIndex": 1,
        }
        entry = {
            "logIndex": "1",
            "logId": {"keyId": b64(self.log_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": str(moment),
            "inclusionPromise": {"signedEntryTimestamp": b64(keys.sign(self.log_key, canonical_json(promised)))},
            "inclusionProof": {
                "logIndex": "1",
                "treeSize": "2",
                "rootHash": b64(root),
                "hashes": [b64(_OTHER_LEAF)],
                "checkpoint": {"envelope": self.checkpoint(2, root)},
            },
            "canonicalizedBody": b64(encoded),
        }
        return entry | fields

    def checkpoint(self, size: int, root: bytes, origin: str = HOST) -> str:
        """A signed checkpoint; the older log names its tree beside its host."""
        text = note.Checkpoint(f"{origin} - 4711", size, root).text()
        return note.sign(text, HOST, self.log_key).decode()


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def an_envelope(payload: bytes, signer: keys.PrivateKey) -> dict[str, Any]:
    """A DSSE envelope as it stands in a bundle."""
    document: dict[str, Any] = json.loads(dsse.sign(IN_TOTO, payload, [signer]))
    return document


def a_body(kind: str, version: str, envelope: dict[str, Any], verifier: Certified) -> dict[str, Any]:
    """What a log of that kind and version writes down for an envelope."""
    payload, signature = base64.b64decode(envelope["payload"]), envelope["signatures"][0]["sig"]
    digest, pae = hashlib.sha256(payload), hashlib.sha256(dsse.pae(envelope["payloadType"], payload))
    newer = {"content": signature, "verifier": {"x509Certificate": {"rawBytes": b64(verifier.der)}}}
    hashed = {"algorithm": "sha256", "value": digest.hexdigest()}
    specs: dict[tuple[str, str], dict[str, Any]] = {
        ("dsse", "0.0.1"): {
            "payloadHash": hashed,
            "signatures": [{"signature": signature, "verifier": b64(verifier.pem)}],
        },
        ("dsse", "0.0.2"): {
            "dsseV002": {
                "payloadHash": {"algorithm": "SHA2_256", "digest": b64(digest.digest())},
                "signatures": [newer],
            }
        },
        ("hashedrekord", "0.0.2"): {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": b64(pae.digest())},
                "signature": newer,
            }
        },
        ("intoto", "0.0.1"): {"content": {"hash": hashed}, "publicKey": b64(verifier.pem)},
        ("intoto", "0.0.2"): {
            "content": {
                "envelope": {
                    "payloadType": envelope["payloadType"],
                    "signatures": [{"sig": b64(signature.encode()), "publicKey": b64(verifier.pem)}],
                },
                "payloadHash": hashed,
            }
        },
    }
    return {"apiVersion": version, "kind": kind, "spec": specs[kind, version]}


def a_record(digest: bytes, signature: bytes, pem: bytes) -> dict[str, Any]:
    """What the older log writes down for a signature over an artifact."""
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(pem)}},
    }
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}


def a_bundle(
    content: dict[str, Any], entries: list[dict[str, Any]], *, der: bytes | None, **fields: Any
) -> dict[str, Any]:
    """A bundle of version 0.3: by certificate when `der` is given, else by a key with a hint."""
    signer = {"certificate": {"rawBytes": b64(der)}} if der else {"publicKey": {"hint": "a hint"}}
    document = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {**signer, "tlogEntries": entries},
        **content,
    }
    return document | fields
