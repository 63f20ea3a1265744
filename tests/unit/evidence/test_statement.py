from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Invalid
from shared.trust import statement
from shared.trust.statement import Subject

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
EXAMPLES = CORPUS / "02-in-toto" / "give" / "spec-examples"
A = "a" * 64


def payload(**fields: Any) -> bytes:
    default = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": A}}],
        "predicateType": "https://example.com/p/v1",
        "predicate": {"x": 1},
    }
    return json.dumps(default | fields).encode()


def test_reads_both_versions_and_ignores_unknown_fields() -> None:
    for version in ("v1", "v0.1"):
        read = statement.parse(payload(_type=f"https://in-toto.io/Statement/{version}", later="field"))
        assert read.subjects == (Subject(f"sha256:{A}", "a"),)
        assert read.predicate_type == "https://example.com/p/v1"
        assert read.predicate == {"x": 1}


def test_an_unset_predicate_is_an_empty_one() -> None:
    document = json.loads(payload())
    del document["predicate"]
    assert statement.parse(json.dumps(document).encode()).predicate == {}


def test_other_digests_beside_sha256_are_ignored() -> None:
    read = statement.parse(payload(subject=[{"digest": {"sha1": "b" * 40, "sha256": A, "new": "?"}}]))
    assert read.digests == (f"sha256:{A}",)


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "gitCommit", "sha512", "SHA256"])
def test_one_subject_without_sha256_refuses_the_statement(algorithm: str) -> None:
    subjects = [{"digest": {"sha256": A}}, {"digest": {algorithm: A}}]
    with pytest.raises(Invalid) as refusal:
        statement.parse(payload(subject=subjects))
    assert refusal.value.code == "subject_digest_unsupported"
    assert "subject[1]" in refusal.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"_type": "https://in-toto.io/Statement/v2"},
        {"_type": None},
        {"_type": ["https://in-toto.io/Statement/v1"]},
        {"subject": []},
        {"subject": {}},
        {"subject": ["a"]},
        {"subject": [{"name": "a"}]},
        {"subject": [{"digest": {}}]},
        {"subject": [{"digest": {"sha256": "A" * 64}}]},
        {"subject": [{"digest": {"sha256": A + "\n"}}]},
        {"subject": [{"digest": {"sha256": 5}}]},
        {"subject": [{"digest": {"sha256": A}, "name": 5}]},
        {"predicateType": None},
        {"predicateType": ""},
        {"predicateType": "a b"},
        {"predicate": []},
        {"predicate": 7},
    ],
)
def test_malformed_statements_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        statement.parse(payload(**fields))


@pytest.mark.parametrize(
    ("payload_type", "expected"),
    [
        ("application/vnd.in-toto+json", True),
        ("application/vnd.in-toto.provenance+json", True),
        ("application/vnd.in-toto+json ", False),
        ("application/vnd.in-totoX+json", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_payload_types_announce_statements(payload_type: str, expected: bool) -> None:
    assert statement.is_statement(payload_type) is expected


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
def test_reads_the_examples_of_the_specification_that_name_real_digests() -> None:
    answers: Counter[str] = Counter()
    for path in EXAMPLES.glob("*.statement.json"):
        try:
            statement.parse(path.read_bytes())
        except Invalid as refusal:
            answers[refusal.code] += 1
        else:
            answers["read"] += 1
    # Five of them write `...` where the digest belongs, one names its subject by SHA-512 alone.
    assert answers == {"read": 1, "statement_malformed": 5, "subject_digest_unsupported": 1}
