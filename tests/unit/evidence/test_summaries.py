from __future__ import annotations

from typing import Any

import pytest

from contracts.facts import DeploymentFacts, ProvenanceFacts
from contracts.vocabulary import utc
from services.evidence.domain import kinds
from services.evidence.domain.passage import PASSAGE_TYPE, Passage, passage_statement
from shared.trust.statement import Subject, parse
from tests.unit.evidence.report_builders import NOW, facts_of, problem, summary

SLSA1 = "https://slsa.dev/provenance/v1"
SLSA02 = "https://slsa.dev/provenance/v0.2"
DEPLOYMENT = "https://hallmark.dev/attestation/deployment/v1"
COMMIT, OTHER = "a" * 40, "b" * 40
DIGEST = "sha256:" + "c" * 64


def a_vsa(**fields: Any) -> dict[str, Any]:
    return {
        "verifier": {"id": "https://example.com/verifier"},
        "timeVerified": "2026-11-20T10:00:00Z",
        "resourceUri": "pkg:oci/shop",
        "policy": {"uri": "https://example.com/policy", "digest": {"sha256": "c" * 64}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    } | fields


def test_a_summary_says_who_verified_what_and_how_it_came_out() -> None:
    inputs = [{"digest": {"sha256": "c" * 64}}, {"digest": {"sha1": "d"}}]
    facts = summary(a_vsa(inputAttestations=inputs, dependencyLevels={"SLSA_BUILD_LEVEL_1": 3}))
    assert (facts.verifier_id, facts.verdict, facts.levels) == (
        "https://example.com/verifier",
        "passed",
        ("SLSA_BUILD_LEVEL_3",),
    )
    assert (facts.policy_digest, facts.input_digests) == (DIGEST, (DIGEST,))
    assert facts.dependency_levels == {"SLSA_BUILD_LEVEL_1": 3}
    failed = summary(a_vsa(verificationResult="FAILED", verifiedLevels=["FAILED"]))
    assert (failed.verdict, failed.levels) == ("failed", ())


def test_the_older_summary_is_read_too() -> None:
    old = {
        "verifier": {"id": "v"},
        "time_verified": "2026-11-20T10:00:00Z",
        "resource_uri": "pkg:oci/shop",
        "policy": {"uri": "p"},
        "input_attestations": [{"uri": "x", "digest": {"sha256": "c" * 64}}],
        "verification_result": "PASSED",
        "policy_level": "SLSA_LEVEL_3",
    }
    facts = summary(old, "v0.2")
    assert (facts.verdict, facts.levels, facts.input_digests) == ("passed", ("SLSA_LEVEL_3",), (DIGEST,))


@pytest.mark.parametrize(
    ("vsa", "where"),
    [
        (a_vsa(verifiedLevels=["FAILED"]), ""),
        (a_vsa(verificationResult="FAILED"), ""),
        (a_vsa(verificationResult="passed"), "verificationResult"),
        (a_vsa(verifier={}), "verifier.id"),
        (a_vsa(resourceUri=""), "resourceUri"),
        (a_vsa(policy=None), "policy"),
        (a_vsa(verifiedLevels=None), "verifiedLevels"),
        (a_vsa(inputAttestations=[{"uri": "x"}]), "inputAttestations.0.digest"),
        (a_vsa(timeVerified="2026-11-20"), "timeVerified"),
        (a_vsa(dependencyLevels={"x": -1}), "dependencyLevels.x"),
    ],
)
def test_a_summary_that_contradicts_itself_or_lacks_something_is_unreadable(vsa: dict[str, Any], where: str) -> None:
    assert problem(PASSAGE_TYPE, vsa).where == where


@pytest.mark.parametrize("passed", [True, False])
def test_hallmarks_own_passages_are_summaries(passed: bool) -> None:
    passage = Passage(
        subjects=(Subject(DIGEST),),
        verdict_id="vd-1",
        verifier_id="https://hallmark.example/gate",
        verifier_version="1.0",
        verified_at=NOW,
        resource_uri="hallmark:shop/web/1.0",
        policy_uri="hallmark:policy/prod",
        policy_digest=DIGEST,
        policies=(),
        inputs=(),
        passed=passed,
        levels=("PROD_ENTRY",) if passed else (),
    )
    statement = parse(passage_statement(passage))
    facts = summary(dict(statement.predicate))
    assert (facts.verdict, facts.policy_digest) == ("passed" if passed else "failed", DIGEST)


def a_build(parameters: dict[str, Any], *dependencies: tuple[str, str]) -> ProvenanceFacts:
    resolved = [{"uri": uri, "digest": {"gitCommit": commit}} for uri, commit in dependencies]
    definition = {"buildType": "t", "externalParameters": parameters, "resolvedDependencies": resolved}
    facts = facts_of(SLSA1, {"buildDefinition": definition, "runDetails": {"builder": {"id": "b"}}})
    assert isinstance(facts, ProvenanceFacts)
    return facts


def source(facts: ProvenanceFacts) -> tuple[str | None, str | None, str | None]:
    return facts.source_repository, facts.source_commit, facts.source_ref


def test_the_source_is_what_the_build_type_declares() -> None:
    ours, theirs = "git+https://github.com/o/r@refs/heads/main", "git+https://github.com/o/tool@v1"
    known = ("https://github.com/o/r", COMMIT, "refs/heads/main")
    workflow = {"workflow": {"repository": "https://github.com/o/r", "ref": "refs/heads/main", "path": "x"}}
    assert source(a_build(workflow, (theirs, OTHER), (ours, COMMIT))) == known
    google = {"buildConfigSource": {"repository": "git+https://github.com/o/r.git", "ref": "refs/heads/main"}}
    assert source(a_build(google, (ours, COMMIT))) == known
    generator = {"source": {"uri": ours, "digest": {"sha1": COMMIT}}}
    assert source(a_build(generator)) == known
    assert source(a_build({"inputs": {}}, (ours, COMMIT))) == known
    user = a_build({}, ("git+ssh://git@host/o/r@main", COMMIT))
    assert source(user) == ("ssh://git@host/o/r", COMMIT, "main")


def test_a_source_that_is_not_one_is_none() -> None:
    ours, theirs = "git+https://github.com/o/r@refs/heads/main", "git+https://github.com/o/tool@v1"
    unknown = (None, None, None)
    assert source(a_build({}, (ours, COMMIT), (theirs, OTHER))) == unknown
    assert source(a_build({}, (ours, COMMIT), (ours, OTHER))) == unknown
    assert source(a_build({"source": {"uri": ours, "digest": {"sha1": OTHER}}}, (ours, COMMIT))) == unknown
    assert source(a_build({"workflow": {"repository": "https://github.com/o/other"}}, (ours, COMMIT))) == unknown
    assert source(a_build({}, (ours, "main"))) == unknown
    assert source(a_build({})) == unknown


def test_the_older_provenance_names_source_and_what_is_complete() -> None:
    predicate = {
        "builder": {"id": "b"},
        "buildType": "t",
        "invocation": {
            "configSource": {"uri": "git+https://github.com/o/r@refs/tags/v1", "digest": {"sha1": COMMIT}},
            "parameters": {"a": 1},
        },
        "metadata": {"completeness": {"parameters": True, "materials": False}},
        "materials": [{"uri": "git+https://github.com/o/r@refs/tags/v1", "digest": {"sha1": COMMIT}}],
    }
    facts = facts_of(SLSA02, predicate)
    assert isinstance(facts, ProvenanceFacts)
    assert source(facts) == ("https://github.com/o/r", COMMIT, "refs/tags/v1")
    assert facts.complete == ("parameters",)
    assert facts.parameters_digest is not None


def test_parameters_are_pinned_by_their_canonical_digest() -> None:
    first, same = a_build({"a": 1, "b": {"c": "d"}}), a_build({"b": {"c": "d"}, "a": 1})
    assert first.parameters_digest == same.parameters_digest
    assert first.parameters_digest != a_build({"a": 2}).parameters_digest
    assert a_build({"a": 0.5}).parameters_digest is None


def test_a_deployment_says_where_and_when() -> None:
    said = {
        "environment": "eu-west",
        "stage": "prod",
        "deployed_at": "2026-11-20T10:00:00Z",
        "by": "ci",
        "url": "https://shop.example",
    }
    reading = kinds.read(DEPLOYMENT, said, NOW)
    assert isinstance(reading.facts, DeploymentFacts)
    assert utc(reading.facts.deployed_at) == "2026-11-20T10:00:00.000000Z"
    assert (reading.facts.environment, reading.facts.stage, reading.claimed_at) == (
        "eu-west",
        "prod",
        reading.facts.deployed_at,
    )
    for field, value in (("environment", ""), ("deployed_at", None), ("stage", "Prod"), ("by", "x" * 201)):
        assert problem(DEPLOYMENT, said | {field: value}).where == field
