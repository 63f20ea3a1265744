"""How the evidence service describes what it keeps."""

from __future__ import annotations

from typing import Any

from contracts.evidence.v1.identities import TrustedIdentity
from contracts.evidence.v1.log import CosignatureView, KeyHandover, PublishedKey, SignedState
from contracts.facts import Component, EarlierStanding, EvidenceItem
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
    history: tuple[EarlierStanding, ...] = ()
    """What it counted for before, oldest first; empty while it was judged only at its receipt."""


class EvidencePage(Answer):
    """Evidence of a project, newest first."""

    evidence: tuple[EvidenceView, ...]
    next: str | None = None


class Positions(Answer):
    """Per subject: how many pieces of evidence are on record, and how often their standing has changed."""

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
    document: dict[str, Any] = {}
    """As it was applied: the log's entry about this revision has the digest of its canonical form."""
    authority: str | None = None
    identities: tuple[TrustedIdentity, ...] = ()
    shared: bool = False
    """Whether projects beside its own believe it, too."""


class TrustRoots(Answer):
    """All trust roots of a project, then those of others that all projects share."""

    trust_roots: tuple[TrustRootView, ...]


class Attestation(Frozen):
    """One statement that Hallmark signed about a promotion."""

    predicate_type: str
    content_digest: Digest
    """Of the envelope."""
    log_index: int | None
    """Its place in the transparency log; None for the moment until it has one."""
    attempt: int = 0
    """Of the promotion; 0 where an older Hallmark answers."""
    withdrawn: bool = False
    """True for what is said of a passage that did not take place: it counts for nothing."""


class Attestations(Answer):
    """What Hallmark attested of a promotion's last attempt that passed its gates, and of every withdrawn one.

    Each withdrawn one comes with the statement that withdraws it.
    """

    attestations: tuple[Attestation, ...]


class Checkpoint(Answer):
    """The newest signed state of the transparency log."""

    origin: str
    size: int
    root: Digest
    note: str
    """The checkpoint in C2SP signed note form, with the cosignatures it has by now."""
    verifier_keys: tuple[str, ...]
    """`<name>+<key id>+<key>`: who may have signed it, which is the key in force at its size."""
    published_keys: tuple[PublishedKey, ...] = ()
    """Every key the log has ever had, the oldest first."""
    cosignatures: tuple[CosignatureView, ...] = ()
    quorum: int = 0
    """How many cosignatures this installation wants."""
    witnessed: SignedState | None = None
    """The newest state with as many cosignatures as wanted, and at least one."""


class LoggedEntry(Frozen):
    """One entry of the transparency log."""

    index: int
    entry: str
    """The canonical bytes, which are UTF-8 JSON. Their RFC 6962 leaf hash is what the tree holds."""
    leaf_hash: Digest


class LogPage(Answer):
    """Entries in the order that was asked for."""

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
    """The public halves of the keys Hallmark signs and has signed with, PEM; the one in force first."""

    keys: tuple[str, ...]
    published_keys: tuple[PublishedKey, ...] = ()
    """The same with the sizes of the log that each has signed, the oldest first."""
    handovers: tuple[KeyHandover, ...] = ()
    """How each key after the first came into force, in that order."""
