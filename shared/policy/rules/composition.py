"""What a version is made of, and by what all of it is covered.

- Types and numbers are those of the version's own artifacts, as it was registered; contained versions are counted.
- An artifact whose package URL is not known has no acceptable type, and neither has a version without artifacts.
- What a version is made of never changes: what is wrong with it denies, and newer evidence mends nothing.
- `covered_by` asks for evidence about every artifact, those of contained versions included; missing is pending.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.findings import Violation
from contracts.vocabulary import Outcome
from shared.policy.dossier import Dossier, EvidenceKind, kind_of_type
from shared.policy.duration import Duration
from shared.policy.rules.coverage import Demand, survey
from shared.policy.rules.faults import unreadable
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber, weigh

_KINDS: dict[str, EvidenceKind] = {kind: kind for kind in get_args(EvidenceKind)}
_MAX = 100_000


def _evidence(word: str) -> str:
    if word not in _KINDS and ":" not in word:
        raise ValueError(f"write a predicate type (a URI) or one of these kinds: {', '.join(sorted(_KINDS))}")
    if kind_of_type(word) == "approval":
        raise ValueError("an approval can also be a refusal; ask for it with a rule of kind `approvals`")
    return word


PurlType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.+-]*$", max_length=64)]
"""The type of a package URL in lower case, such as `oci`."""
Count = Annotated[WholeNumber, Field(ge=0, le=_MAX)]


class Composition(RuleHead):
    """What people write for this rule; at least one thing is asked for."""

    kind: Literal["composition"]
    artifact_types: Annotated[tuple[PurlType, ...], Field(min_length=1, max_length=50)] | None = None
    """Every artifact of the version has a package URL of one of these types."""
    min_artifacts: Annotated[Count, Field(ge=1)] | None = None
    max_artifacts: Annotated[Count, Field(ge=1)] | None = None
    max_contained: Count | None = None
    """How many versions it may contain, at whatever depth; 0 forbids them."""
    covered_by: (
        Annotated[
            tuple[Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_evidence)], ...],
            Field(min_length=1, max_length=20),
        ]
        | None
    ) = None
    """Kinds of evidence, or predicate types, each of which there must be about every artifact."""
    individually: bool = False
    """Evidence must name each artifact itself; what is about a version as a whole does not count."""
    signer_role: SignerRole | None = None
    """Of the evidence in `covered_by`."""
    max_age: Duration | None = None
    """Of the evidence in `covered_by`."""

    @model_validator(mode="after")
    def _asks_for_something_that_can_be(self) -> Self:
        numbers = (self.min_artifacts, self.max_artifacts, self.max_contained)
        if self.artifact_types is None and self.covered_by is None and numbers == (None, None, None):
            raise ValueError(
                "ask for `artifact_types`, `min_artifacts`, `max_artifacts`, `max_contained` or `covered_by`"
            )
        if (self.min_artifacts or 0) > (self.max_artifacts or _MAX):
            raise ValueError("`min_artifacts` is more than `max_artifacts`; nothing could ever pass")
        if self.covered_by is None and (self.individually or self.signer_role or self.max_age):
            raise ValueError("`individually`, `signer_role` and `max_age` go with `covered_by`")
        return self


def check(rule: Composition, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the version is made of what the rule lets pass and all of it is covered; deny when it is not."""
    problems = [*_types(rule, dossier), *_numbers(rule, dossier)]
    evidence: set[str] = set()
    ends: list[datetime] = []
    for word in rule.covered_by or ():
        found = survey(_demand(rule, word), dossier, context, required="", individually=rule.individually)
        problems += [*unreadable(found.about, "Attach the evidence again in a form that can be read."), *found.lacking]
        evidence |= {*found.good.evidence}
        ends += [found.good.valid_until] if found.good.valid_until else []
    covered = f", covered by {' and '.join(rule.covered_by)}" if rule.covered_by else ""
    good = RuleAnswer(
        Outcome.ALLOW,
        f"The version has {_counted(dossier)}{covered}.",
        _required(rule),
        evidence=tuple(sorted(evidence)),
        valid_until=min(ends, default=None),
    )
    return weigh(problems, context.waivers, good)


def _demand(rule: Composition, word: str) -> Demand:
    kind = _KINDS.get(word)
    return Demand(kind, None if kind else word, signer_role=rule.signer_role, max_age=rule.max_age)


def _types(rule: Composition, dossier: Dossier) -> Iterator[Problem]:
    if rule.artifact_types is None:
        return
    allowed = " or ".join(rule.artifact_types)
    if not dossier.artifacts:
        yield _of_version(dossier, f"no artifact of its own, where {allowed} is asked for")
    purls = {one.digest: one.purl for one in dossier.circumstances.artifacts}
    for digest in sorted(dossier.artifacts):
        purl = purls.get(digest)
        if purl is None:
            yield Problem(
                Violation(says=f"{digest} has no package URL here", artifact=digest),
                lead="It is not known of what type these artifacts are: ",
                sentence=digest,
                remedy="Register a new version, whose artifacts have package URLs.",
            )
        elif (found := _type_of(purl)) not in rule.artifact_types:
            yield Problem(
                Violation(says=f"{purl} is of the type {found}", artifact=digest, component=purl),
                lead=f"Of another type than {allowed}: ",
                sentence=purl,
                remedy="Register a new version without these artifacts, or have their type allowed by the policy.",
            )


def _type_of(purl: str) -> str:
    return purl.removeprefix("pkg:").partition("/")[0].lower()


def _numbers(rule: Composition, dossier: Dossier) -> Iterator[Problem]:
    own, inside = len(set(dossier.artifacts)), _contained(dossier)
    if rule.min_artifacts is not None and own < rule.min_artifacts:
        yield _of_version(dossier, f"{own} artifact(s) where at least {rule.min_artifacts} are asked for")
    if rule.max_artifacts is not None and own > rule.max_artifacts:
        yield _of_version(dossier, f"{own} artifact(s) where at most {rule.max_artifacts} are asked for")
    if rule.max_contained is not None and inside > rule.max_contained:
        yield _of_version(dossier, f"{inside} contained version(s) where at most {rule.max_contained} are asked for")


def _contained(dossier: Dossier) -> int:
    known = {one.digest for one in dossier.circumstances.contained}
    return len(known.union(dossier.circumstances.unknown))


def _of_version(dossier: Dossier, says: str) -> Problem:
    return Problem(
        Violation(says=says, artifact=dossier.version_digest),
        lead="The version has ",
        remedy="Register a new version that is made of what the policy asks for.",
    )


def _counted(dossier: Dossier) -> str:
    inside = _contained(dossier)
    return f"{len(set(dossier.artifacts))} artifact(s)" + (f" and {inside} contained version(s)" if inside else "")


def _required(rule: Composition) -> str:
    parts = []
    if rule.artifact_types:
        parts.append(f"every artifact is of the type {' or '.join(rule.artifact_types)}")
    numbers = [
        (rule.min_artifacts, "at least", "artifact(s)"),
        (rule.max_artifacts, "at most", "artifact(s)"),
        (rule.max_contained, "at most", "contained version(s)"),
    ]
    told = [f"{how} {number} {what}" for number, how, what in numbers if number is not None]
    if told:
        parts.append(f"the version has {' and '.join(told)}")
    each = " that names the artifact itself" if rule.individually else ""
    parts += [f"every artifact has {_demand(rule, word).words}{each}" for word in rule.covered_by or ()]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
