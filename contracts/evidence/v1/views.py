"""How the evidence service describes what it keeps."""

from __future__ import annotations

from contracts.evidence.v1.commands import TrustedIdentity
from contracts.facts import Component, EvidenceItem
from contracts.message import Answer
from contracts.vocabulary import ApplicationName, Digest, Frozen, ProjectName, TrustRootName, Utc


class EvidenceView(Answer):
    """One piece of evidence."""

    project: ProjectName
    application: ApplicationName | None
    item: EvidenceItem
    size: int
    """Bytes of the envelope."""
    submitted_by: str
    log_index: int | None
    """Its place in the transparency log; None for the moment until it has one."""


class EvidencePage(Answer):
    """Evidence of a project, newest first."""

    evidence: tuple[EvidenceView, ...]
    next: str | None = None


class Positions(Answer):
    """How many pieces of evidence are on record per subject."""

    positions: dict[Digest, int]


class ComponentPage(Answer):
    """Components that one bill of materials names, by package URL."""

    components: tuple[Component, ...]
    next: str | None = None


class TrustRootView(Frozen):
    """One trust root."""

    trust_root: TrustRootName
    project: ProjectName
    keys: tuple[str, ...]
    key_ids: tuple[Digest, ...]
    predicate_types: tuple[str, ...]
    role: str
    valid_from: Utc | None
    distrust_after: Utc | None
    threshold: int
    revision: int
    authority: str | None = None
    identities: tuple[TrustedIdentity, ...] = ()
    shared: bool = False
    """Whether projects beside its own believe it, too."""


class TrustRoots(Answer):
    """All trust roots of a project, then those of others that all projects share."""

    trust_roots: tuple[TrustRootView, ...]


class Checkpoint(Answer):
    """The newest signed state of the transparency log."""

    origin: str
    size: int
    root: Digest
    note: str
    """The checkpoint in C2SP signed note form."""
    verifier_keys: tuple[str, ...]
    """`<name>+<key id>+<key>`: who may have signed it."""


class LoggedEntry(Frozen):
    """One entry of the transparency log."""

    index: int
    entry: str
    """The canonical bytes, which are UTF-8 JSON. Their RFC 6962 leaf hash is what the tree holds."""
    leaf_hash: Digest


class LogPage(Answer):
    """Entries in the order of the log."""

    entries: tuple[LoggedEntry, ...]
    next: int | None = None


class InclusionProof(Answer):
    """Proof that an entry is in the tree of the given size (RFC 9162 section 2.1.3)."""

    index: int
    size: int
    leaf_hash: Digest
    hashes: tuple[Digest, ...]
    checkpoint: Checkpoint


class ConsistencyProof(Answer):
    """Proof that the tree of size `second` extends the one of size `first` (RFC 9162 section 2.1.4)."""

    first: int
    second: int
    hashes: tuple[Digest, ...]


class SigningKeys(Answer):
    """The public halves of the keys Hallmark signs with, PEM."""

    keys: tuple[str, ...]
