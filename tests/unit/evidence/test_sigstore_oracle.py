"""The field's own library as oracle: what it believes is believed here; what it does not, only on named grounds."""

from __future__ import annotations

import base64
import json

import pytest
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_models.common.v1 import HashAlgorithm
from sigstore_models.trustroot import v1 as trust_root

from tests.support.counts import say
from tests.unit.evidence import test_signed_corpus as corpus

pytestmark = pytest.mark.skipif(not corpus.CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")


def _library_believes(data: bytes, authority: str) -> bool:
    try:
        verifier = Verifier(trusted_root=TrustedRoot(trust_root.TrustedRoot.from_json(authority)))
        bundle = Bundle.from_json(data)
        content = json.loads(data).get("messageSignature")
        if content:
            digest = base64.b64decode(content["messageDigest"]["digest"])
            hashed = Hashed(digest=digest, algorithm=HashAlgorithm.SHA2_256)
            verifier.verify_artifact(hashed, bundle, policy.UnsafeNoOp())
        else:
            verifier.verify_dsse(bundle, policy.UnsafeNoOp())
    except Exception:  # noqa: BLE001 - it raises many kinds, and each is a no
        return False
    return True


def _library_cannot(piece: corpus.Piece) -> bool:
    """Whether docs/architecture/verification.md names a ground on which the library refuses such a bundle."""
    material = json.loads(piece.data)["verificationMaterial"]
    kinds = {entry["kindVersion"]["kind"] for entry in material.get("tlogEntries", [])}
    return "publicKey" in material or "intoto" in kinds or "end-inclusive" in piece.file


@pytest.mark.filterwarnings("ignore")
def test_hallmark_believes_what_the_library_believes_and_more_only_on_named_grounds() -> None:
    both = alone = 0
    for piece in corpus._pieces():
        if b"verificationMaterial" not in piece.data:
            continue
        here = corpus._outcome(piece) == "verified"
        if _library_believes(piece.data, corpus._authority(piece.file)):
            assert here, piece.file
            both += 1
        elif here:
            assert _library_cannot(piece), piece.file
            alone += 1
    say("Sigstore bundles believed by the field's library, too", both)
    say("Sigstore bundles believed by Hallmark alone", alone)
    assert both >= 15
