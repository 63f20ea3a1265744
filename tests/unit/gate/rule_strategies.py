"""Anything a gate may be asked to judge: policies of every rule kind, evidence, circumstances and waivers.

To add a rule kind, add its line to `CASES`: how people may write it, and what it reads. Facts and circumstances of all
kinds are drawn together, so that each kind meets what the others read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from contracts.circumstances import (
    Circumstances,
    ContainedVersion,
    IncidentFacts,
    StagePassage,
    WaivedSubject,
    WaiverFacts,
)
from contracts.facts import EvidenceItem, Facts, UnreadableFacts
from contracts.vocabulary import Artifact, Digest, GateKind, Outcome, PromotionKind, Severity, SourceCommit
from shared.digests import sha256_digest
from shared.policy.dossier import Dossier
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy
from shared.policy.rules import each_rule
from shared.policy.rules.rule import RuleId
from shared.policy.verdict import DecisionContext, Verdict, decide
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    SBOM_TYPE,
    TESTS_TYPE,
    VERSION,
    WHEEL,
    approval,
    dossier,
    failed,
    item,
    passed,
    policy,
    sbom,
    scan,
    signer,
    unreadable,
)

INNER, LIBRARY = sha256_digest(b"inner version"), sha256_digest(b"library")
OTHER = sha256_digest(b"of something else")
PROD = Passage(stage="prod", gate=GateKind.ENTRY)
BEYOND = datetime.max.replace(tzinfo=UTC)
"""The date of evidence that breaks rules which compute its age."""

Strategy = st.SearchStrategy[Any]
_NOTHING: Strategy = st.just({})
_ROLE = st.sampled_from([None, None, "test", "build"])
_MAX_AGE = st.sampled_from([None, "12h", "3d", "7d"])


@dataclass(frozen=True)
class KindCase:
    """How one rule kind is tried."""

    documents: Strategy
    """The fields of the rule beside those that all rules have; None for what is not written."""
    facts: tuple[Facts, ...] = ()
    """Evidence that it reads: good, bad, and what is neither."""
    good: Facts | None = None
    """Evidence that satisfies most of `documents`; None for a kind that reads none."""
    answers: Callable[[Digest], Strategy] | None = None
    """Facts that are about the set of all other evidence, by its digest."""
    circumstances: Strategy = _NOTHING
    """Fields of `Circumstances` that it reads."""
    says_no: Callable[[Facts], bool] = lambda _: False
    """Of facts that deny only beside others, as a word that a vulnerability does matter: whether these do."""


def fields(**strategies: Strategy) -> Strategy:
    return st.fixed_dictionaries(strategies).map(lambda drawn: {k: v for k, v in drawn.items() if v is not None})


_DAYS = st.sampled_from([timedelta(hours=6), timedelta(days=1), timedelta(days=2), timedelta(days=20)])
_PASSAGES = st.lists(
    st.builds(
        StagePassage,
        kind=st.sampled_from(PromotionKind),
        from_stage=st.sampled_from([None, "dev", "qa"]),
        to_stage=st.sampled_from(["qa", "qa", "prod"]),
        release=st.booleans(),
        at=_DAYS.map(lambda ago: NOW - ago),
        promotion_id=st.sampled_from(["p1", "p2", "p3"]),
        waivers=st.sampled_from([(), (), ("w0",)]),
    ),
    max_size=3,
).map(tuple)
_INCIDENTS = st.lists(
    st.builds(
        IncidentFacts,
        incident_id=st.sampled_from(["i1", "i2"]),
        version=st.sampled_from(["1.0.0", None, "0.9.0"]),
        opened_at=st.just(NOW - timedelta(days=3)),
        resolved_at=st.sampled_from([None, NOW - timedelta(hours=3), NOW - timedelta(days=2)]),
    ),
    max_size=2,
    unique_by=lambda one: one.incident_id,
).map(tuple)
_SOURCES = st.sampled_from(
    [None]
    + [
        SourceCommit(repository="https://git.example.org/shop", commit="a" * 40, branch=branch)
        for branch in (None, "main", "refs/heads/main", "wild")
    ]
)
_CURRENT = st.dictionaries(
    st.sampled_from(["qa", "prod"]), st.sampled_from(["0.9.0", "1.0.0", "2.0.0", "nightly"]), max_size=2
)


def _approvals(seen: Digest) -> Strategy:
    return st.builds(
        approval,
        st.sampled_from(["anna", "berta", "rita"]),
        st.sampled_from([seen, seen, OTHER]),
        st.sampled_from(["approved", "approved", "rejected"]),
    )


CASES: Mapping[str, KindCase] = {
    "required_evidence": KindCase(
        st.one_of(
            fields(evidence=st.just("sbom"), signer_role=_ROLE, max_age=_MAX_AGE),
            fields(evidence=st.just("tests"), min_signers=st.sampled_from([None, 2]), max_age=_MAX_AGE),
            fields(predicate_type=st.sampled_from([TESTS_TYPE, SBOM_TYPE]), max_age=_MAX_AGE),
        ),
        facts=(sbom(), unreadable(), UnreadableFacts(where="$", problem="no JSON", meant="sbom")),
        good=sbom(),
    ),
    "tests_passed": KindCase(
        fields(signer_role=_ROLE, max_age=_MAX_AGE, min_passed=st.sampled_from([None, 5])),
        facts=(passed(), passed(), passed(3), failed()),
        good=passed(),
    ),
    "vulnerability_limit": KindCase(
        fields(max=st.sampled_from([{"critical": 0}, {"critical": 0, "high": 1}]), signer_role=_ROLE, max_age=_MAX_AGE),
        facts=(scan(), scan(low=1), scan(critical=1), scan(high=2), scan(high=1)),
        good=scan(),
    ),
    "approvals": KindCase(
        fields(role=st.just("approver"), count=st.sampled_from([None, 2]), waivable=st.sampled_from([None, True])),
        answers=_approvals,
    ),
    "soak": KindCase(
        st.fixed_dictionaries(
            {
                "stage": st.just("qa"),
                "for": st.sampled_from(["3h", "18h", "5d"]),
                "no_incidents": st.booleans(),
                "still_there": st.booleans(),
            }
        ),
        circumstances=fields(passed=_PASSAGES, incidents=_INCIDENTS, current=_CURRENT),
    ),
    "source_branch": KindCase(
        fields(branches=st.just(["main"]), repositories=st.sampled_from([None, ["https://git.example.org/*"]])),
        circumstances=fields(source=_SOURCES),
    ),
    "stage_passed": KindCase(
        fields(
            stage=st.just("qa"),
            gate=st.sampled_from([None, "exit", "release"]),
            within=st.sampled_from([None, "12h", "5d"]),
            without_waivers=st.sampled_from([None, True]),
        ),
        circumstances=fields(passed=_PASSAGES),
    ),
    "version_order": KindCase(
        fields(scheme=st.sampled_from([None, "pep440"]), same_ok=st.sampled_from([None, True])),
        circumstances=fields(current=_CURRENT),
    ),
}
COMBINED = {"all_of", "any_of"}

_SIMPLE = st.one_of(*(case.documents.map(lambda d, kind=kind: {"kind": kind} | d) for kind, case in CASES.items()))
_RULE = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda rules: {"kind": "all_of", "rules": rules}),
        st.lists(inner, min_size=2, max_size=3).map(lambda rules: {"kind": "any_of", "rules": rules}),
    ),
    max_leaves=4,
)
_WAIVABLE = st.sampled_from([None, None, None, False])
_EFFECTIVE = st.sampled_from([None] * 6 + ["2026-11-01", "2026-12-01"])
_MODE = st.sampled_from(["block", "block", "block", "block", "warn", "shadow"])
_TERMS = st.sampled_from([None, None, {"trusted": False}, {"max_duration": "10d"}, {"allowed": False}])


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, ...]:
    """One or two policies for the entry of prod."""
    return tuple(_policy(draw, f"p{number}") for number in range(draw(st.integers(1, 2))))


def _policy(draw: st.DrawFn, name: str) -> Policy:
    ids = (f"r{number}" for number in range(100))

    def headed(rule: dict[str, Any]) -> dict[str, Any]:
        rule_id: RuleId = next(ids)
        written = {"id": rule_id, "title": f"Rule {rule_id}", "waivable": draw(_WAIVABLE)} | rule
        if "rules" in rule:
            written["rules"] = [headed(one) for one in rule["rules"]]
        return {key: value for key, value in written.items() if value is not None}

    rules = [headed(one) for one in draw(st.lists(_RULE, min_size=1, max_size=2))]
    for one in rules:
        if begins := draw(_EFFECTIVE):
            one["effective_on"] = begins
    spec = {"mode": draw(_MODE), "effective_on": draw(_EFFECTIVE), "waivers": draw(_TERMS)}
    return policy(*rules, name=name, **{key: value for key, value in spec.items() if value is not None})


_GOOD = tuple(case.good for case in CASES.values() if case.good is not None)
_FACTS = st.sampled_from([facts for case in CASES.values() for facts in case.facts])
_SUBJECTS = st.sampled_from([(VERSION,), (VERSION,), (WHEEL,), (WHEEL, IMAGE), (INNER,), (LIBRARY,), (OTHER,)])
_HOURS = st.integers(0, 9 * 24)
BOTH = (signer("test"), signer("build"))
_SIGNERS = st.sampled_from([BOTH, (signer("test"),), (signer("build"),)])
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


@st.composite
def pieces(draw: st.DrawFn, name: str, facts: Strategy = _FACTS, *, odd: bool = True) -> EvidenceItem:
    """A piece of evidence of any kind about anything."""
    made = item(name, draw(facts), subjects=draw(_SUBJECTS), signers=draw(_SIGNERS), age=timedelta(hours=draw(_HOURS)))
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
    + [WaivedSubject(vulnerability=one) for one in ("CVE-critical-0", "CVE-high-0")]
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
    # Often everything that can be tolerated is, so that waivers are what opens the gate.
    rules = [(one.name, rule.id) for one in known for rule in each_rule(one.spec.rules)]
    whole = [
        draw(waivers(f"v{number}", known)).model_copy(
            update={
                "policy": name,
                "rule": rule,
                "stage": "prod",
                "subject": WaivedSubject(artifact=VERSION),
                "approved_by": "sam",
                "granted_at": NOW - timedelta(hours=1),
                "expires_at": NOW + draw(st.sampled_from([timedelta(minutes=5), timedelta(days=5)])),
            }
        )
        for number, (name, rule) in enumerate(rules * draw(st.sampled_from([0, 1])))
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
        return decide(self.policies, held or self.held, (PROD,), context, at)

    @property
    def opens(self) -> bool:
        return self.decide().outcome is Outcome.ALLOW


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A version, what is known of it, and the policies that it has to face."""
    contained = draw(st.sampled_from([(), (), (_CONTAINED,)]))
    known: dict[str, Any] = {"contained": contained}
    for case in CASES.values():
        known |= draw(case.circumstances)
    written = draw(policies())
    known["waivers"] = draw(_granted(written))
    artifacts = draw(_ARTIFACTS)
    known["artifacts"] = tuple(Artifact(purl="pkg:generic/cart", digest=one) for one in artifacts)
    items = [draw(pieces(f"e{number}")) for number in range(draw(st.integers(0, 4)))]
    # Most examples start complete: an allowance must be common enough for its loss to be seen.
    if draw(st.sampled_from([True, True, False])):
        ages = [timedelta(hours=draw(_HOURS) // 2) for _ in _GOOD]
        items += [item(f"g{n}", good, signers=BOTH, age=ages[n]) for n, good in enumerate(_GOOD)]
    held = dossier(*items, artifacts=artifacts, circumstances=Circumstances(**known))
    for kind, case in CASES.items():
        if case.answers is not None:
            answers = case.answers(held.evidence_set_digest)
            count = draw(st.integers(0, 3))
            made = [draw(pieces(f"{kind}{n}", answers, odd=False)) for n in range(count)]
            for one in made:
                held = held.with_item(one.model_copy(update={"subjects": (VERSION,)}))
    return Scene(held, written, draw(st.sampled_from([PromotionKind.PROMOTE] * 3 + [PromotionKind.ROLLBACK])))
