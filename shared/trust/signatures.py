"""Which signatures of a piece of evidence hold, and for which trust roots.

- Evidence is a DSSE envelope, whose signatures are tried with all keys of all roots, or a Sigstore bundle, whose one
  signature is by a certificate or by a key.
- Keys and certificate authorities come from the roots alone. The hints in the evidence are shown and choose nothing.
- Each signature gets one outcome: `verified` when any root holds it, else the failed check that came nearest.
- Certificates are counted by issuer and identity: who gets a new key for each signature is still one signer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.facts import SignatureCheck, Signer
from shared.crypto import dsse
from shared.crypto.sigstore import bundle as sigstore_bundle
from shared.crypto.sigstore import verification
from shared.crypto.sigstore.bundle import Bundle
from shared.crypto.sigstore.certificate import Holder
from shared.crypto.sigstore.checks import Check, CheckFailed
from shared.digests import canonical_digest
from shared.trust.roots import TrustRoot

_NEARNESS = tuple(Check)
_MAX_SHOWN = 500

Evidence = dsse.Envelope | Bundle


@dataclass(frozen=True)
class Examined:
    """What became of each signature, and per root who signed; `refused` roots verified one whom they do not believe."""

    checks: tuple[SignatureCheck, ...]
    signers: tuple[tuple[Signer, ...], ...]
    refused: frozenset[int]


def read(document: dict[str, Any]) -> Evidence:
    """The envelope or bundle in a JSON document. Raises `Invalid` or `TooLarge` when it is malformed."""
    return sigstore_bundle.read(document) if sigstore_bundle.is_bundle(document) else dsse.read(document)


def examine(evidence: Evidence, roots: Sequence[TrustRoot]) -> Examined:
    """Verify every signature of `evidence` with what `roots` hold."""
    if isinstance(evidence, Bundle):
        return _examine_bundle(evidence, roots)
    return _examine_envelope(evidence, roots)


def _examine_envelope(envelope: dsse.Envelope, roots: Sequence[TrustRoot]) -> Examined:
    each = dsse.verify_each(envelope, (key.public for root in roots for key in root.keys))
    verified = {name for names in each for name in names}
    checks = tuple(
        _verified(names[0])
        if names
        else _failed(signature.keyid, CheckFailed(Check.KEY_UNKNOWN, "No key of a trust root made the signature."))
        for signature, names in zip(envelope.signatures, each, strict=True)
    )
    signers = tuple(tuple(_by_key(root, key.key_id) for key in root.keys if key.key_id in verified) for root in roots)
    return Examined(checks, signers, frozenset())


def _examine_bundle(bundle: Bundle, roots: Sequence[TrustRoot]) -> Examined:
    seen: dict[str | None, Holder | CheckFailed] = {}
    failures = [CheckFailed(*_NOBODY[bundle.certificate is not None])]
    signers: list[tuple[Signer, ...]] = []
    refused = set()
    for place, root in enumerate(roots):
        try:
            found = _certified(bundle, root, seen) if bundle.certificate else _keyed(bundle, root)
        except CheckFailed as failure:
            failures.append(failure)
            found = ()
            if failure.check is Check.IDENTITY_NOT_ALLOWED:
                refused.add(place)
        signers.append(found)
    first = next((one for found in signers for one in found), None)
    if first is None:
        check = _failed(bundle.hint, max(failures, key=lambda failure: _NEARNESS.index(failure.check)))
    else:
        check = _verified(first.identity or first.key_id)
    return Examined((check,), tuple(signers), frozenset(refused))


_NOBODY = {
    False: (Check.KEY_UNKNOWN, "No key of a trust root made the signature."),
    True: (Check.AUTHORITY_MISSING, "No trust root has an authority for certificates."),
}


def _certified(bundle: Bundle, root: TrustRoot, seen: dict[str | None, Holder | CheckFailed]) -> tuple[Signer, ...]:
    if root.trusted_authority is None or not root.identities:
        return ()
    if root.authority not in seen:
        try:
            seen[root.authority] = verification.holder(bundle, root.trusted_authority)
        except CheckFailed as failure:
            seen[root.authority] = failure
    holder = seen[root.authority]
    if isinstance(holder, CheckFailed):
        raise holder
    if not any(identity.admits(holder) for identity in root.identities):
        raise CheckFailed(Check.IDENTITY_NOT_ALLOWED, f"{holder.identity} of {holder.issuer} is not believed.")
    key_id = canonical_digest({"issuer": holder.issuer, "identity": holder.identity})
    return (_by_key(root, key_id, holder),)


def _keyed(bundle: Bundle, root: TrustRoot) -> tuple[Signer, ...]:
    nearest: CheckFailed | None = None
    for key in root.keys:
        try:
            verification.check_key(bundle, key.public, root.trusted_authority)
        except CheckFailed as failure:
            if nearest is None or _NEARNESS.index(failure.check) > _NEARNESS.index(nearest.check):
                nearest = failure
        else:
            return (_by_key(root, key.key_id),)
    if nearest is not None:
        raise nearest
    return ()


def _by_key(root: TrustRoot, key_id: str, holder: Holder | None = None) -> Signer:
    return Signer(
        key_id=key_id,
        trust_root=root.name,
        role=root.role,
        identity=holder.identity if holder else None,
        issuer=holder.issuer if holder else None,
    )


def _verified(signer: str) -> SignatureCheck:
    return SignatureCheck(signer=signer, outcome=Check.VERIFIED.value)


def _failed(hint: str, failure: CheckFailed) -> SignatureCheck:
    return SignatureCheck(signer=hint[:_MAX_SHOWN], outcome=failure.check.value, detail=failure.detail[:_MAX_SHOWN])
