"""What the gate holds about one version: what it is made of, the evidence about that, and how it came here.

- Evidence belongs to a dossier by digest alone: one of its subjects is the version, a version in it, or an artifact of
  either.
- Unverified evidence is kept and counted, and read by no rule.
- A piece of evidence is added once; the same id with other content is a contradiction, never an update.
- Only what it counts for can change, by a judgement of the evidence service: the newest one holds, in whatever order
  they arrive.
- The order in which evidence arrived never matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from contracts.circumstances import Circumstances
from contracts.facts import EvidenceItem, UnreadableFacts
from contracts.vocabulary import ApplicationName, Criticality, Digest, ProjectName, VersionName
from shared.digests import sha256_digest
from shared.errors import Conflict

EvidenceKind = Literal[
    "sbom", "tests", "coverage", "vulnerabilities", "provenance", "vex", "summary", "deployment", "other"
]
"""The kinds of evidence that a rule can ask for by name; approvals have a rule of their own."""

_OURS = "https://hallmark.dev/attestation/"
_KIND_BY_PREFIX: Mapping[str, EvidenceKind | Literal["approval"]] = {
    "https://cyclonedx.org/bom": "sbom",
    "https://spdx.dev/Document": "sbom",
    "https://in-toto.io/attestation/test-result/": "tests",
    **{f"{_OURS}{name}/": "tests" for name in ("junit", "nunit", "xunit", "trx", "mocha")},
    **{f"{_OURS}{name}/": "coverage" for name in ("cobertura", "jacoco", "lcov", "coverage-py")},
    "https://in-toto.io/attestation/vulns/": "vulnerabilities",
    "https://cosign.sigstore.dev/attestation/vuln/": "vulnerabilities",
    **{f"{_OURS}{name}/": "vulnerabilities" for name in ("sarif", "trivy", "grype", "snyk")},
    "https://slsa.dev/provenance/": "provenance",
    "https://openvex.dev/ns": "vex",
    f"{_OURS}cyclonedx-vex/": "vex",
    "https://slsa.dev/verification_summary/": "summary",
    f"{_OURS}deployment/": "deployment",
    f"{_OURS}approval/": "approval",
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


@dataclass(frozen=True)
class Dossier:
    """One version as the gate knows it."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Digest, ...]
    criticality: Criticality = Criticality.UNSPECIFIED
    labels: Mapping[str, str] = field(default_factory=dict)
    items: tuple[EvidenceItem, ...] = ()
    circumstances: Circumstances = field(default_factory=Circumstances)

    @cached_property
    def covering(self) -> Mapping[Digest, frozenset[Digest]]:
        """By what required evidence must be about, sorted, the digests that evidence about it may name.

        That is every artifact of the version and of the versions in it, by its own digest, the version's, and those of
        the versions in between; or the version itself when there is no artifact at all.
        """
        found: dict[Digest, set[Digest]] = {one: {one, self.version_digest} for one in self.artifacts}
        parents = self._ancestors
        for part in self.circumstances.contained:
            around = {part.digest, self.version_digest, *parents[part.digest]}
            for artifact in part.artifacts:
                found.setdefault(artifact, {artifact}).update(around)
        found = found or {self.version_digest: {self.version_digest}}
        return {target: frozenset(found[target]) for target in sorted(found)}

    @cached_property
    def subjects(self) -> frozenset[Digest]:
        """The digests that evidence about this version may name."""
        contained = self.circumstances.contained
        return frozenset(
            (
                self.version_digest,
                *self.artifacts,
                *(part.digest for part in contained),
                *(artifact for part in contained for artifact in part.artifacts),
            )
        )

    @cached_property
    def verified(self) -> tuple[EvidenceItem, ...]:
        """The evidence that speaks, by id: about this version, and verified by at least one key, even if distrusted."""
        ours = self.subjects
        counting = (i for i in self.items if i.verified and i.signers and not ours.isdisjoint(i.subjects))
        return tuple(sorted(counting, key=lambda item: item.evidence_id))

    @cached_property
    def oldest_first(self) -> tuple[EvidenceItem, ...]:
        """What is `verified`, by age."""
        return tuple(sorted(self.verified, key=order_of))

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[EvidenceItem, ...]]:
        found: dict[str, list[EvidenceItem]] = {}
        for item in self.oldest_first:
            found.setdefault(item.facts.kind, []).append(item)
        return {kind: tuple(items) for kind, items in found.items()}

    def that_may_be(self, kind: EvidenceKind) -> Iterable[EvidenceItem]:
        """What is `verified` and `may_be` of that kind, by age."""
        unreadable = [item for item in self._by_kind.get("unreadable", ()) if may_be(item, kind)]
        found = self._by_kind.get(kind, ())
        return sorted((*found, *unreadable), key=order_of) if unreadable else found

    @cached_property
    def remembered(self) -> dict[Any, Any]:
        """What rules have worked out from this dossier and may need again; nothing in here can be seen in an answer."""
        return {}

    @cached_property
    def evidence_set_digest(self) -> Digest:
        """The digest of what an approver answers for: all evidence that counts, without the approvals themselves.

        A changed standing makes it another set: who approved did so while all of it was believed.
        """
        others = [item for item in self.verified if not _is_approval(item)]
        return self.verified_digest if len(others) == len(self.verified) else set_digest(others)

    @cached_property
    def verified_digest(self) -> Digest:
        """The digest of all evidence that counts, as it stands."""
        return set_digest(self.verified)

    @cached_property
    def _ancestors(self) -> Mapping[Digest, frozenset[Digest]]:
        around: dict[Digest, set[Digest]] = {part.digest: set() for part in self.circumstances.contained}
        # Digests are of manifests that name what is nested, so that no version can contain itself.
        for _ in self.circumstances.contained:
            before = {digest: len(known) for digest, known in around.items()}
            for part in self.circumstances.contained:
                for inner in part.nested:
                    if inner in around:
                        around[inner] |= {part.digest, *around[part.digest]}
            if before == {digest: len(known) for digest, known in around.items()}:
                break
        return {digest: frozenset(known) for digest, known in around.items()}

    def with_item(self, item: EvidenceItem) -> Dossier:
        """This dossier and `item`; itself when `item` is already there or is about something else.

        Raises `Conflict` when another piece of evidence has the same id.
        """
        if self.subjects.isdisjoint(item.subjects):
            return self
        known = next((held for held in self.items if held.evidence_id == item.evidence_id), None)
        if known is None:
            return replace(self, items=(*self.items, item))
        held = newest(known, item)
        if held is known:
            return self
        return replace(self, items=tuple(held if one is known else one for one in self.items))

    def count(self, digest: Digest) -> int:
        """The position reached for `digest`: the pieces about it, unverified ones included, and their judgements."""
        return self._counts.get(digest, 0)

    @cached_property
    def _counts(self) -> Mapping[Digest, int]:
        counts: dict[Digest, int] = {}
        for item in self.items:
            for digest in set(item.subjects) if len(item.subjects) > 1 else item.subjects:
                counts[digest] = counts.get(digest, 0) + 1 + item.revision
        return counts

    def behind(self, positions: Mapping[Digest, int]) -> tuple[Digest, ...]:
        """The subjects whose position here is below the one in `positions`, sorted."""
        return tuple(sorted(digest for digest, recorded in positions.items() if self.count(digest) < recorded))


def order_of(item: EvidenceItem) -> tuple[datetime, datetime, str]:
    """By what evidence is older or newer: when it was made, then received, then its id."""
    return (item.made_at, item.received_at, item.evidence_id)


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


def set_digest(items: Iterable[EvidenceItem]) -> Digest:
    """The digest of a set of evidence as it stands: of each piece the id, the content and the revision."""
    pinned = {f"{item.evidence_id}@{item.content_digest}@{item.revision}" for item in items}
    return sha256_digest("\n".join(sorted(pinned)).encode())


def _as_received(item: EvidenceItem) -> EvidenceItem:
    # Everything but what `contracts.facts.EarlierStanding` lists.
    standing = {"revision": 0, "verified": False, "distrusted": False, "problem": None, "signers": (), "checks": ()}
    return item.model_copy(update=standing)


def _is_approval(item: EvidenceItem) -> bool:
    if isinstance(item.facts, UnreadableFacts):
        return (item.facts.meant or kind_of_type(item.predicate_type)) == "approval"
    return item.facts.kind == "approval"
