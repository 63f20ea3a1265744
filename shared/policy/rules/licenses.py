"""The licences of everything in an artifact, as its bill of materials names them, are ones that the policy lists.

- Each component is judged by the licence expression it is under (`license_lists.py`).
- What has to be reviewed waits for a waiver: whoever grants it has reviewed it.
- No licence said, text that is no SPDX expression, and licences in no list are for `unknown` to decide.
- A bill of materials with licence expressions that are not listed denies: nobody can tell what they allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from contracts.facts import EvidenceItem, LicenseUse, SbomFacts
from contracts.findings import Violation
from contracts.vocabulary import Digest, Outcome
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration
from shared.policy.rules.coverage import Demand, survey
from shared.policy.rules.faults import About, unreadable
from shared.policy.rules.license_lists import Answer, Cause, Judgement, LicensePattern, Lists
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, listed, weigh

_ANSWERS = {"allow": Answer.ALLOW, "review": Answer.REVIEW, "deny": Answer.DENY}
_MAX_SHOWN = 100
_UNREADABLE = "Attach the bill of materials again in a form that can be read."
_REVIEW = (
    "Have the licences reviewed, and ask those who grant waivers under this policy for one, for the component or the "
    "artifact; or use the components under another licence."
)
_DENIED: dict[Cause, str] = {
    Cause.DENIED: "Replace the components named, build again and attach a new bill of materials.",
    Cause.UNKNOWN: "Have the licences added to a list of the policy, or replace the components named.",
    Cause.UNREADABLE: "Name the licences by SPDX expressions in the bill of materials, and attach it again.",
    Cause.SILENT: "Name the licences of these components in the bill of materials, and attach it again.",
}

Patterns = Annotated[tuple[LicensePattern, ...], Field(min_length=1, max_length=1000)]


class Licenses(RuleHead):
    """What people write for this rule: at least one list of SPDX ids, `LicenseRef-...`, or beginnings with `*`."""

    kind: Literal["licenses"]
    allow: Patterns | None = None
    deny: Patterns | None = None
    """Wins over `review` and `allow`."""
    review: Patterns | None = None
    """Waits for a waiver. Wins over `allow`."""
    unknown: Literal["allow", "review", "deny"] = "review"
    """For what no list names, what is no SPDX expression, and where no licence is said. `deny` if `allow` is given."""
    signer_role: SignerRole | None = None
    max_age: Duration | None = None

    @model_validator(mode="before")
    @classmethod
    def _unknown_follows_from_the_lists(cls, written: Any) -> Any:
        if isinstance(written, dict) and "unknown" not in written and "allow" in written:
            return {**written, "unknown": "deny"}
        return written

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.allow is None and self.deny is None and self.review is None:
            raise ValueError("give at least one of `allow`, `deny` and `review`")
        if self.unknown == "allow" and self.deny is None and self.review is None:
            raise ValueError("with `unknown: allow` and nothing denied or reviewed, everything is allowed")
        if not self.waivable and (self.review is not None or self.unknown == "review"):
            raise ValueError("what has to be reviewed waits for a waiver, and this rule is not waivable")
        return self


def check(rule: Licenses, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when every component is under an allowed licence, deny when one is not, wait for reviews."""
    demand = Demand(kind="sbom", signer_role=rule.signer_role, max_age=rule.max_age)
    found = survey(demand, dossier, context, required=f"Every artifact has {demand.words}, {_words(rule)}.")
    lists = Lists(rule.allow or (), rule.deny or (), rule.review or (), _ANSWERS[rule.unknown])
    problems = [*unreadable(found.about, _UNREADABLE), *_licences(found.about, lists), *found.lacking]
    return weigh(problems, context.waivers, found.good)


def _words(rule: Licenses) -> str:
    told = [
        f"{word} {listed(patterns)}"
        for word, patterns in (("allowed are", rule.allow), ("denied", rule.deny), ("to be reviewed", rule.review))
        if patterns
    ]
    rest = {"allow": "allowed", "review": "to be reviewed", "deny": "denied"}[rule.unknown]
    return f"whose licences are acceptable ({'; '.join(told)}; all others {rest})"


def _licences(about: About, lists: Lists) -> Iterator[Problem]:
    pairs = ((item.evidence_id, subject, item) for subject, items in about.items() for item in items)
    for _, subject, item in sorted(pairs, key=lambda pair: pair[:2]):
        if isinstance(item.facts, SbomFacts):
            yield from _of_one(item, item.facts, subject, lists)


def _of_one(item: EvidenceItem, facts: SbomFacts, subject: Digest, lists: Lists) -> Iterator[Problem]:
    for use in facts.licenses:
        yield from _of_use(item, use, subject, lists.judge(use.expression))
    if facts.unlicensed is not None:
        yield from _of_use(item, facts.unlicensed, subject, lists.silent())
    if facts.unlisted_licenses:
        yield Problem(
            Violation(
                says=f"{item.evidence_id} has {facts.unlisted_licenses} licence expressions that are not listed",
                artifact=subject,
                evidence=item.evidence_id,
            ),
            lead="Licences that cannot be judged: ",
            remedy="Attach a bill of materials of each artifact by itself, so that all its licences can be listed.",
            rank=len(Cause),
            evidence=(item.evidence_id,),
        )
    elif silent := _unmentioned(facts):
        use = LicenseUse(expression="NOASSERTION", count=silent)
        yield from _of_use(item, use, subject, lists.silent())


def _unmentioned(facts: SbomFacts) -> int:
    """Components that are under no licence that is told: nameless ones, or all of older evidence."""
    told = sum(use.count for use in (*facts.licenses, *([facts.unlicensed] if facts.unlicensed else [])))
    return max(facts.component_count + facts.unidentified_count - told, 0)


def _of_use(item: EvidenceItem, use: LicenseUse, subject: Digest, judgement: Judgement) -> Iterator[Problem]:
    if judgement.answer is Answer.ALLOW or judgement.cause is None:
        return
    under = _under(use.expression, judgement)
    review = judgement.answer is Answer.REVIEW
    more = use.count - len(use.components)
    about: list[tuple[str, str | None]] = [(one, one) for one in use.components]
    if more > 0:
        about.append((f"{more} {'more ' if about else ''}components of {item.evidence_id}", None))
    for name, component in about:
        yield Problem(
            Violation(says=name + under, artifact=subject, component=component, evidence=item.evidence_id),
            Outcome.PENDING if review else Outcome.DENY,
            judgement.cause,
            _REVIEW if review else _DENIED[judgement.cause],
            rank=list(Cause).index(judgement.cause),
            evidence=(item.evidence_id,),
            awaits="waiver" if review else None,
        )


def _under(expression: str, judgement: Judgement) -> str:
    if judgement.cause is Cause.SILENT:
        return ""
    shown = expression if len(expression) <= _MAX_SHOWN else f"{expression[:_MAX_SHOWN]}…"
    which = judgement.license if judgement.license.lower() not in ("", expression.lower()) else ""
    return f" under {shown}" + (f" for {which}" if which else "")
