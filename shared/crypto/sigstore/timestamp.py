"""RFC 3161 timestamps: when an authority saw the signature.

- A timestamp counts when a configured authority signed it, over this signature, inside the authority's own period.
- Each one that a bundle brings must count, and none may be there twice.
- Certificates inside the answer may only repeat the configured ones. Every byte of the answer is covered by the
  authority's signature or has one possible value, so that none can be changed unnoticed.

Source: RFC 3161, RFC 5652; the signature itself is verified by rfc3161-client.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from shared.crypto.sigstore import timestamp_form
from shared.crypto.sigstore.authority import Issuer
from shared.crypto.sigstore.checks import Check, CheckFailed

_UNVERIFIED = (VerificationError, ValueError, x509.InvalidVersion, CryptographyDeprecationWarning)
"""What the library raises for what it cannot verify; the last one only where warnings are errors."""


def check(timestamps: Sequence[bytes], signature: bytes, timestampers: Sequence[Issuer]) -> tuple[datetime, ...]:
    """When each of `timestamps` was given for `signature`. Raises `CheckFailed` unless all count."""
    if len(set(timestamps)) != len(timestamps):
        raise _invalid("is there twice")
    return tuple(_time(one, signature, timestampers) for one in timestamps)


def _time(encoded: bytes, signature: bytes, timestampers: Sequence[Issuer]) -> datetime:
    try:
        response = decode_timestamp_response(encoded)
        at = response.tst_info.gen_time
    except ValueError as error:
        raise _invalid("cannot be read") from error
    if not any(at in one.period and _signed(response, signature, one) for one in timestampers):
        raise _invalid("is not by a configured authority over this signature")
    return at


def _signed(response: TimeStampResponse, signature: bytes, timestamper: Issuer) -> bool:
    own, *above = timestamper.chain
    known = {one.public_bytes(Encoding.DER) for one in timestamper.chain}
    # Only what repeats the configured certificates goes any further.
    if not set(response.signed_data.certificates) <= known or not timestamp_form.is_plain(response.as_bytes(), own):
        return False
    builder = VerifierBuilder(tsa_certificate=own, intermediates=above[:-1], roots=above[-1:])
    try:
        return builder.build().verify_message(response, signature)
    except _UNVERIFIED:
        return False


def _invalid(problem: str) -> CheckFailed:
    return CheckFailed(Check.TIMESTAMP_INVALID, f"A timestamp {problem}.")
