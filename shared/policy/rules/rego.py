"""A rule in Rego, for what no other kind says.

- The module's own `allow` decides, by nothing but the literal `true`, or an object with `should_allow: true`.
- It sees the version, what is around it, all verified evidence, the gate, the time and its parameters; nothing else.
- Evidence whose signers were distrusted is there and marked: a module that looks for what is wrong still finds it.
- Kinds of evidence named under `needs` must be there first, as `required_evidence` asks for them: without them the rule
  waits, and the module is not asked.
- What cannot be decided (undefined, an error, too long, too large) is an error, and opens no gate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.facts import EvidenceItem, OtherFacts
from contracts.findings import Violation
from contracts.vocabulary import Outcome, utc
from shared.policy.dossier import Dossier, EvidenceKind
from shared.policy.rules.coverage import Demand, cover, speaking_by_subject
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, weigh
from shared.rego.question import MAX_SOURCE, Answer, Granted, Question, Refused, Undecided


class Rego(RuleHead):
    """What people write for this rule: the module itself, or the name of a template that holds it."""

    kind: Literal["rego"]
    rego: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SOURCE)] | None = None
    template: Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")] | None = None
    """Filled in under `rego` when the policy is applied: a template that changes later changes no policy."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """`input.parameters` of the module."""
    needs: tuple[EvidenceKind, ...] = ()
    signer_role: SignerRole | None = None
    """Of the evidence under `needs`."""

    @model_validator(mode="after")
    def _has_a_module(self) -> Self:
        if self.rego is None and self.template is None:
            raise ValueError("give the module under `rego`, or name a `template`")
        if _has_fractions(self.parameters):
            raise ValueError("a fraction among `parameters` has no canonical form; write it as a text, such as '0.5'")
        return self


def check(rule: Rego, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the module says so; deny when it says no; answer error when it says neither."""
    required = f"The Rego policy {rule.template or rule.id} allows it."
    if missing := _missing(rule, dossier, context):
        return missing
    question = question_of(rule, dossier, context)
    answer: Answer = Undecided("rego_not_asked", "the module was not asked")
    if question is not None:
        answer = context.rego.get(question.key, answer)
    match answer:
        case Granted(explanation):
            return RuleAnswer(Outcome.ALLOW, _sentence(explanation or "The policy allows it"), required)
        case Refused(explanation):
            return weigh(
                [_problem(dossier, explanation or "the policy does not allow it")], context.waivers, _good(required)
            )
        case Undecided(code, detail):
            return RuleAnswer(
                Outcome.ERROR,
                _sentence(f"The policy gave no answer ({code}): {detail.removesuffix('.')}"),
                required,
                "Have its author try it with `hallmark policy test`; the gate stays closed until it answers.",
            )


def question_of(rule: Rego, dossier: Dossier, context: RuleContext) -> Question | None:
    """What the module has to be asked; None while evidence that it needs is missing, or without a module."""
    if rule.rego is None or _missing(rule, dossier, context):
        return None
    document = {
        "version": {
            "project": dossier.project,
            "application": dossier.application,
            "name": dossier.version,
            "digest": dossier.version_digest,
            "criticality": dossier.criticality.value,
            "labels": dict(dossier.labels),
            **dossier.circumstances.model_dump(
                mode="json", include={"artifacts", "source", "registered_by", "registered_at", "contained"}
            ),
        },
        "gate": {
            "stage": context.stage,
            "gate": context.gate.value,
            "kind": context.kind.value,
            "requested_by": context.requested_by,
        },
        "time": {"rfc3339": utc(context.at), "epoch": int(context.at.timestamp())},
        "evidence": _evidence(dossier),
        **dossier.circumstances.model_dump(mode="json", include={"passed", "current", "incidents", "exploitation"}),
        "parameters": rule.parameters,
    }
    return Question(rule.rego, json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def _has_fractions(value: Any) -> bool:
    match value:
        case float():
            return True
        case Mapping():
            return any(map(_has_fractions, value.values()))
        case list() | tuple():
            return any(map(_has_fractions, value))
        case _:
            return False


def _evidence(dossier: Dossier) -> list[dict[str, Any]]:
    newest = {
        item.evidence_id
        for named in sorted({item.predicate_type for item in dossier.verified})
        for items in speaking_by_subject(Demand(predicate_type=named), dossier).values()
        for item in items
    }
    return [_shown(item, superseded=item.evidence_id not in newest) for item in dossier.verified]


def _shown(item: EvidenceItem, *, superseded: bool) -> dict[str, Any]:
    facts = item.facts.model_dump(mode="json", exclude={"text"})
    if isinstance(item.facts, OtherFacts):
        facts["content"] = json.loads(item.facts.text) if item.facts.text is not None else None
    return {
        "id": item.evidence_id,
        "type": item.predicate_type,
        "kind": item.facts.kind,
        "subjects": sorted(item.subjects),
        "signers": [
            one.model_dump(mode="json", include={"role", "key_id", "identity", "issuer"}) for one in item.signers
        ],
        "distrusted": item.distrusted,
        "superseded": superseded,
        "made_for": item.made_for,
        "submitted_by": item.submitted_by,
        "made_at": utc(item.made_at),
        "made_at_epoch": int(item.made_at.timestamp()),
        "received_at": utc(item.received_at),
        "facts": facts,
    }


def _missing(rule: Rego, dossier: Dossier, context: RuleContext) -> RuleAnswer | None:
    for kind in rule.needs:
        demand = Demand(kind=kind, signer_role=rule.signer_role)
        answer = cover(
            demand,
            dossier,
            context,
            required=f"Every artifact has {demand.words}, for the Rego policy to read.",
            remedy="Attach the evidence again in a form that can be read.",
        )
        if answer.outcome is not Outcome.ALLOW:
            return answer
    return None


def _problem(dossier: Dossier, explanation: str) -> Problem:
    return Problem(
        Violation(says=explanation.removesuffix("."), artifact=dossier.version_digest),
        remedy="Meet what the policy's own words ask for, and attach the evidence that shows it.",
    )


def _good(required: str) -> RuleAnswer:
    return RuleAnswer(Outcome.ALLOW, "The policy allows it.", required)


def _sentence(text: str) -> str:
    return text.removesuffix(".") + "."
