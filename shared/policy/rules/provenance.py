"""Every artifact must have SLSA provenance by a builder that is accepted, from a source that is accepted.

- A builder is accepted as a pair: who signed, in which role, and which builder the document names. Who may sign for one
  builder says nothing about another, and each pair is trusted for one SLSA Build level.
- What is asked of the source must be named in the document. A document that does not say it denies.
- `same_commit` asks that it was built from the commit that the version was registered with.
- What a distrusted signer says about its builder still denies, and allows nothing.

Source: slsa.dev/spec/v1.2/verifying-artifacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.facts import EvidenceItem, ProvenanceFacts
from contracts.findings import Violation
from contracts.vocabulary import Digest, Document, SourceCommit
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration
from shared.policy.rules.coverage import Demand, survey
from shared.policy.rules.faults import Judging, faulty, no_names
from shared.policy.rules.repositories import named_by, reference_matches, repository, repository_pattern
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber, listed, weigh

Level = Annotated[WholeNumber, Field(ge=1, le=3)]
"""A level of the SLSA Build track."""


def _builder(text: str) -> str:
    if "*" in text[:-1] or text == "*":
        raise ValueError("a builder is named exactly, or by its beginning and a `*` at the end")
    return text


def _repository(text: str) -> str:
    if repository_pattern(text) is None:
        raise ValueError("write a repository as `https://host/path`; a `*` can stand at the end of the path")
    return text


class Builder(Document):
    """One builder that is accepted, when it is vouched for."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_builder)]
    """Exact, or with a `*` at its end."""
    signer_role: SignerRole | None = None
    """The role that the signer of its provenance must have; that of the rule when absent."""
    level: Level = 1
    """The level that it is trusted for."""

    def vouched(self, item: EvidenceItem, *, trusted: bool) -> bool:
        """Whether one of the signers of `item` may speak for this builder, those distrusted since included or not."""
        return any(
            self.signer_role in (None, signer.role) and not (trusted and signer.distrusted) for signer in item.signers
        )


class Provenance(RuleHead):
    """What people write for this rule."""

    kind: Literal["provenance"]
    builders: Annotated[tuple[Builder, ...], Field(min_length=1, max_length=50)]
    min_level: Level = 1
    source_repositories: (
        Annotated[
            tuple[
                Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_repository)],
                ...,
            ],
            Field(min_length=1, max_length=50),
        ]
        | None
    ) = None
    """Exact, or with a `*` at the end of the path; spellings of one address are taken for one."""
    source_refs: (
        Annotated[
            tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...],
            Field(min_length=1, max_length=50),
        ]
        | None
    ) = None
    """Branches and tags, as `refs/heads/main`; `*` stands for any text."""
    same_commit: bool = False
    signer_role: SignerRole | None = None
    max_age: Duration | None = None

    @model_validator(mode="after")
    def _some_builder_is_trusted_enough(self) -> Self:
        if all(one.level < self.min_level for one in self.builders):
            raise ValueError(f"none of the builders is trusted for level {self.min_level}; nothing could ever pass")
        return self


@dataclass(frozen=True, slots=True)
class _FromBuilders(Demand):
    """Provenance that may allow only while whoever vouches for its builder is trusted."""

    builders: tuple[Builder, ...] = ()
    min_level: int = 1

    def trusts(self, item: EvidenceItem) -> bool:
        """As `Demand.trusts`, and not only signers that are distrusted may speak for its builder."""
        speak = self._enough_level(item, trusted=False)
        return Demand.trusts(self, item) and (not speak or self._enough_level(item, trusted=True))

    def _enough_level(self, item: EvidenceItem, *, trusted: bool) -> bool:
        return any(one.level >= self.min_level for one in _accepted(item, self.builders, trusted=trusted))


def check(rule: Provenance, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when acceptable provenance covers every artifact; deny when it names what is not accepted."""
    demand = _FromBuilders(
        kind="provenance",
        signer_role=rule.signer_role,
        max_age=rule.max_age,
        builders=rule.builders,
        min_level=rule.min_level,
    )
    source = dossier.circumstances.source
    found = survey(demand, dossier, context, required=f"Every artifact has {demand.words}, {_required(rule)}.")
    judging = Judging(
        context,
        "Build it with an accepted builder from an accepted source, and attach the provenance that the builder signs.",
        lambda item, _: [Violation(says=says) for says in _faults(item, rule, source)],
        _together,
        no_names,
    )
    unknown = [_no_source(dossier.version_digest)] if rule.same_commit and source is None else []
    return weigh([*unknown, *faulty(found.about, judging), *found.lacking], context.waivers, found.good)


def _required(rule: Provenance) -> str:
    level = f" at SLSA Build level {rule.min_level} or above" if rule.min_level > 1 else ""
    parts = [f"by {' or '.join(_first(dict.fromkeys(one.id for one in rule.builders)))}{level}"]
    if rule.source_repositories:
        parts.append(f"from {' or '.join(_first(rule.source_repositories))}")
    if rule.source_refs:
        parts.append(f"at {' or '.join(_first(rule.source_refs))}")
    if rule.same_commit:
        parts.append("built from the commit of the version")
    return ", ".join(parts)


def _first(names: Iterable[str]) -> list[str]:
    every = list(names)
    return every if len(every) <= 3 else [listed(every)]  # noqa: PLR2004 - as many as `listed` names


def _accepted(item: EvidenceItem, builders: tuple[Builder, ...], *, trusted: bool = False) -> list[Builder]:
    if not isinstance(item.facts, ProvenanceFacts):
        return []
    name = item.facts.builder_id
    return [one for one in builders if named_by(name, (one.id,)) and one.vouched(item, trusted=trusted)]


def _faults(item: EvidenceItem, rule: Provenance, source: SourceCommit | None) -> Iterator[str]:
    facts = item.facts
    if not isinstance(facts, ProvenanceFacts):
        raise TypeError(f"{item.evidence_id} carries {facts.kind}, not provenance")
    yield from (f"{item.evidence_id} {says}" for says in _builder_faults(item, facts, rule))
    yield from (f"{item.evidence_id} {says}" for says in _source_faults(facts, rule, source))


def _builder_faults(item: EvidenceItem, facts: ProvenanceFacts, rule: Provenance) -> Iterator[str]:
    accepted = _accepted(item, rule.builders)
    if not accepted:
        known = any(named_by(facts.builder_id, (one.id,)) for one in rule.builders)
        why = "but nobody who may speak for it signed" if known else "which is not accepted"
        yield f"names the builder {facts.builder_id}, {why}"
    elif (level := max(one.level for one in accepted)) < rule.min_level:
        yield f"names the builder {facts.builder_id}, which is trusted for level {level} only"


def _source_faults(facts: ProvenanceFacts, rule: Provenance, source: SourceCommit | None) -> Iterator[str]:
    built_from = repository(facts.source_repository) if facts.source_repository else None
    if rule.source_repositories is not None:
        patterns = tuple(one for one in map(repository_pattern, rule.source_repositories) if one)
        if built_from is None or not named_by(built_from, patterns):
            yield _says("source repository", facts.source_repository)
    if rule.source_refs is not None and not any(
        reference_matches(facts.source_ref or "", one) for one in rule.source_refs if facts.source_ref
    ):
        yield _says("branch or tag", facts.source_ref)
    if rule.same_commit and source is not None:
        if built_from is None or built_from != repository(source.repository):
            yield f"names {facts.source_repository or 'no repository'}, and the version {source.repository}"
        if facts.source_commit is None or facts.source_commit != source.commit:
            yield f"names {facts.source_commit or 'no commit'}, and the version {source.commit}"


def _says(what: str, name: str | None) -> str:
    return f"names the {what} {name}, which is not accepted" if name else f"names no {what}"


def _together(item: EvidenceItem, found: Sequence[Violation]) -> str:
    return f"{item.evidence_id} " + "; ".join(one.says.removeprefix(f"{item.evidence_id} ") for one in found)


def _no_source(version: Digest) -> Problem:
    return Problem(
        Violation(says="registered without the commit that it was built from", artifact=version),
        lead="The version was ",
        remedy="Register a new version with `source` (repository and commit), and build its artifacts from there.",
    )
