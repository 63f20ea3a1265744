"""What the gate holds about one version: which artifacts it is, and the evidence about them.

- Evidence belongs to a dossier by digest alone: one of its subjects is the version or one of its artifacts.
- Unverified evidence is kept and counted, and read by no rule.
- A piece of evidence is added once; the same id with other content is a contradiction, never an update.
- Only what it counts for can change, by a judgement of the evidence service: the newest one holds, in whatever order
  they arrive.
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
        """The evidence that speaks, by id: about this version, and verified by at least one key, even if distrusted."""
        ours = self.subjects
        counting = (i for i in self.items if i.verified and i.signers and not ours.isdisjoint(i.subjects))
        return tuple(sorted(counting, key=lambda item: item.evidence_id))

    @property
    def evidence_set_digest(self) -> Digest:
        """The digest of what an approver answers for: all evidence that counts, without the approvals themselves.

        A changed standing makes it another set: who approved did so while all of it was believed.
        """
        seen = {"@".join(pinned(item)[1:]) for item in self.verified if not _is_approval(item)}
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
        held = newest(known, item)
        if held is known:
            return self
        return self.model_copy(update={"items": tuple(held if one is known else one for one in self.items)})

    def count(self, digest: Digest) -> int:
        """The position reached for `digest`: the pieces about it, unverified ones included, and their judgements."""
        return sum(1 + item.revision for item in self.items if digest in item.subjects)

    def behind(self, positions: Mapping[Digest, int]) -> tuple[Digest, ...]:
        """The subjects whose position here is below the one in `positions`, sorted."""
        return tuple(sorted(digest for digest, recorded in positions.items() if self.count(digest) < recorded))


def newest(known: EvidenceItem, told: EvidenceItem) -> EvidenceItem:
    """The newer of two forms of one piece of evidence; `known` itself when `told` says nothing new.

    Raises `Conflict` when they differ in more than a judgement can change.
    """
    if known == told:
        return known
    if known.revision == told.revision or _as_received(known) != _as_received(told):
        raise Conflict(
            "evidence_contradictory",
            f"Evidence {told.evidence_id} arrived again with other content than the gate holds.",
            remedy="Attach changed evidence as a new piece; what was recorded is never edited.",
        )
    return known if known.revision > told.revision else told


def pinned(item: EvidenceItem) -> list[str]:
    """What identifies a piece of evidence as it stands: id, content, and its revision after the first."""
    return [item.evidence_id, item.content_digest, *([str(item.revision)] if item.revision else [])]


def _as_received(item: EvidenceItem) -> EvidenceItem:
    # Everything but what `contracts.facts.EarlierStanding` lists.
    standing = {"revision": 0, "verified": False, "distrusted": False, "problem": None, "signers": (), "checks": ()}
    return item.model_copy(update=standing)


def _is_approval(item: EvidenceItem) -> bool:
    if isinstance(item.facts, UnreadableFacts):
        return (item.facts.meant or kind_of_type(item.predicate_type)) == "approval"
    return item.facts.kind == "approval"
