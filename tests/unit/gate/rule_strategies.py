"""Anything a gate may be asked to judge: policies of every rule kind, evidence, circumstances and waivers.

The kinds themselves are in `rule_cases.py`. Facts and circumstances of all kinds are drawn together, so that each kind
meets what the others read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from contracts.circumstances import Circumstances, ContainedVersion, WaivedSubject, WaiverFacts
from contracts.facts import EvidenceItem, Facts, UnreadableFacts
from contracts.vocabulary import Artifact, GateKind, Outcome, PromotionKind, Severity
from shared.digests import sha256_digest
from shared.policy.dossier import Dossier
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy
from shared.policy.rules import each_rule
from shared.policy.rules.rule import RuleId
from shared.policy.verdict import DecisionContext, Verdict, decide, questions
from tests.unit.gate.gate_builders import IMAGE, NOW, TYPES, VERSION, WHEEL, dossier, item, policy, signer
from tests.unit.gate.rego_modules import stand_in
from tests.unit.gate.rule_cases import CASES, FREE_TYPE, GOOD, OTHER
from tests.unit.gate.rule_kind import Strategy
from tests.unit.gate.vulnerability_cases import aged as aged_facts

INNER, LIBRARY = sha256_digest(b"inner version"), sha256_digest(b"library")
PROD = Passage(stage="prod", gate=GateKind.ENTRY)
BEYOND = datetime.max.replace(tzinfo=UTC)
"""The date of evidence that breaks rules which compute its age."""


def _rules(simple: Strategy) -> Strategy:
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=2).map(lambda rules: {"kind": "all_of", "rules": rules}),
            st.lists(inner, min_size=2, max_size=3).map(lambda rules: {"kind": "any_of", "rules": rules}),
        ),
        max_leaves=4,
    )


def _of_kind(kind: str, documents: Strategy) -> Strategy:
    return documents.map(lambda written: {"kind": kind} | written)


_SIMPLE = st.one_of(*(_of_kind(kind, case.documents) for kind, case in CASES.items()))
_WILFUL = st.one_of(*(_of_kind(kind, case.wilful) for kind, case in CASES.items() if case.wilful is not None))
_RULE = _rules(_SIMPLE)
_ANY_RULE = _rules(st.one_of(_SIMPLE, _SIMPLE, _WILFUL))
_WAIVABLE = st.sampled_from([None, None, None, False])
_EFFECTIVE = st.sampled_from([None] * 6 + ["2026-11-01", "2026-12-01"])
_MODE = st.sampled_from(["block", "block", "block", "block", "warn", "shadow"])
_TERMS = st.sampled_from([None, None, {"trusted": False}, {"max_duration": "10d"}, {"allowed": False}])


@st.composite
def policies(draw: st.DrawFn, *, wilful: bool = False) -> tuple[Policy, ...]:
    """One or two policies for the entry of prod."""
    one = _ANY_RULE if wilful else _RULE
    return tuple(_policy(draw, f"p{number}", one) for number in range(draw(st.integers(1, 2))))


def _policy(draw: st.DrawFn, name: str, rule: Strategy) -> Policy:
    ids = (f"r{number}" for number in range(100))

    def headed(rule: dict[str, Any]) -> dict[str, Any]:
        rule_id: RuleId = next(ids)
        written = {"id": rule_id, "title": f"Rule {rule_id}", "waivable": draw(_WAIVABLE)} | rule
        if "rules" in rule:
            written["rules"] = [headed(one) for one in rule["rules"]]
        return {key: value for key, value in written.items() if value is not None}

    rules = [headed(one) for one in draw(st.lists(rule, min_size=1, max_size=2))]
    for one in rules:
        if begins := draw(_EFFECTIVE):
            one["effective_on"] = begins
    spec = {"mode": draw(_MODE), "effective_on": draw(_EFFECTIVE), "waivers": draw(_TERMS)}
    return policy(*rules, name=name, **{key: value for key, value in spec.items() if value is not None})


_FACTS = st.sampled_from([facts for case in CASES.values() for facts in case.facts])
_SUBJECTS = st.sampled_from([(VERSION,), (VERSION,), (WHEEL,), (WHEEL, IMAGE), (INNER,), (LIBRARY,), (OTHER,)])
_HOURS = st.integers(0, 9 * 24)
_ROBOT = signer("test").model_copy(update={"identity": "robot", "issuer": "https://issuer.example"})
_ANNA = signer("build", "anna").model_copy(update={"identity": "anna", "issuer": "https://elsewhere.example"})
_BOTH = (_ROBOT, signer("build"))
_SIGNERS = st.sampled_from([_BOTH, _BOTH, (_ROBOT,), (signer("test"),), (signer("build"),), (_ANNA,), (_ROBOT, _ANNA)])
_MADE_FOR = st.sampled_from(["prod", "prod", None, "qa"])
_BY = st.sampled_from(["", "", "", "berta"])
_TYPES = {
    "vex": "https://openvex.dev/ns/v0.2.0",
    "coverage": "https://hallmark.dev/attestation/lcov/v1",
    "other": FREE_TYPE,
}
_ODD = st.sampled_from([*["good"] * 16, *["unverified"] * 3, *["distrusted"] * 2, "partly", "broken", "broken"])


def distrusted(piece: EvidenceItem, *, keys: int = 9) -> EvidenceItem:
    """The piece after its first `keys` keys were distrusted."""
    signers = tuple(
        one.model_copy(update={"distrusted": one.distrusted or number < keys})
        for number, one in enumerate(piece.signers)
    )
    lost = piece.verified and all(one.distrusted for one in signers)
    return piece.model_copy(update={"signers": signers, "distrusted": lost, "revision": piece.revision + 1})


def unverified(piece: EvidenceItem) -> EvidenceItem:
    """The piece as if no trust root had ever believed it."""
    changed = {"verified": False, "signers": (), "distrusted": False, "problem": "no_trusted_signature"}
    return piece.model_copy(update=changed)


def aged(piece: EvidenceItem, by: timedelta) -> EvidenceItem:
    """The piece as if everything in it had happened so much earlier."""
    dates = {"made_at": piece.made_at - by, "received_at": piece.received_at - by}
    return piece.model_copy(update=dates | {"facts": aged_facts(piece.facts, by)})


def _piece(name: str, facts: Facts, **changes: Any) -> EvidenceItem:
    # What cannot be read has the type of what it was meant to be.
    kind = (facts.meant if isinstance(facts, UnreadableFacts) else None) or facts.kind
    named = {**TYPES, **_TYPES}
    return item(name, facts, **({"predicate_type": named[kind]} | changes))


@st.composite
def pieces(draw: st.DrawFn, name: str, facts: Strategy = _FACTS, *, odd: bool = True) -> EvidenceItem:
    """A piece of evidence of any kind about anything."""
    made = _piece(
        name,
        draw(facts),
        subjects=draw(_SUBJECTS),
        signers=draw(_SIGNERS),
        age=timedelta(hours=draw(_HOURS)),
        made_for=draw(_MADE_FOR),
        submitted_by=draw(_BY),
    )
    match draw(_ODD) if odd else "good":
        case "unverified":
            return unverified(made)
        case "distrusted":
            return distrusted(made)
        case "partly":
            return distrusted(made, keys=1)
        case "broken":
            return made.model_copy(update={"made_at": BEYOND})
        case _:
            return made


_CONTAINED = ContainedVersion(application="lib", version="3.0", digest=INNER, artifacts=(LIBRARY,))
_ARTIFACTS = st.sampled_from([(), (WHEEL,), (WHEEL,), (WHEEL, IMAGE)])
_SUBJECT_OF_WAIVER = st.sampled_from(
    [WaivedSubject(artifact=one) for one in (VERSION, VERSION, VERSION, VERSION, WHEEL, INNER, OTHER)]
    + [WaivedSubject(vulnerability=one) for one in ("CVE-critical-0", "CVE-high-0", "DSA-1")]
    + [WaivedSubject(artifact=WHEEL, vulnerability="CVE-critical-0")]
)


@st.composite
def waivers(draw: st.DrawFn, name: str, known: tuple[Policy, ...]) -> WaiverFacts:
    """A waiver for any of the rules there are: in force, too long, over, or granted by whoever asked for it."""
    written, rule_id = draw(
        st.sampled_from([(one.name, rule.id) for one in known for rule in each_rule(one.spec.rules)])
    )
    return WaiverFacts(
        waiver_id=name,
        policy=written,
        rule=rule_id,
        stage=draw(st.sampled_from(["prod"] * 7 + ["qa"])),
        subject=draw(_SUBJECT_OF_WAIVER),
        max_severity=draw(st.sampled_from([None, None, None, Severity.HIGH, Severity.CRITICAL])),
        reason="It is tolerable.",
        requested_by="dora",
        approved_by=draw(st.sampled_from(["sam"] * 7 + ["dora"])),
        granted_at=NOW - timedelta(days=draw(st.integers(0, 8))),
        expires_at=NOW
        + timedelta(minutes=draw(st.sampled_from([-1, 5, 60, 60 * 24 * 5, 60 * 24 * 30, 60 * 24 * 200]))),
    )


@st.composite
def _granted(draw: st.DrawFn, known: tuple[Policy, ...]) -> tuple[WaiverFacts, ...]:
    some = [draw(waivers(f"w{number}", known)) for number in range(draw(st.sampled_from([0, 0, 0, 1, 2])))]
    # Now and then everything that can be tolerated is, so that waivers are what opens the gate.
    rules = [(one.name, rule.id) for one in known for rule in each_rule(one.spec.rules)]
    whole = [
        draw(waivers(f"v{number}", known)).model_copy(
            update={"policy": name, "rule": rule, "stage": "prod", "subject": WaivedSubject(artifact=VERSION)}
        )
        for number, (name, rule) in enumerate(rules * draw(st.sampled_from([0, 0, 1])))
    ]
    return (*some, *whole)


@dataclass(frozen=True)
class Scene:
    """Everything that a decision is made from."""

    held: Dossier
    policies: tuple[Policy, ...]
    kind: PromotionKind = PromotionKind.PROMOTE

    def decide(self, at: datetime = NOW, *, held: Dossier | None = None, positions: Any = None) -> Verdict:
        context = DecisionContext("verdict-1", "rita", positions=positions or {}, kind=self.kind)
        known = (self.policies, held or self.held, (PROD,))
        answered = replace(context, rego=stand_in(questions(*known, context, at)))
        return decide(*known, answered, at)

    @property
    def opens(self) -> bool:
        return self.decide().outcome is Outcome.ALLOW


@st.composite
def scenes(draw: st.DrawFn, *, wilful: bool = False) -> Scene:
    """A version, what is known of it, and the policies that it has to face; `wilful` ones among them or not."""
    contained = draw(st.sampled_from([(), (), (_CONTAINED,)]))
    known: dict[str, Any] = {"contained": contained}
    for case in CASES.values():
        known |= draw(case.circumstances)
    written = draw(policies(wilful=wilful))
    known["waivers"] = draw(_granted(written))
    artifacts = draw(_ARTIFACTS)
    known["artifacts"] = tuple(Artifact(purl="pkg:generic/cart", digest=one) for one in artifacts)
    items = [draw(pieces(f"e{number}")) for number in range(draw(st.integers(0, 4)))]
    # Most examples start complete: an allowance must be common enough for its loss to be seen.
    if draw(st.sampled_from([True, True, False])):
        ages = [timedelta(hours=draw(_HOURS) // 2) for _ in GOOD]
        items += [
            _piece(f"g{n}", good, signers=_BOTH, age=ages[n], made_for="prod", subjects=(VERSION, *artifacts))
            for n, good in enumerate(GOOD)
        ]
    held = dossier(*items, artifacts=artifacts, circumstances=Circumstances(**known))
    for kind, case in CASES.items():
        if case.answers is not None:
            answers = case.answers(held.evidence_set_digest)
            count = draw(st.integers(0, 3))
            made = [draw(pieces(f"{kind}{n}", answers, odd=False)) for n in range(count)]
            for one in made:
                held = held.with_item(one.model_copy(update={"subjects": (VERSION,)}))
    return Scene(held, written, draw(st.sampled_from([PromotionKind.PROMOTE] * 4 + list(PromotionKind))))
