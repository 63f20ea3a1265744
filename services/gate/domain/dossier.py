"""What the gate holds about one version: which artifacts it is, and the evidence about them.

- Evidence belongs to a dossier by digest alone: one of its subjects is the version or one of its artifacts.
- Unverified evidence is kept and counted, and read by no rule.
- A piece of evidence is added once; the same id with other content is a contradiction, never an update.
- The order in which evidence arrived never matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from contracts.facts import EvidenceItem, UnreadableFacts
from contracts.vocabulary import ApplicationName, Criticality, Digest, Frozen, ProjectName, VersionName
from shared.digests import canonical_digest
from shared.errors import Conflict

EvidenceKind = Literal["sbom", "tests", "vulnerabilities", "provenance", "vex", "summary", "deployment", "other"]
"""The kinds of evidence that a rule can ask for by name; approvals have a rule of their own."""

_KIND_BY_PREFIX: Mapping[str, EvidenceKind | Literal["approval"]] = {
    "https://cyclonedx.org/bom": "sbom",
    "https://spdx.dev/Document": "sbom",
    "https://in-toto.io/attestation/test-result/": "tests",
    "https://in-toto.io/attestation/vulns/": "vulnerabilities",
    "https://cosign.sigstore.dev/attestation/vuln/": "vulnerabilities",
    "https://slsa.dev/provenance/": "provenance",
    "https://openvex.dev/ns": "vex",
    "https://slsa.dev/verification_summary/": "summary",
    "https://hallmark.dev/attestation/deployment/": "deployment",
    "https://hallmark.dev/attestation/approval/": "approval",
}


def kind_of_type(predicate_type: str) -> EvidenceKind | Literal["approval"] | None:
    """What a predicate type is known to carry; None when its name does not tell."""
    return next((kind for prefix, kind in _KIND_BY_PREFIX.items() if predicate_type.startswith(prefix)), None)


def may_be(item: EvidenceItem, kind: EvidenceKind) -> bool:
    """Whether `item` has to be judged where evidence of `kind` is asked for.

    Content that could not be read has the kind that its reader meant it to have, or, in records that do not say so,
    the kind its predicate type names. If that does not tell either, it stands in the way of every kind: what cannot be
    read must not be passed over in favour of an older piece that can.
    """
    if isinstance(item.facts, UnreadableFacts):
        return (item.facts.meant or kind_of_type(item.predicate_type)) in (kind, None)
    return item.facts.kind == kind


class Dossier(Frozen):
    """One version as the gate knows it."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Digest, ...]
    criticality: Criticality = Criticality.UNSPECIFIED
    labels: Mapping[str, str] = Field(default_factory=dict)
    items: tuple[EvidenceItem, ...] = ()

    @property
    def subjects(self) -> frozenset[Digest]:
        """The digests that evidence about this version may name."""
        return frozenset((self.version_digest, *self.artifacts))

    @property
    def targets(self) -> tuple[Digest, ...]:
        """What required evidence must cover: every artifact, or the version itself when it has none."""
        return tuple(sorted(set(self.artifacts))) or (self.version_digest,)

    @property
    def verified(self) -> tuple[EvidenceItem, ...]:
        """The evidence that counts, by id: verified by at least one key and about this version."""
        ours = self.subjects
        counting = (i for i in self.items if i.verified and i.signers and not ours.isdisjoint(i.subjects))
        return tuple(sorted(counting, key=lambda item: item.evidence_id))

    @property
    def evidence_set_digest(self) -> Digest:
        """The digest of what an approver answers for: all evidence that counts, without the approvals themselves."""
        seen = {item.content_digest for item in self.verified if not _is_approval(item)}
        return canonical_digest(sorted(seen))

    def with_item(self, item: EvidenceItem) -> Dossier:
        """This dossier and `item`; itself when `item` is already there or is about something else.

        Raises `Conflict` when another piece of evidence has the same id.
        """
        if self.subjects.isdisjoint(item.subjects):
            return self
        known = next((held for held in self.items if held.evidence_id == item.evidence_id), None)
        if known is None:
            return self.model_copy(update={"items": (*self.items, item)})
        if known != item:
            raise Conflict(
                "evidence_contradictory",
                f"Evidence {item.evidence_id} arrived again with other content than the dossier holds.",
                remedy="Attach changed evidence as a new piece; what was recorded is never edited.",
            )
        return self

    def count(self, digest: Digest) -> int:
        """How many pieces of evidence about `digest` are here, unverified ones included."""
        return sum(digest in item.subjects for item in self.items)

    def behind(self, positions: Mapping[Digest, int]) -> tuple[Digest, ...]:
        """The subjects of which fewer pieces are here than `positions` says were recorded, sorted."""
        return tuple(sorted(digest for digest, recorded in positions.items() if self.count(digest) < recorded))


def _is_approval(item: EvidenceItem) -> bool:
    if isinstance(item.facts, UnreadableFacts):
        return (item.facts.meant or kind_of_type(item.predicate_type)) == "approval"
    return item.facts.kind == "approval"
