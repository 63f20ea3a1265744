"""Whether good evidence covers every artifact of a version: what the rules about evidence share.

- Evidence is chosen by type and signer before anything is counted: what another signer says neither passes nor hides.
- An artifact is covered by evidence about itself or about the version as a whole.
- Per artifact, predicate type and subject only the newest acceptable piece speaks; of scans, the newest of each
  scanner, so that what one found is not hidden by another that does not look for it.
- One bad or unreadable piece that speaks denies, however old it is: age takes away the power to allow only.
- Evidence whose signers have been distrusted speaks like any other and allows nothing: where it is the newest, no older
  piece takes its place.
- Nothing acceptable for some artifact, or nothing still trusted or young enough, is pending: it may still arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.facts import EvidenceItem, Signer, UnreadableFacts, VulnerabilityFacts
from contracts.vocabulary import Digest, Outcome, utc
from shared.policy.dossier import Dossier, EvidenceKind, may_be
from shared.policy.duration import format_duration
from shared.policy.rules.rule import RuleAnswer

_NAMED = 3
"""How many single things a sentence names before it says how many more there are."""

Fault = Callable[[EvidenceItem], str | None]
"""Why a readable piece of evidence denies, in a few words; None when it is good."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Which evidence a rule accepts. Exactly one of `kind` and `predicate_type` is set."""

    kind: EvidenceKind | None = None
    predicate_type: str | None = None
    signer_role: str | None = None
    min_signers: int = 1
    max_age: timedelta | None = None

    @property
    def awaited(self) -> str:
        """The kind or the predicate type, as findings name what is missing."""
        return self.kind or self.predicate_type or ""

    @property
    def words(self) -> str:
        """The demand as part of a sentence."""
        signers = f"{self.min_signers} signers" if self.min_signers > 1 else "a signer"
        role = f" signed by {signers} in the role {self.signer_role}" if self.signer_role else ""
        unnamed = f" signed by {signers}" if self.min_signers > 1 and not self.signer_role else ""
        age = f", at most {format_duration(self.max_age)} old" if self.max_age else ""
        return f"verified {self.awaited} evidence{role}{unnamed}{age}"

    def accepts(self, item: EvidenceItem) -> bool:
        """Whether `item` is of the type asked for and enough distinct keys in the right role signed it.

        Keys that were distrusted since count here: what they signed still speaks.
        """
        right_type = item.predicate_type == self.predicate_type
        if self.kind is not None:
            right_type = may_be(item, self.kind)
        return right_type and self._enough(item.signers)

    def trusts(self, item: EvidenceItem) -> bool:
        """Whether `item`, which is accepted, may also allow: enough of its signers are still trusted."""
        return not item.distrusted and self._enough(signer for signer in item.signers if not signer.distrusted)

    def _enough(self, signers: Iterable[Signer]) -> bool:
        keys = {signer.key_id for signer in signers if self.signer_role in (None, signer.role)}
        return len(keys) >= self.min_signers


def cover(demand: Demand, dossier: Dossier, at: datetime, *, required: str, fault: Fault, remedy: str) -> RuleAnswer:
    """The answer of a rule that wants evidence without fault about every artifact; `remedy` is for faults."""
    accepted = sorted(filter(demand.accepts, dossier.verified), key=_order)
    speaking = {target: _speaking(accepted, {target, dossier.version_digest}) for target in dossier.targets}
    faults = {i.evidence_id: why for items in speaking.values() for i in items if (why := _why(i, fault))}
    if faults:
        observed = _listed(faults[evidence_id] for evidence_id in sorted(faults)) + "."
        return RuleAnswer(Outcome.DENY, observed, required, remedy, evidence=tuple(sorted(faults)))
    missing = [target for target, items in speaking.items() if not items]
    if missing:
        return RuleAnswer(
            Outcome.PENDING,
            f"There is no verified {demand.awaited} evidence that counts here about {_listed(missing)}.",
            required,
            f"Attach {demand.words}, that names the digest of the artifact or of the version.",
            awaits=demand.awaited,
        )
    newest = {item.evidence_id: item for items in speaking.values() for item in [max(items, key=_order)]}
    distrusted = sorted(evidence_id for evidence_id, item in newest.items() if not demand.trusts(item))
    if distrusted:
        return RuleAnswer(
            Outcome.PENDING,
            f"Signers of the newest {demand.awaited} evidence are not trusted any more: {_listed(distrusted)}.",
            required,
            f"Have it produced again and signed by keys that are trusted, and attach it: {demand.words}.",
            evidence=tuple(distrusted),
            awaits=demand.awaited,
        )
    ids = tuple(sorted({item.evidence_id for items in speaking.values() for item in items}))
    observed = f"Evidence of {demand.awaited} covers {_listed(speaking)}."
    return _aged(demand, newest, at, RuleAnswer(Outcome.ALLOW, observed, required, evidence=ids))


def _aged(demand: Demand, newest: dict[str, EvidenceItem], at: datetime, allowing: RuleAnswer) -> RuleAnswer:
    if demand.max_age is None:
        return allowing
    stale = {evidence_id: item for evidence_id, item in newest.items() if item.made_at + demand.max_age < at}
    if not stale:
        return replace(allowing, valid_until=min(item.made_at for item in newest.values()) + demand.max_age)
    made = _listed(f"{key} was made at {utc(stale[key].made_at)}" for key in sorted(stale))
    return RuleAnswer(
        Outcome.PENDING,
        f"The newest {demand.awaited} evidence is too old: {made}.",
        allowing.required,
        f"Produce the evidence again and attach it: {demand.words}.",
        evidence=tuple(sorted(stale)),
        awaits=demand.awaited,
    )


def _speaking(oldest_first: list[EvidenceItem], subjects: set[Digest]) -> tuple[EvidenceItem, ...]:
    newest: dict[tuple[str, Digest], dict[str | None, EvidenceItem]] = {}
    for item in oldest_first:
        for subject in subjects.intersection(item.subjects):
            pieces = newest.setdefault((item.predicate_type, subject), {})
            # Who made what cannot be read is not known: it stands in the way until something newer can be.
            pieces.pop(None, None)
            pieces[_source(item)] = item
    return tuple(item for pieces in newest.values() for item in pieces.values())


def _source(item: EvidenceItem) -> str | None:
    """Whose word it is, None when that cannot be read: a newer one replaces an older one of the same source."""
    match item.facts:
        case UnreadableFacts():
            return None
        case VulnerabilityFacts():
            return item.facts.scanner.partition("@")[0]  # A newer version of a scanner is the same scanner.
        case _:
            return ""


def _order(item: EvidenceItem) -> tuple[datetime, datetime, str]:
    return (item.made_at, item.received_at, item.evidence_id)


def _why(item: EvidenceItem, fault: Fault) -> str | None:
    if isinstance(item.facts, UnreadableFacts):
        return f"{item.evidence_id} could not be read at {item.facts.where}: {item.facts.problem}"
    return fault(item)


def _listed(things: Iterable[str]) -> str:
    every = list(things)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")
