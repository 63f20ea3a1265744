"""Whether good evidence covers every artifact of a version: what the rules about evidence share.

- Evidence is chosen by type, signer and stage before anything is counted: what another signer says neither passes nor
  hides.
- An artifact is covered by evidence about itself, about the version as a whole, or about a version in between.
- Per artifact, predicate type and subject only the newest acceptable piece speaks; of scans, the newest of each
  scanner, so that what one found is not hidden by another that does not look for it.
- One bad or unreadable piece that speaks denies, however old it is: age takes away the power to allow only.
- Evidence whose signers have been distrusted speaks like any other and allows nothing: where it is the newest, no older
  piece takes its place.
- Nothing acceptable for some artifact, or nothing still trusted or young enough, is pending: it may still arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.facts import EvidenceItem, Signer, UnreadableFacts, VulnerabilityFacts
from contracts.findings import Violation
from contracts.vocabulary import Digest, Outcome, StageName, utc
from shared.policy.dossier import Dossier, EvidenceKind, may_be, order_of
from shared.policy.duration import format_duration
from shared.policy.rules.faults import About, Faults, Judging, Names, Verdict, anything, faulty, no_names, nothing
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, listed, weigh


@dataclass(frozen=True, slots=True)
class Demand:
    """Which evidence a rule accepts. Exactly one of `kind` and `predicate_type` is set."""

    kind: EvidenceKind | None = None
    predicate_type: str | None = None
    signer_role: str | None = None
    min_signers: int = 1
    max_age: timedelta | None = None
    made_for: StageName | None = None
    identities: tuple[str, ...] | None = None
    issuers: tuple[str, ...] | None = None

    @property
    def awaited(self) -> str:
        """The kind or the predicate type, as findings name what is missing."""
        return self.kind or self.predicate_type or ""

    @property
    def words(self) -> str:
        """The demand as part of a sentence."""
        signers = f"{self.min_signers} signers" if self.min_signers > 1 else "a signer"
        role = f" in the role {self.signer_role}" if self.signer_role else ""
        named = f" with the identity {' or '.join(self.identities)}" if self.identities else ""
        vouched = f" vouched for by {' or '.join(self.issuers)}" if self.issuers else ""
        which = role + named + vouched
        signed = f" signed by {signers}{which}" if which or self.min_signers > 1 else ""
        stage = f", made for the stage {self.made_for}" if self.made_for else ""
        age = f", at most {format_duration(self.max_age)} old" if self.max_age else ""
        return f"verified {self.awaited} evidence{signed}{stage}{age}"

    def accepts(self, item: EvidenceItem) -> bool:
        """Whether `item` is of the type asked for and enough distinct keys in the right role signed it.

        Keys that were distrusted since count here: what they signed still speaks.
        """
        right_type = item.predicate_type == self.predicate_type
        if self.kind is not None:
            right_type = may_be(item, self.kind)
        # What cannot be read does not say what it was made for: it stands in the way.
        right_stage = self.made_for in (None, item.made_for) or isinstance(item.facts, UnreadableFacts)
        return right_type and right_stage and self._enough(item.signers)

    def trusts(self, item: EvidenceItem) -> bool:
        """Whether `item`, which is accepted, may also allow: enough of its signers are still trusted."""
        return not item.distrusted and self._enough(signer for signer in item.signers if not signer.distrusted)

    def _enough(self, signers: Iterable[Signer]) -> bool:
        if self.min_signers == 1:
            return any(map(self._vouches, signers))
        return len({signer.key_id for signer in signers if self._vouches(signer)}) >= self.min_signers

    def _vouches(self, signer: Signer) -> bool:
        return (
            self.signer_role in (None, signer.role)
            and (self.identities is None or signer.identity in self.identities)
            and (self.issuers is None or signer.issuer in self.issuers)
        )


def cover(
    demand: Demand,
    dossier: Dossier,
    context: RuleContext,
    *,
    required: str,
    faults: Faults | None = None,
    too_much: Verdict | None = None,
    names: Names | None = None,
    remedy: str,
    individually: bool = False,
) -> RuleAnswer:
    """The answer of a rule that wants evidence without fault about every artifact; `remedy` is for faults.

    `individually`: evidence about a version as a whole does not speak for its artifacts.
    """
    found = survey(demand, dossier, context, required=required, individually=individually)
    judging = Judging(context, remedy, faults or nothing, too_much or anything, names or no_names)
    problems = [*faulty(found.about, judging), *found.lacking]
    return weigh(problems, context.waivers, found.good)


@dataclass(frozen=True, slots=True)
class Survey:
    """Which evidence speaks about a version, what is missing, and the answer if nothing is and all of it is good."""

    about: About
    """The pieces that speak, by subject; unreadable ones included."""
    lacking: tuple[Problem, ...]
    good: RuleAnswer


def survey(
    demand: Demand, dossier: Dossier, context: RuleContext, *, required: str, individually: bool = False
) -> Survey:
    """Which evidence there is about every artifact, before anybody looks at what it says."""
    key = ("survey", demand, context.at, individually)
    if key not in dossier.remembered:
        dossier.remembered[key] = _survey(demand, dossier, context.at, individually=individually)
    found: Survey = dossier.remembered[key]
    return replace(found, good=replace(found.good, required=required))


def _survey(demand: Demand, dossier: Dossier, at: datetime, *, individually: bool) -> Survey:
    speaking = speaking_by_subject(demand, dossier)
    covering = {
        target: frozenset({target}) if individually else subjects for target, subjects in dossier.covering.items()
    }
    heard = {subject for subjects in covering.values() for subject in subjects}
    about = {subject: speaking.get(subject, ()) for subject in heard}
    lacking: list[Problem] = []
    young_until: list[datetime] = []
    for target, subjects in covering.items():
        pieces = [item for subject in subjects for item in speaking.get(subject, ())]
        newest = max(pieces, key=order_of, default=None)
        if problem := _lacking(demand, target, newest, at):
            lacking.append(problem)
        elif newest is not None and demand.max_age is not None:
            young_until.append(newest.made_at + demand.max_age)
    ids = {item.evidence_id for subject in heard for item in speaking.get(subject, ())}
    good = RuleAnswer(
        Outcome.ALLOW,
        f"Evidence of {demand.awaited} covers {listed(covering)}.",
        "",
        evidence=tuple(sorted(ids)),
        valid_until=min(young_until, default=None),
    )
    return Survey(about, tuple(lacking), good)


def speaking_by_subject(demand: Demand, dossier: Dossier) -> Mapping[Digest, tuple[EvidenceItem, ...]]:
    """The pieces that speak about each subject: per predicate type and source, the newest one that is accepted."""
    # Rules often ask for the same evidence, and each is judged with and without waivers.
    key = ("speaking", replace(demand, max_age=None))
    if key not in dossier.remembered:
        dossier.remembered[key] = _speaking(demand, dossier)
    found: Mapping[Digest, tuple[EvidenceItem, ...]] = dossier.remembered[key]
    return found


def _speaking(demand: Demand, dossier: Dossier) -> Mapping[Digest, tuple[EvidenceItem, ...]]:
    newest: dict[Digest, dict[str, dict[str | None, EvidenceItem]]] = {}
    ours = dossier.subjects
    candidates = dossier.oldest_first if demand.kind is None else dossier.that_may_be(demand.kind)
    for item in filter(demand.accepts, candidates):
        source, named = _source(item), item.predicate_type
        for subject in item.subjects:
            if subject in ours:
                pieces = newest.setdefault(subject, {}).setdefault(named, {})
                # Who made what cannot be read is not known: it stands in the way until something newer can be.
                pieces.pop(None, None)
                pieces[source] = item
    return {
        subject: tuple(item for pieces in by_type.values() for item in pieces.values())
        for subject, by_type in newest.items()
    }


def _lacking(demand: Demand, target: Digest, newest: EvidenceItem | None, at: datetime) -> Problem | None:
    if newest is None:
        return Problem(
            Violation(says=target, artifact=target),
            Outcome.PENDING,
            f"There is no verified {demand.awaited} evidence that counts here about ",
            remedy=f"Attach {demand.words}, that names the digest of the artifact or of the version.",
            awaits=demand.awaited,
        )
    about = Violation(says=newest.evidence_id, artifact=target, evidence=newest.evidence_id)
    if not demand.trusts(newest):
        return Problem(
            about,
            Outcome.PENDING,
            f"Signers of the newest {demand.awaited} evidence are not trusted any more: ",
            remedy=f"Have it produced again and signed by keys that are trusted, and attach it: {demand.words}.",
            evidence=(newest.evidence_id,),
            awaits=demand.awaited,
            rank=1,
        )
    if demand.max_age is not None and newest.made_at + demand.max_age < at:
        made = f"{newest.evidence_id} was made at {utc(newest.made_at)}"
        return Problem(
            about.model_copy(update={"says": made}),
            Outcome.PENDING,
            f"The newest {demand.awaited} evidence is too old: ",
            remedy=f"Produce the evidence again and attach it: {demand.words}.",
            evidence=(newest.evidence_id,),
            awaits=demand.awaited,
            rank=2,
        )
    return None


def _source(item: EvidenceItem) -> str | None:
    """Whose word it is, None when that cannot be read: a newer one replaces an older one of the same source."""
    match item.facts:
        case UnreadableFacts():
            return None
        case VulnerabilityFacts():
            return item.facts.scanner.partition("@")[0]  # A newer version of a scanner is the same scanner.
        case _:
            return ""
