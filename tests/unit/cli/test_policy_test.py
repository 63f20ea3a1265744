"""`hallmark policy test`: cases are judged by the gates' own code, and what differs is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.output import out
from services.cli.policies.cases import read_policy_test
from services.cli.policies.made_evidence import KINDS
from services.cli.policies.trying import Tried, policy_of, try_policy
from shared.errors import Invalid
from shared.policy.policy import Policy, read_policy

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
ALLOWED = {"outcome": "allow"}


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    yield
    out.as_json = False


def policy(*rules: dict[str, Any], name: str = "prod-entry", **spec: Any) -> Policy:
    spec = {"gates": [{"stage": "prod", "gate": "entry"}], "rules": list(rules)} | spec
    metadata = {"project": "shop", "name": name}
    return read_policy({"apiVersion": "hallmark/v1", "kind": "Policy", "metadata": metadata, "spec": spec})


def rule(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": kind.replace("_", "-"), "title": f"Rule {kind}", "kind": kind} | fields


TESTS, SCAN = rule("tests_passed"), rule("vulnerability_limit", max={"high": 0})
APPROVED = rule("approvals", role="approver")


def document(*cases: dict[str, Any], **spec: Any) -> dict[str, Any]:
    named = [{"name": f"case {number}"} | case for number, case in enumerate(cases, start=1)]
    return {
        "apiVersion": "hallmark/v1",
        "kind": "PolicyTest",
        "spec": {"policy": "prod-entry", "cases": named} | spec,
    }


def tried(subject: Policy, given: dict[str, Any], expect: dict[str, Any], **case: Any) -> Tried:
    test = read_policy_test(document({"given": given, "expect": expect} | case))
    return try_policy(subject, test)[0]


def refused(given: dict[str, Any], expect: dict[str, Any] | None = None, subject: Policy | None = None) -> Invalid:
    with pytest.raises(Invalid) as error:
        tried(subject or policy(TESTS), given, expect or ALLOWED)
    return error.value


def test_every_example_case_comes_out_as_expected() -> None:
    result = CliRunner().invoke(app, ["--json", "policy", "test", str(EXAMPLES)])
    assert result.exit_code == 0, result.output
    cases = json.loads(result.stdout)
    assert {one["policy"] for one in cases} == {"prod-entry", "prod-release", "qa-entry"}
    assert len(cases) >= 20
    assert {one["outcome"] for one in cases} == {"allow", "deny", "pending", None}


def test_what_differs_is_told_with_the_findings_own_sentence() -> None:
    found = tried(
        policy(TESTS, SCAN),
        {"evidence": [{"kind": "tests", "failed": 1, "failed_names": ["test_sum"]}, {"kind": "vulnerabilities"}]},
        {"outcome": "allow", "rules": {"tests-passed": {"outcome": "allow", "says": "test_mul"}}},
    )
    says = "tests-1 says failed with 1 failed tests (test_sum)."
    assert [(one.about, one.expected, one.observed, one.says) for one in found.differences] == [
        ("outcome", "allow", "deny", f"tests-passed: {says}"),
        ("tests-passed", "allow", "deny", says),
        ("tests-passed", "says 'test_mul'", f"says {says!r}", says),
    ]


@pytest.mark.parametrize(
    ("expect", "differs"),
    [
        ({"rules": {"vulnerability-limit": {"waived": True}}}, ()),
        ({"rules": {"vulnerability-limit": {"waived": False}}}, ("expected not waived",)),
        ({"rules": {"vulnerability-limit": "allow"}}, ("expected allow",)),
        ({"rules": {"vulnerability-limit": {"announced": True}}}, ("expected announced",)),
        ({"rules": {"vulnerability-limit": {"says": "lists 1 high"}}}, ()),
        ({"rules": {"vulnerability-limit": {"says": "CVE-1 (high)"}}}, ()),
        ({"rules": {"vulnerability-limit": {"remedy": "Update the components"}}}, ()),
        ({"rules": {"vulnerability-limit": {"remedy": "Pray"}}}, ("expected advises 'Pray'",)),
        ({"may_be_trusted": True}, ("expected may be trusted",)),
        ({"governs": False}, ("expected it does not govern the gate",)),
    ],
)
def test_each_expectation_is_compared(expect: dict[str, Any], differs: tuple[str, ...]) -> None:
    given = {
        "evidence": [
            {"kind": "vulnerabilities", "about": "artifact", "vulnerabilities": [{"id": "CVE-1", "severity": "high"}]}
        ],
        "waivers": [{"rule": "vulnerability-limit", "subject": {"artifact": "artifact"}, "max_severity": "high"}],
    }
    found = tried(policy(SCAN, waivers={"trusted": False}), given, expect)
    assert tuple(f"expected {one.expected}" for one in found.differences) == differs


def test_a_case_that_the_policy_does_not_govern_tests_nothing_and_fails() -> None:
    subject = policy(TESTS, scope={"criticality": ["critical"]})
    found = tried(subject, {"criticality": "low"}, {"outcome": "deny"})
    assert [one.observed for one in found.differences] == ["it does not govern the gate"]
    assert tried(subject, {"criticality": "low"}, {"governs": False}).passed
    assert not tried(subject, {"criticality": "critical"}, {"governs": False}).passed


def test_a_policy_that_only_warns_stops_nothing() -> None:
    assert tried(policy(TESTS, mode="warn"), {}, {"outcome": "allow", "rules": {"tests-passed": "pending"}}).passed


def test_approvals_answer_for_the_evidence_of_the_case() -> None:
    subject = policy(APPROVED)
    evidence = [{"kind": "approval", "approver": "alice"}, {"kind": "sbom"}]
    assert tried(subject, {"evidence": evidence}, ALLOWED).passed
    stale = [{"kind": "approval", "evidence_set": "earlier"}]
    assert tried(subject, {"evidence": stale}, {"outcome": "pending"}).passed
    own = tried(subject, {"evidence": evidence}, {"outcome": "pending"}, requested_by="alice")
    assert own.passed


def test_moments_are_told_from_the_case_and_never_from_the_clock() -> None:
    subject = policy(SCAN, effective_on="2027-01-31")
    with pytest.raises(Invalid, match="begin to count") as undated:
        tried(subject, {}, ALLOWED)
    assert undated.value.code == "policy_test_malformed"
    announced = {"outcome": "allow", "rules": {"vulnerability-limit": {"announced": True, "outcome": "pending"}}}
    assert tried(subject, {}, announced, at="2027-01-30").passed
    assert tried(subject, {}, {"outcome": "pending"}, at="2027-01-31").passed
    ended = {"rule": "vulnerability-limit", "subject": {"artifact": "version"}, "expires_at": "1m ago"}
    assert tried(policy(SCAN), {"waivers": [ended]}, {"outcome": "pending"}).passed
    lasting = {**ended, "expires_at": "in 1m"}
    assert tried(policy(SCAN), {"waivers": [lasting]}, {"rules": {"vulnerability-limit": {"waived": True}}}).passed


def test_contained_versions_are_judged_with_the_outer_one() -> None:
    lib = {"application": "lib", "artifacts": ["so"]}
    given = {"contained": [lib], "evidence": [{"kind": "tests", "about": "artifact"}]}
    expected = {"rules": {"tests-passed": {"outcome": "pending", "says": "about so"}}}
    assert tried(policy(TESTS), given, expected).passed
    given["evidence"].append({"kind": "tests", "about": "lib", "id": "inner"})
    assert tried(policy(TESTS), given, ALLOWED).passed
    unknown = {"unknown": ["version"], "evidence": [{"kind": "tests"}]}
    assert tried(policy(TESTS), unknown, {"outcome": "pending", "rules": {"contents_unknown": "pending"}}).passed


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_evidence_has_defaults(kind: str) -> None:
    needed = {"coverage": {"lines": 80}}.get(kind, {})
    subject = policy(rule("required_evidence", predicate_type="https://example.org/asked/v1"))
    given = {"evidence": [{"kind": kind, "predicate_type": "https://example.org/asked/v1", **needed}]}
    assert tried(subject, given, {"outcome": "deny" if kind == "unreadable" else "allow"}).passed


def test_signers_can_be_told_one_by_one() -> None:
    subject = policy(rule("required_evidence", evidence="sbom", signer_role="build", min_signers=2))
    two = [{"role": "build", "key": "a"}, {"role": "build", "key": "b"}]
    assert tried(subject, {"evidence": [{"kind": "sbom", "signers": two}]}, ALLOWED).passed
    same = [{"role": "build", "key": "a"}, {"role": "build", "key": "a", "trust_root": "other"}]
    assert tried(subject, {"evidence": [{"kind": "sbom", "signers": same}]}, {"outcome": "pending"}).passed


@pytest.mark.parametrize(
    ("given", "code", "place", "advice"),
    [
        ({"evidense": []}, "field_unknown", "given.evidense", "Write `evidence` instead of `evidense`."),
        ({"evidence": [{"kind": "tests", "faild": 1}]}, "field_unknown", "evidence[0].faild", "Write `failed`"),
        ({"evidence": [{"kind": "tests", "agee": "1h"}]}, "field_unknown", "evidence[0].agee", "Write `age`"),
        ({"artifacts": [{"name": "a", "prul": "x"}]}, "field_unknown", "artifacts[0].prul", "Write `purl`"),
        (
            {"evidence": [{"kind": "vulnerabilities", "vulnerabilities": [{"id": "a", "severty": "high"}]}]},
            "field_unknown",
            "evidence[0].vulnerabilities[0].severty",
            "Write `severity`",
        ),
        ({"waivers": [{"ruel": "x"}]}, "field_unknown", "waivers[0].ruel", "Write `rule`"),
        ({"criticality": None}, "malformed", "given.criticality", "Correct"),
        ({"evidence": [{"kind": "tests", "about": "wheel"}]}, "malformed", "Known here: artifact, version", "Correct"),
        ({"evidence": [{"kind": "test"}]}, "malformed", "Write `tests` instead of `test`", "Correct"),
        ({"evidence": [{"kind": "tests", "age": 3}]}, "malformed", "evidence[0].age", "Correct"),
        ({"evidence": [{"kind": "sbom", "id": "a"}, {"kind": "tests", "id": "a"}]}, "malformed", "twice", "Correct"),
        ({"artifacts": ["version"]}, "malformed", "stands for two things", "Correct"),
        ({"evidence": [{"kind": "coverage"}]}, "malformed", "evidence[0].lines", "Correct"),
        (
            {"evidence": [{"kind": "vulnerabilities", "vulnerabilities": [{"id": "a", "severity": "hig"}]}]},
            "malformed",
            "evidence[0].vulnerabilities[0].severity",
            "Correct",
        ),
    ],
)
def test_what_is_misspelt_is_refused_with_its_place(given: dict[str, Any], code: str, place: str, advice: str) -> None:
    error = refused(given)
    assert error.code == f"policy_test_{code}"
    assert place in error.message
    assert advice in error.remedy


@pytest.mark.parametrize(
    ("expect", "place"),
    [
        ({}, "a case has to expect something"),
        ({"outcome": "alow"}, "expect.outcome"),
        ({"rules": {"tests-pased": "allow"}}, "Write `tests-passed` instead of `tests-pased`"),
        ({"rules": {"tests-passed": {}}}, "a rule has to be expected to say something"),
        ({"rules": {"tests-passed": {"sayz": "x"}}}, "expect.rules.tests-passed.sayz"),
        ({"governs": False, "outcome": "deny"}, "says nothing"),
    ],
)
def test_what_expects_nothing_or_cannot_come_true_is_refused(expect: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as error:
        tried(policy(TESTS), {}, expect)
    assert place in error.value.message


def test_names_of_cases_differ_and_a_policy_is_found_beside_them() -> None:
    case = {"name": "same", "expect": ALLOWED}
    with pytest.raises(Invalid, match="used more than once: same"):
        read_policy_test(document(case, case))
    test = read_policy_test(document({"expect": ALLOWED}))
    with pytest.raises(Invalid) as homeless:
        policy_of(test, [policy(TESTS, name="prod-entri")])
    assert homeless.value.code == "policy_test_homeless"
    assert "prod-entri" in homeless.value.remedy
    with pytest.raises(Invalid) as ambiguous:
        policy_of(test, [policy(TESTS), policy(SCAN)])
    assert ambiguous.value.code == "policy_test_ambiguous"


def write(folder: Path, name: str, *documents: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return folder / name


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["policy", "test", *map(str, arguments)])
    problem = result.exception
    return result.exit_code, result.output + (f"{problem.code} {problem}" if isinstance(problem, Invalid) else "")


def test_the_command_finds_cases_in_folders_beside_policies_and_in_one_file(tmp_path: Path) -> None:
    subject = policy(TESTS).normal_form()
    good = document({"given": {"evidence": [{"kind": "tests"}]}, "expect": ALLOWED})
    bad = document({"expect": ALLOWED})
    beside = write(tmp_path / "a", "prod.yaml", subject)
    write(tmp_path / "a", "prod.test.yaml", good)
    both = write(tmp_path / "b", "both.yaml", subject, bad)
    assert run(beside)[0] == run(tmp_path / "a")[0] == 0
    code, said = run(tmp_path)
    assert code == 3
    assert "✓ passed  prod-entry: case 1  (allow)" in said
    assert "✗ failed  prod-entry: case 1  (pending)\n    outcome: expected allow, observed pending\n" in said
    assert "1 of 2 cases come out otherwise" in said
    assert run(both)[0] == 3


def test_no_cases_at_all_is_no_success(tmp_path: Path) -> None:
    alone = write(tmp_path, "prod.yaml", policy(TESTS).normal_form())
    assert "policy_tests_missing" in run(alone)[1]
    broken = write(tmp_path, "prod.test.yaml", document({"expekt": {}}))
    code, said = run(broken)
    assert code
    assert f"{broken} (document 1): The policy test" in said
    (tmp_path / "prod.test.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    assert "document_unreadable" in run(broken)[1]
