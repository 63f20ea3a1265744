"""Entries of the transparency log: the one line that each accepted fact of record leaves.

- The canonical bytes of an entry are the leaf of the tree. Their form is final: what was logged under `v` 1 is
  hashed the same way for ever, and a new form gets a new number.
- An entry names the fact by the digest of its canonical body, so the log says nothing that must stay private.
- Version 2 adds `record`, for facts that consist of two things: a piece of evidence is an envelope and what was read
  from it, and neither may change alone.
- Facts about the installation itself, such as its keys, stand under the project `*`: they concern every project.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.vocabulary import ApplicationName, Digest, ProjectName, utc
from shared.crypto import merkle
from shared.digests import JsonValue, canonical_json

EVERY_PROJECT = "*"


class EntryKind(StrEnum):
    """What kind of fact was recorded."""

    EVIDENCE = "evidence"
    VERDICT = "verdict"
    PASSAGE = "passage"
    WITHDRAWAL = "withdrawal"
    PROMOTION = "promotion"
    POLICY = "policy"
    TRUST_ROOT = "trust_root"
    REFUSAL = "refusal"
    APPROVAL = "approval"
    TRUST = "trust"
    ROLE = "role"
    KEY = "key"
    WITNESS = "witness"
    JUDGEMENT = "judgement"
    BROKEN_GLASS = "broken_glass"


@dataclass(frozen=True)
class LogEntry:
    """One fact of record: what it is about, and the digest of its canonical body."""

    kind: EntryKind
    project: ProjectName
    """A project's name, or `EVERY_PROJECT`."""
    application: ApplicationName | None
    subject: str
    """The id under which the owning service knows the fact."""
    digest: Digest
    recorded_at: datetime
    record: Digest | None = None
    """Of evidence and judgements: the digest of the canonical `EvidenceItem`, as received or as judged again."""

    def canonical(self) -> bytes:
        """The bytes that are logged (RFC 8785): version 2 with a `record`, else version 1."""
        said: dict[str, JsonValue] = {
            "v": 2 if self.record else 1,
            "kind": self.kind.value,
            "project": self.project,
            "application": self.application,
            "subject": self.subject,
            "digest": self.digest,
            "recorded_at": utc(self.recorded_at),
        }
        return canonical_json(said | ({"record": self.record} if self.record else {}))

    def leaf(self) -> bytes:
        """The entry's leaf hash in the Merkle tree."""
        return merkle.leaf_hash(self.canonical())
