"""Passages are accepted by tools that know nothing of Hallmark.

`cosign verify-blob-attestation --key` is not at hand here. What it does is: verify the DSSE signature with the key in
PEM, compare the payload type, look for the SHA-256 of the file among the subjects, compare the predicate type. The
first is done here by securesystemslib, the reference library of DSSE, the rest as cosign does it.
"""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # the library lists no exports

from shared.crypto import keys
from tests.support.bundles import ARTIFACT, Story, told

TYPES = {"https://slsa.dev/verification_summary/v1", "https://in-toto.io/attestation/svr/v0.2"}


def published(private: keys.PrivateKey) -> SSlibKey:
    # This library compares key ids: a key without a name goes with a signature without one.
    key = SSlibKey.from_crypto(load_pem_public_key(keys.public_pem(private.public_key()).encode()))
    key.keyid = ""
    return key


def accepts(envelope: bytes, key: SSlibKey, artifact: bytes, predicate_type: str) -> bool:
    document = json.loads(envelope)
    try:
        Envelope.from_dict(json.loads(envelope)).verify([key], 1)
    except VerificationError:
        return False
    statement = json.loads(base64.b64decode(document["payload"]))
    digests = {subject["digest"].get("sha256") for subject in statement["subject"]}
    return (
        document["payloadType"] == "application/vnd.in-toto+json"
        and hashlib.sha256(artifact).hexdigest() in digests
        and statement["predicateType"] == predicate_type
    )


@pytest.mark.parametrize("algorithm", list(keys.Algorithm))
def test_a_passage_is_accepted_for_the_artifact_with_the_published_key(algorithm: keys.Algorithm) -> None:
    private = keys.generate(algorithm)
    story = told(Story(hallmark=private))
    passages = [data for path, data in story.bundle.files.items() if path.startswith("passages/")]
    key = published(private)
    found = {kind for kind in TYPES for data in passages if accepts(data, key, ARTIFACT, kind)}
    assert found == TYPES
    stranger = published(keys.generate(algorithm))
    for data in passages:
        # Go's DSSE library passes over a signature whose key id is not its own name for the key: there must be none.
        assert [one["keyid"] for one in json.loads(data)["signatures"]] == [""]
        for kind in TYPES:
            assert not accepts(data, stranger, ARTIFACT, kind)
            assert not accepts(data, key, b"another file", kind)
        assert not accepts(data, key, ARTIFACT, "https://example.com/other")
