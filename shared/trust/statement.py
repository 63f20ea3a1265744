"""In-toto statements: which artifacts a payload speaks of, and what it says.

- Read are Statement v1 and v0.1, which real tools still write. Unknown fields are ignored.
- Subjects are named by their SHA-256 digest, in lowercase. One without it refuses the whole statement: what
  MD5 or SHA-1 names can be exchanged, and another strong digest alone names nothing that Hallmark knows.
- The payload is strict JSON: a statement that two readers could read differently is no statement.
- A signature over an artifact alone says nothing but that it was made. It becomes a statement of its own type about the
  digest that was signed, so that everything else handles it like any other.

Source: in-toto/attestation spec/v1/statement.md, resource_descriptor.md, digest_set.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.vocabulary import Digest
from shared.crypto import strict_json
from shared.errors import Invalid, TooLarge

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
SIGNATURE_TYPE = "https://hallmark.dev/attestation/signature/v1"
"""Predicate type of the statement that a message signature becomes."""
APPROVAL_TYPE = "https://hallmark.dev/attestation/approval/v1"
WITHDRAWAL_TYPE = "https://hallmark.dev/attestation/passage-withdrawal/v1"
"""That a passage which Hallmark attested did not take place."""
"""Predicate type of what Hallmark signs for a person: no trust root can vouch for it."""
MAX_SUBJECTS = 1000
MAX_NAME = 2000
MAX_PAYLOAD_BYTES = 48 * 2**20
"""What fits, as base64, into the largest envelope."""

_READ_TYPES = (STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1")
_PAYLOAD_TYPES = re.compile(r"application/vnd\.in-toto(?:\.[A-Za-z0-9._-]+)?\+json")
_SHA256_BYTES = 32
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREDICATE_TYPE = re.compile(r"[!-~]{1,500}")


@dataclass(frozen=True)
class Subject:
    """One artifact that a statement speaks of. The name is decoration: subjects match by digest alone."""

    digest: Digest
    name: str = ""


@dataclass(frozen=True)
class Statement:
    """What a payload says of its subjects. Whether to believe it is another question."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The distinct digests of the subjects, sorted."""
        return tuple(sorted({subject.digest for subject in self.subjects}))


def is_statement(payload_type: str) -> bool:
    """Whether a DSSE payload type announces an in-toto statement."""
    return _PAYLOAD_TYPES.fullmatch(payload_type) is not None


def parse(payload: bytes) -> Statement:
    """Read a statement. Raises `Invalid` or `TooLarge` when it is malformed; there is no half-read statement."""
    document = strict_json.loads_object(payload, max_bytes=MAX_PAYLOAD_BYTES)
    if document.get("_type") not in _READ_TYPES:
        raise _malformed("_type", "is neither Statement v1 nor v0.1")
    predicate_type = document.get("predicateType")
    if not isinstance(predicate_type, str) or not _PREDICATE_TYPE.fullmatch(predicate_type):
        raise _malformed("predicateType", "is not a URI")
    predicate = document.get("predicate")
    if isinstance(predicate, str):
        predicate = {"Data": predicate}  # cosign attests SPDX lines in this way.
    if predicate is not None and not isinstance(predicate, dict):
        raise _malformed("predicate", "is not an object")
    return Statement(_subjects(document.get("subject")), predicate_type, predicate or {})


def of_signature(digest: bytes, predicate: Mapping[str, Any]) -> Statement:
    """The statement that a signature over `digest` makes. Raises `Invalid` unless that is a SHA-256 digest."""
    if len(digest) != _SHA256_BYTES:
        raise Invalid(
            "subject_digest_unsupported",
            "The bundle signs an artifact by another digest than SHA-256.",
            remedy="Sign the artifact's SHA-256 digest.",
        )
    return Statement((Subject(f"sha256:{digest.hex()}"),), SIGNATURE_TYPE, predicate)


def _subjects(listed: Any) -> tuple[Subject, ...]:
    if not isinstance(listed, list) or not listed:
        raise _malformed("subject", "is not a list of at least one subject")
    if len(listed) > MAX_SUBJECTS:
        raise TooLarge(
            "statement_subjects_many",
            f"The statement has {len(listed)} subjects; at most {MAX_SUBJECTS} are read.",
            remedy="Split it into several statements.",
        )
    return tuple(_subject(item, f"subject[{place}]") for place, item in enumerate(listed))


def _subject(item: Any, where: str) -> Subject:
    if not isinstance(item, dict):
        raise _malformed(where, "is not an object")
    name = item.get("name") or ""
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise _malformed(f"{where}.name", f"is not a text of at most {MAX_NAME} characters")
    digests = item.get("digest")
    if not isinstance(digests, dict) or not digests:
        raise _malformed(f"{where}.digest", "is missing")
    if "sha256" not in digests:
        raise Invalid(
            "subject_digest_unsupported",
            f"The statement's {where} is named by {', '.join(sorted(digests))[:200]} only.",
            remedy="Name every subject by its sha256 digest.",
        )
    sha256 = digests["sha256"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _malformed(f"{where}.digest.sha256", "is not 64 lowercase hexadecimal digits")
    return Subject(f"sha256:{sha256}", name)


def _malformed(where: str, problem: str) -> Invalid:
    return Invalid(
        "statement_malformed",
        f"The statement's {where} {problem}.",
        remedy="Send an in-toto Statement v1.",
    )
