"""The one form of a timestamp's unsigned parts.

A timestamp authority signs the time and some attributes, but not the frame around them: versions, the name of the
signature's algorithm, the letter case of the issuer's name could be changed and would still be taken by the libraries.
Here each of these parts must have the value that belongs to the rest.

Source: RFC 5652 section 5, RFC 3161 section 2.4.2, RFC 5754, ITU-T X.690.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_INTEGER, _BYTES, _SEQUENCE, _SET, _FIRST = 0x02, 0x04, 0x30, 0x31, 0xA0
_GRANTED = bytes.fromhex("020100")
_SIGNED_DATA_VERSION = b"\x03"
_SIGNER_VERSION = b"\x01"
_LONG_LENGTH = 0x80
# Object identifiers in DER, without their tags: hash algorithm -> ECDSA with it, RSA with it.
_SIGNATURES = {
    bytes.fromhex("608648016503040201"): (bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a864886f70d01010b")),
    bytes.fromhex("608648016503040202"): (bytes.fromhex("2a8648ce3d040303"), bytes.fromhex("2a864886f70d01010c")),
    bytes.fromhex("608648016503040203"): (bytes.fromhex("2a8648ce3d040304"), bytes.fromhex("2a864886f70d01010d")),
}
_RSA = bytes.fromhex("2a864886f70d010101")


class _Part(NamedTuple):
    tag: int
    content: bytes


def is_plain(response: bytes, signer: x509.Certificate) -> bool:
    """Whether the unsigned parts of `response` are those of a timestamp that `signer` gave."""
    try:
        return _is_plain(response, signer)
    except (ValueError, IndexError):
        return False


def _is_plain(response: bytes, signer: x509.Certificate) -> bool:
    (whole,) = _parts(response)
    status, token = _parts(whole.content)
    _, wrapped = _parts(token.content)
    (signed_data,) = _parts(wrapped.content)
    version, *between, signers = _parts(signed_data.content)
    tags = [part.tag for part in between]
    (info,) = _parts(signers.content)
    return (
        status.content == _GRANTED
        and version == (_INTEGER, _SIGNED_DATA_VERSION)
        and tags in ([_SET, _SEQUENCE], [_SET, _SEQUENCE, _FIRST])
        and _is_plain_signer(info.content, signer)
    )


def _is_plain_signer(info: bytes, signer: x509.Certificate) -> bool:
    version, issuer_and_serial, hashed, _, algorithm, _ = _parts(info)
    shape = [part.tag for part in _parts(info)]
    issuer, serial = _parts(issuer_and_serial.content)
    ecdsa, rsa = _SIGNATURES.get(_parts(hashed.content)[0].content, (b"", b""))
    wanted = (ecdsa,) if isinstance(signer.public_key(), EllipticCurvePublicKey) else (rsa, _RSA)
    return (
        shape == [_INTEGER, _SEQUENCE, _SEQUENCE, _FIRST, _SEQUENCE, _BYTES]
        and version.content == _SIGNER_VERSION
        and issuer.content == _parts(signer.issuer.public_bytes())[0].content
        and int.from_bytes(serial.content, "big") == signer.serial_number
        and _parts(algorithm.content)[0].content in wanted
    )


def _parts(data: bytes) -> list[_Part]:
    """The elements that `data` consists of. Raises `ValueError` or `IndexError` when it does not."""
    found = []
    while data:
        length, start = data[1], 2
        if length >= _LONG_LENGTH:
            start += length - _LONG_LENGTH
            length = int.from_bytes(data[2:start], "big")
        if start + length > len(data):
            raise ValueError("an element is longer than what holds it")
        found.append(_Part(data[0], data[start : start + length]))
        data = data[start + length :]
    return found
