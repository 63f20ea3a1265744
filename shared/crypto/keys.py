"""Public and private keys: what is accepted, how they are named, how they sign and verify.

- Accepted for verifying: Ed25519, ECDSA on P-256 and P-384, RSA of 2048 to 8192 bits. Nothing else is even loaded.
- A key is named by the digest of its SubjectPublicKeyInfo, so one key has one name wherever it comes from.
- Verifying answers yes or no; it never raises for a bad signature, whatever bytes it is made of.
- Private keys are Ed25519 or P-256, lie in files that are created exclusively and readable by their owner
  alone, and are not loaded from files that everybody may read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.digests import sha256_digest
from shared.errors import Conflict, Invalid, NotFound

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey
PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
Hash = SHA256 | SHA384

_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192
_MAX_PEM_BYTES = 16 * 1024
# P-384 goes with SHA-384; older Sigstore clients signed SHA-256 digests with it.
_ECDSA_HASHES: dict[str, tuple[Hash, ...]] = {SECP256R1.name: (SHA256(),), SECP384R1.name: (SHA384(), SHA256())}
_RSA_PADDINGS = (
    padding.PKCS1v15(),
    padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.DIGEST_LENGTH),
)
_UNSAFE_MODE = stat.S_IRWXO | stat.S_IWGRP


class Algorithm(StrEnum):
    """The kinds of key that Hallmark makes for itself."""

    ED25519 = "ed25519"
    ECDSA_P256 = "ecdsa-p256"


def load_public(pem: str | bytes) -> PublicKey:
    """The public key in `pem`. Raises `Invalid` when it is no PEM or a kind of key that is not accepted."""
    encoded = pem.encode() if isinstance(pem, str) else pem
    if len(encoded) > _MAX_PEM_BYTES:
        raise _unusable("it is longer than any accepted key")
    try:
        public = load_pem_public_key(encoded)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable("it is not a public key in PEM form") from error
    return accepted(public)


def accepted(public: PublicKeyTypes) -> PublicKey:
    """`public`, when its kind and size are accepted. Raises `Invalid` otherwise."""
    match public:
        case Ed25519PublicKey():
            return public
        case EllipticCurvePublicKey() if public.curve.name in _ECDSA_HASHES:
            return public
        case RSAPublicKey() if _MIN_RSA_BITS <= public.key_size <= _MAX_RSA_BITS:
            return public
        case _:
            raise _unusable("its kind or size is not accepted")


def public_der(public: PublicKey) -> bytes:
    """The SubjectPublicKeyInfo of `public` in DER."""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_pem(public: PublicKey) -> str:
    """The SubjectPublicKeyInfo of `public` in PEM."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(public: PublicKey) -> str:
    """The one name of a key: `sha256:<hex>` of its SubjectPublicKeyInfo in DER."""
    return sha256_digest(public_der(public))


def verify(public: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether `signature` was made over `message` with the private half of `public`.

    SHA-256, with P-384 also SHA-384. ECDSA signatures are read as ASN.1 DER and, when they have the length for it,
    as raw r||s too (the DSSE vector uses it); RSA ones as PKCS #1 v1.5 and as PSS with a salt of 32 bytes.
    """
    match public:
        case Ed25519PublicKey():
            return _holds(lambda: public.verify(signature, message))
        case EllipticCurvePublicKey():
            hashes = _ECDSA_HASHES[public.curve.name]
            return any(_verifies_ecdsa(public, message, signature, ECDSA(chosen)) for chosen in hashes)
        case RSAPublicKey():
            return _verifies_rsa(public, message, signature, SHA256())
        case _:
            assert_never(public)


def verify_digest(public: PublicKey, digest: bytes, signature: bytes) -> bool:
    """As `verify`, with only the SHA-256 or SHA-384 `digest` of the message; never for Ed25519."""
    hashed: Hash = SHA384() if len(digest) == SHA384.digest_size else SHA256()
    if len(digest) != hashed.digest_size:
        return False
    match public:
        case Ed25519PublicKey():
            return False
        case EllipticCurvePublicKey():
            known = any(isinstance(hashed, type(one)) for one in _ECDSA_HASHES[public.curve.name])
            return known and _verifies_ecdsa(public, digest, signature, ECDSA(Prehashed(hashed)))
        case RSAPublicKey():
            return isinstance(hashed, SHA256) and _verifies_rsa(public, digest, signature, Prehashed(hashed))
        case _:
            assert_never(public)


def generate(algorithm: Algorithm = Algorithm.ED25519) -> PrivateKey:
    """A new private key from the system's randomness."""
    match algorithm:
        case Algorithm.ED25519:
            return Ed25519PrivateKey.generate()
        case Algorithm.ECDSA_P256:
            return generate_private_key(SECP256R1())
        case _:
            assert_never(algorithm)


def sign(private: PrivateKey, message: bytes) -> bytes:
    """The signature of `message`: 64 bytes for Ed25519, ASN.1 DER over SHA-256 for P-256."""
    match private:
        case Ed25519PrivateKey():
            return private.sign(message)
        case EllipticCurvePrivateKey():
            return private.sign(message, ECDSA(SHA256()))
        case _:
            assert_never(private)


def private_pem(private: PrivateKey) -> bytes:
    """`private` as unencrypted PKCS #8 PEM."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_private(pem: bytes) -> PrivateKey:
    """The private key in `pem`. Raises `Invalid` for anything but unencrypted Ed25519 or P-256."""
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable("it is not an unencrypted private key in PEM form") from error
    match private:
        case Ed25519PrivateKey():
            return private
        case EllipticCurvePrivateKey() if isinstance(private.curve, SECP256R1):
            return private
        case _:
            raise _unusable("Hallmark signs with Ed25519 or ECDSA P-256 only")


def save_private(private: PrivateKey, path: Path) -> None:
    """Write `private` to a new file with mode 0600. Raises `Conflict` when there is a file already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(
            "key_exists",
            f"{path} is there already.",
            remedy="Choose another file; keys are never overwritten.",
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(private_pem(private))
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> PrivateKey:
    """The private key in the file `path`.

    Raises `NotFound` when there is none, `Invalid` when it is no usable key or others may read or change it.
    """
    try:
        with path.open("rb") as file:
            exposed = os.fstat(file.fileno()).st_mode & _UNSAFE_MODE
            pem = file.read(_MAX_PEM_BYTES)
    except FileNotFoundError as error:
        raise NotFound(
            "key_missing", f"There is no key in {path}.", remedy="Create one, or correct the path."
        ) from error
    if exposed:
        raise Invalid("key_exposed", f"{path} is open to other users.", remedy=f"Run: chmod 600 {path}")
    return load_private(pem)


def _holds(check: Callable[[], object]) -> bool:
    try:
        check()
    except InvalidSignature:
        return False
    return True


def _verifies_ecdsa(public: EllipticCurvePublicKey, data: bytes, signature: bytes, chosen: ECDSA) -> bool:
    half = (public.curve.key_size + 7) // 8
    forms = [signature]
    if len(signature) == 2 * half:
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        forms.append(encode_dss_signature(r, s))
    return any(_holds(lambda form=form: public.verify(form, data, chosen)) for form in forms)  # type: ignore[misc]


def _verifies_rsa(public: RSAPublicKey, data: bytes, signature: bytes, hashed: SHA256 | Prehashed) -> bool:
    return any(
        _holds(lambda chosen=chosen: public.verify(signature, data, chosen, hashed))  # type: ignore[misc]
        for chosen in _RSA_PADDINGS
    )


def _unusable(problem: str) -> Invalid:
    return Invalid(
        "key_unusable",
        f"The key cannot be used: {problem}.",
        remedy="Use Ed25519, ECDSA P-256 or, for verifying only, ECDSA P-384 or RSA of at least 2048 bits.",
    )
