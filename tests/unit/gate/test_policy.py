from __future__ import annotations

import copy
from typing import Any, get_args

import pytest

from contracts.vocabulary import Criticality, GateKind, Mode
from shared.errors import Invalid
from shared.policy.policy import read_policy
from shared.policy.rules import RULE_KINDS, Rule, each_rule
from tests.unit.gate.gate_builders import document, dossier, policy, rule

FULL = document(
    rule("required_evidence", evidence="sbom", signer_role="build", max_age="24h", min_signers=2),
    rule("vulnerability_limit", max={"critical": 0, "high": 2}, max_age="7d"),
    rule("tests_passed", min_passed=3, remedy="Ask QA."),
    rule("approvals", role="approver", count=2),
    rule("composition", artifact_types=["pypi", "oci"], covered_by=["sbom"], individually=True),
    rule("provenance", builders=[{"id": "https://builder.example/*", "level": 2}], min_level=2),
    rule("licenses", allow=["MIT", "Apache-2.0"], deny=["GPL-*"]),
    rule("rego", rego="package p\ndefault allow := false", parameters={"most": 2}, needs=["tests"]),
    rule("soak", stage="qa", **{"for": "72h"}),
    rule("source_branch", branches=["main", "release/*"]),
    rule("stage_passed", stage="qa", within="30d"),
    rule("version_order", scheme="pep440"),
    rule(
        "any_of",
        rules=[
            rule("tests_passed", id="strict", min_passed=100),
            rule(
                "all_of", rules=[rule("tests_passed", id="lax"), rule("approvals", id="two", role="security", count=2)]
            ),
        ],
    ),
    scope={"applications": ["cart"], "criticality": ["high"], "labels": {"tier": "web"}},
    mode="warning",
)


def refusal(changed: Any) -> Invalid:
    with pytest.raises(Invalid) as raised:
        read_policy(changed)
    assert raised.value.remedy
    return raised.value


def changed(**spec: Any) -> dict[str, Any]:
    copied = copy.deepcopy(FULL)
    copied["spec"] |= spec
    return copied


def test_reads_every_rule_kind_and_the_compatible_mode() -> None:
    read = read_policy(FULL)
    assert {r.kind for r in each_rule(read.spec.rules)} == set(RULE_KINDS)
    assert read.spec.mode is Mode.WARN


def test_every_kind_of_the_union_is_in_the_table() -> None:
    assert set(get_args(get_args(Rule)[0])) == set(RULE_KINDS.values())


def test_normal_form_reads_back_as_the_same_policy() -> None:
    read = read_policy(FULL)
    again = read_policy(read.normal_form())
    assert (again, again.digest) == (read, read.digest)


def test_defaults_and_synonyms_do_not_change_the_digest_but_a_limit_does() -> None:
    written = changed(mode="warn")
    written["spec"]["rules"][0]["max_age"] = "1d"
    assert read_policy(written).digest == read_policy(FULL).digest
    written["spec"]["rules"][1]["max"]["high"] = 3
    assert read_policy(written).digest != read_policy(FULL).digest


@pytest.mark.parametrize(
    ("place", "field", "path", "near"),
    [
        ((), "specs", "specs", "spec"),
        (("metadata",), "nane", "metadata.nane", "name"),
        (("spec",), "modes", "spec.modes", "mode"),
        (("spec", "scope"), "aplications", "spec.scope.aplications", "applications"),
        (("spec", "gates", 0), "stages", "spec.gates[0].stages", "stage"),
        (("spec", "rules", 0), "max_agee", "spec.rules[0].max_agee", "max_age"),
        (("spec", "rules", 1), "signer_rol", "spec.rules[1].signer_rol", "signer_role"),
    ],
)
def test_an_unknown_field_is_refused_with_its_path_and_the_nearest_name(
    place: tuple[str | int, ...], field: str, path: str, near: str
) -> None:
    misspelt = changed()
    target: Any = misspelt
    for part in place:
        target = target[part]
    target[field] = "x"
    error = refusal(misspelt)
    assert error.code == "policy_field_unknown"
    assert f"at {path}." in error.message
    assert f"`{near}`" in error.remedy


def test_a_field_like_no_other_is_answered_with_the_known_ones() -> None:
    assert "Known here: applications, criticality, labels, projects." in refusal(changed(scope={"zzz": 1})).remedy


def test_a_misspelt_field_is_told_before_the_one_it_leaves_missing() -> None:
    misspelt = changed(rules=[{"id": "a", "titel": "A", "kind": "tests_passed"}])
    assert refusal(misspelt).code == "policy_field_unknown"


def test_an_unknown_rule_kind_is_refused_with_the_nearest() -> None:
    error = refusal(changed(rules=[rule("test_passed")]))
    assert error.code == "policy_rule_kind_unknown"
    assert "spec.rules[0].kind" in error.message
    assert "`tests_passed`" in error.remedy
    assert refusal(changed(rules=[{"id": "a", "title": "A"}])).code == "policy_rule_kind_unknown"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"scope": None}, "spec.scope"),
        ({"rules": [rule("tests_passed", max_age=None)]}, "spec.rules[0].max_age"),
        ({"rules": [rule("tests_passed", signer_role=None)]}, "spec.rules[0].signer_role"),
        ({"scope": {"criticality": None}}, "spec.scope.criticality"),
    ],
)
def test_a_field_without_a_value_is_refused(spec: dict[str, Any], path: str) -> None:
    error = refusal(changed(**spec))
    assert path in error.message
    assert error.code in {"policy_field_empty", "policy_malformed"}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"rules": []}, "spec.rules"),
        ({"gates": []}, "spec.gates"),
        ({"scope": {"applications": []}}, "spec.scope.applications"),
        ({"mode": "off"}, "spec.mode"),
        ({"rules": [rule("tests_passed"), rule("tests_passed")]}, "spec"),
        ({"rules": [rule("tests_passed", min_passed=0)]}, "spec.rules[0].min_passed"),
        ({"rules": [rule("tests_passed", min_passed="3")]}, "spec.rules[0].min_passed"),
        ({"rules": [rule("tests_passed", min_passed=True)]}, "spec.rules[0].min_passed"),
        ({"rules": [rule("tests_passed", max_age=30)]}, "spec.rules[0].max_age"),
        ({"rules": [rule("approvals", role="approver", count=0)]}, "spec.rules[0].count"),
        ({"rules": [rule("vulnerability_limit", max={})]}, "spec.rules[0].max"),
        ({"rules": [rule("vulnerability_limit", max={"critical": 0.5})]}, "spec.rules[0].max.critical"),
        ({"rules": [rule("vulnerability_limit", max={"severe": 0})]}, "spec.rules[0].max.severe"),
        ({"rules": [rule("required_evidence")]}, "spec.rules[0]"),
        ({"rules": [rule("required_evidence", evidence="sbom", predicate_type="x")]}, "spec.rules[0]"),
        ({"rules": [rule("tests_passed") | {"id": "no_policy"}]}, "spec.rules[0].id"),
    ],
)
def test_what_would_weaken_a_gate_is_refused_at_its_path(spec: dict[str, Any], path: str) -> None:
    error = refusal(changed(**spec))
    assert error.code == "policy_malformed"
    assert f"at {path}" in error.message


def test_an_approval_cannot_be_asked_for_as_mere_evidence() -> None:
    asked = rule("required_evidence", predicate_type="https://hallmark.dev/attestation/approval/v1")
    assert "approvals" in refusal(changed(rules=[asked])).message


@pytest.mark.parametrize("nonsense", [None, [], "policy", 3, {}, {1: 2}])
def test_what_is_no_policy_at_all_is_refused(nonsense: object) -> None:
    assert refusal(nonsense).code == "policy_malformed"


def test_scope_matches_only_when_every_given_part_does() -> None:
    scoped = read_policy(FULL)
    assert scoped.governs(dossier(), "prod", GateKind.ENTRY)
    assert not scoped.governs(dossier(), "prod", GateKind.RELEASE)
    assert not scoped.governs(dossier(), "qa", GateKind.ENTRY)
    assert not scoped.governs(dossier(application="other"), "prod", GateKind.ENTRY)
    assert not scoped.governs(dossier(criticality=Criticality.LOW), "prod", GateKind.ENTRY)
    assert not scoped.governs(dossier(labels={"tier": "db"}), "prod", GateKind.ENTRY)
    assert not scoped.governs(dossier(project="other"), "prod", GateKind.ENTRY)


def test_no_scope_matches_every_application_of_the_project_only() -> None:
    everywhere = policy(rule("tests_passed"))
    assert everywhere.governs(dossier(application="other", labels={}), "prod", GateKind.ENTRY)
    assert not everywhere.governs(dossier(project="other"), "prod", GateKind.ENTRY)
