"""Every kind of rule as it is tried: how people may write it, and what it reads.

To add a rule kind, add its line to `CASES`, and everything it can ask for to its documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from contracts.facts import CoverageFacts, Facts, OtherFacts, SuiteResult, TestFacts, UnreadableFacts
from contracts.vocabulary import ActorKind, Digest, Role
from shared.digests import sha256_digest
from shared.policy.rules import Rego, SimpleRule, TestsPassed
from tests.unit.gate.circumstance_cases import CIRCUMSTANCE_CASES, REPOSITORY, SOURCES
from tests.unit.gate.gate_builders import (
    SBOM_TYPE,
    TESTS_TYPE,
    approval,
    failed,
    licensed,
    passed,
    provenance,
    sbom,
    unreadable,
)
from tests.unit.gate.rego_modules import MONOTONE, WILFUL
from tests.unit.gate.rule_kind import MAX_AGE, SIGNER_ROLE, YES, KindCase, Strategy, fields
from tests.unit.gate.vulnerability_cases import (
    EXPLOITATION,
    LIMITS,
    SCANS,
    VEX,
    clean,
    speaks_against_beside_others,
)

OTHER = sha256_digest(b"of something else")
FREE_TYPE = "https://example.org/free"
_ALWAYS = st.sampled_from([True])


def _approvals(seen: Digest) -> Strategy:
    return st.builds(
        approval,
        st.sampled_from(["anna", "berta", "clara", "rita"]),
        st.sampled_from([seen, seen, seen, OTHER]),
        st.sampled_from(["approved", "approved", "approved", "rejected"]),
        role=st.sampled_from([Role.APPROVER, Role.APPROVER, Role.SECURITY]),
        approver_kind=st.sampled_from([ActorKind.HUMAN, ActorKind.HUMAN, ActorKind.AGENT]),
    )


def _built(**changes: Any) -> Facts:
    return provenance(**({"source_repository": REPOSITORY} | changes))


def _run(*suites: tuple[str, int], **counts: int) -> TestFacts:
    told = tuple(SuiteResult(name=name, passed=3, failed=bad) for name, bad in suites)
    return passed(counts.pop("passed", 10)).model_copy(update={"suites": told, **counts})


_TESTS = _run(("unit", 0), ("integration", 0))
_COVERED = CoverageFacts(lines=90.0, branches=80.0)
_MIT = licensed("MIT")
_FREE = OtherFacts(text='{"ok":true}')
_FAILED_SUITE = _run(("unit", 1), ("integration", 0), failed=1).model_copy(update={"result": "failed"})
_BUILDER = provenance().builder_id
_SCHEMA = {"type": "object", "properties": {"ok": {"const": True}}, "required": ["ok"]}
_BUILDERS = st.lists(
    fields(
        id=st.sampled_from([_BUILDER, _BUILDER, "https://builder.example/*", "https://elsewhere.example"]),
        signer_role=SIGNER_ROLE,
        level=st.sampled_from([2, 3]),
    ),
    min_size=1,
    max_size=2,
)


def _not_weaker(written: dict[str, Any]) -> bool:
    return any(one["level"] >= written.get("min_level", 1) for one in written["builders"])


CASES: Mapping[str, KindCase] = {
    "required_evidence": KindCase(
        st.one_of(
            fields(
                evidence=st.sampled_from(["sbom", "provenance", "coverage"]),
                signer_role=SIGNER_ROLE,
                max_age=MAX_AGE,
                made_for=st.sampled_from([None, "this", "qa"]),
            ),
            fields(evidence=st.just("tests"), min_signers=st.sampled_from([None, 2]), max_age=MAX_AGE),
            fields(
                predicate_type=st.sampled_from([TESTS_TYPE, SBOM_TYPE]),
                identities=st.sampled_from([None, ["robot"], ["robot", "anna"]]),
                issuers=st.sampled_from([None, ["https://issuer.example"]]),
                max_age=MAX_AGE,
            ),
            fields(predicate_type=st.just(FREE_TYPE), schema=st.sampled_from([None, _SCHEMA]), made_for=st.none()),
        ),
        facts=(
            _MIT,
            unreadable(),
            UnreadableFacts(where="$", problem="no JSON", meant="sbom"),
            _FREE,
            OtherFacts(text='{"ok":false}'),
            OtherFacts(),
        ),
        good=(_MIT, _FREE),
    ),
    "tests_passed": KindCase(
        fields(
            signer_role=SIGNER_ROLE,
            max_age=MAX_AGE,
            min_passed=st.sampled_from([None, 5]),
            min_pass_rate=st.sampled_from([None, "80", "95.5"]),
            suites=st.sampled_from([None, None, ["unit"], ["unit", "integration"]]),
            max_flaky=st.sampled_from([None, 0, 2]),
            max_skipped=st.sampled_from([None, 0]),
            min_coverage=st.sampled_from([None, "75"]),
            min_branch_coverage=st.sampled_from([None, None, "60"]),
        ).flatmap(
            lambda written: (
                SIGNER_ROLE.map(lambda role: written | ({"coverage_signer_role": role} if role else {}))
                if {"min_coverage", "min_branch_coverage"} & written.keys()
                else st.just(written)
            )
        ),
        facts=(
            _TESTS,
            _TESTS,
            passed(),
            passed(3),
            failed(),
            _run(("unit", 0)),
            _FAILED_SUITE,
            _run(("unit", 0), ("integration", 0), flaky=1),
            _run(("integration", 0), skipped=2),
            _COVERED,
            CoverageFacts(lines=60.0),
            CoverageFacts(lines=90.0, lines_covered=7, lines_total=10),
        ),
        good=(_TESTS, _COVERED),
        # A report of another subject or format may have the suite that the newest ones lack.
        mends=lambda rule, facts: isinstance(rule, TestsPassed) and bool(rule.suites) and facts.kind == "tests",
    ),
    "vulnerability_limit": KindCase(
        LIMITS,
        facts=SCANS + VEX,
        good=(clean(),),
        circumstances=fields(exploitation=EXPLOITATION),
        says_no=speaks_against_beside_others,
        # A word about other evidence is no evidence of the same kind: it may be older than what it is about.
        mends=lambda _, facts: facts.kind == "vex",
    ),
    "provenance": KindCase(
        fields(
            builders=_BUILDERS,
            min_level=st.sampled_from([None, None, 2, 3]),
            source_repositories=st.sampled_from([None, None, ["https://git.example.org/*"], ["https://git.other/x"]]),
            source_refs=st.sampled_from([None, None, ["refs/heads/*"]]),
            same_commit=YES,
            signer_role=SIGNER_ROLE,
            max_age=MAX_AGE,
        ).filter(_not_weaker),
        facts=(
            _built(),
            _built(),
            _built(builder_id="https://elsewhere.example"),
            _built(source_commit="d" * 40),
            _built(source_ref=None),
            _built(source_repository=None, source_commit=None),
            UnreadableFacts(where="$", problem="no JSON", meant="provenance"),
        ),
        good=(_built(),),
        circumstances=fields(source=SOURCES),
    ),
    "licenses": KindCase(
        st.one_of(
            fields(allow=st.just(["MIT", "Apache-2.0"]), deny=st.sampled_from([None, ["GPL-*"]]), max_age=MAX_AGE),
            fields(deny=st.just(["GPL-*"]), unknown=st.sampled_from(["allow", "deny"]), signer_role=SIGNER_ROLE),
            fields(
                allow=st.just(["MIT"]),
                review=st.just(["MPL-*"]),
                unknown=st.sampled_from([None, "review"]),
                waivable=_ALWAYS,
            ),
        ),
        facts=(
            *tuple(map(licensed, ("MIT", "MIT", "MIT OR GPL-2.0-only", "GPL-2.0-only", "MPL-2.0", "of my own"))),
            sbom(),
            _MIT.model_copy(update={"unlisted_licenses": 2}),
        ),
        good=(_MIT,),
    ),
    "composition": KindCase(
        st.one_of(
            fields(
                artifact_types=st.sampled_from([["generic"], ["generic", "oci"], ["oci"]]),
                min_artifacts=st.sampled_from([None, 1]),
                max_artifacts=st.sampled_from([None, 1, 2]),
                max_contained=st.sampled_from([None, 0, 1]),
            ),
            fields(
                covered_by=st.sampled_from([["sbom"], ["tests", "provenance"], [SBOM_TYPE, FREE_TYPE]]),
                individually=YES,
                signer_role=SIGNER_ROLE,
                max_age=MAX_AGE,
            ),
        ),
    ),
    "rego": KindCase(
        fields(
            rego=st.sampled_from(sorted(MONOTONE)),
            parameters=st.sampled_from([{"tolerated": 0}, {"tolerated": 0}, {"tolerated": 1}]),
            needs=st.just(["tests"]),
            signer_role=SIGNER_ROLE,
        ),
        good=(_TESTS,),
        says_no=lambda rule, facts: (
            isinstance(rule, Rego)
            and isinstance(facts, TestFacts)
            and facts.failed > rule.parameters.get("tolerated", 0)
        ),
        waits_first=True,
        wilful=fields(rego=st.sampled_from(sorted(WILFUL)), needs=st.sampled_from([None, ["sbom"]])),
    ),
    "approvals": KindCase(
        fields(
            role=st.just("approver"),
            count=st.sampled_from([None, None, 2]),
            also=st.sampled_from([None, None, [{"role": "security"}]]),
            kinds=st.sampled_from([None, None, ["human", "agent"], ["agent"]]),
            separate_from=st.sampled_from([None, ["requester"], ["requester", "evidence_signers"]]),
            signer_role=SIGNER_ROLE,
            max_age=MAX_AGE,
            waivable=st.sampled_from([None, True]),
        ),
        answers=_approvals,
    ),
    **CIRCUMSTANCE_CASES,
}
COMBINED = {"all_of", "any_of"}
GOOD = tuple({one.model_dump_json(): one for case in CASES.values() for one in case.good}.values())


def reads_evidence(rule: SimpleRule) -> bool:
    """Whether the rule can allow by evidence alone."""
    case = CASES[rule.kind]
    return bool(case.good) or case.answers is not None
