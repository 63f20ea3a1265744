"""`hallmark policy lint`: what is malformed, and what somebody experienced would say about the rest."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.output import out
from services.cli.policies.advice import remarks_on
from services.cli.policies.rule_advice import remarks_on_rules
from shared.policy.policy import Policy, read_policy
from shared.policy.rules import RULE_KINDS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULE_PAGES = Path(__file__).parents[3] / "docs" / "rules"
EXAMPLES = Path(__file__).parents[3] / "examples"
CRITICAL = {"criticality": ["critical"]}


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    yield
    out.as_json = False


def rule(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": kind.replace("_", "-"), "title": "Title", "remedy": "Do this.", "kind": kind} | fields


def document(*rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    spec = {"gates": [{"stage": "prod", "gate": "entry"}], "rules": list(rules or [TESTS])} | spec
    metadata = {"project": "shop", "name": "prod-entry"}
    return {"apiVersion": "hallmark/v1", "kind": "Policy", "metadata": metadata, "spec": spec}


TESTS = rule("tests_passed", max_age="30d", signer_role="test")
LIMITS = {"unknown": 0, "high": 0, "critical": 0}
SCAN = rule("vulnerability_limit", max=LIMITS, max_age="7d", signer_role="scanner")
APPROVED = rule("approvals", role="approver", count=2)


def remarks(*rules: dict[str, Any], tested: bool = True, **spec: Any) -> list[tuple[str, str, str]]:
    policy: Policy = read_policy(document(*rules, **spec))
    found = remarks_on(policy, NOW, tested=tested) + remarks_on_rules(policy)
    assert all(one.says.endswith(".") and one.remedy.endswith((".", "?")) for one in found)
    return [(one.level, one.code, one.rule) for one in found]


def test_a_careful_policy_needs_no_advice() -> None:
    assert remarks(TESTS, SCAN, APPROVED) == []


@pytest.mark.parametrize(
    ("rules", "spec", "expected"),
    [
        ([TESTS], {"mode": "warn"}, ("warning", "never-blocks", "")),
        ([TESTS], {"effective_on": "2026-01-01"}, ("warning", "announcement-over", "")),
        (
            [TESTS, SCAN | {"effective_on": "2026-11-20T12:00:00Z"}],
            {},
            ("warning", "announcement-over", "vulnerability-limit"),
        ),
        ([TESTS], {"effective_on": "2027-01-01"}, ("info", "only-announced", "")),
        ([TESTS], {"gates": [{"stage": "a", "gate": "entry"}] * 2}, ("warning", "gate-named-twice", "")),
        (
            [TESTS],
            {"gates": [{"stage": "a", "gate": "entry"}, {"stage": "*", "gate": "entry"}]},
            ("warning", "gate-named-twice", ""),
        ),
        ([TESTS], {"waivers": {"max_duration": "181d"}}, ("warning", "waivers-too-long", "")),
        (
            [TESTS],
            {"gates": [{"stage": "prod", "gate": "release"}], "scope": CRITICAL},
            ("info", "waived-release-trusted", ""),
        ),
        ([SCAN | {"remedy": "x"}, rule("tests_passed", max_age="1d")], {}, ("info", "signer-unnamed", "tests-passed")),
        ([rule("tests_passed", signer_role="t")], {}, ("info", "evidence-never-ages", "tests-passed")),
        (
            [rule("vulnerability_limit", max=LIMITS, signer_role="s")],
            {},
            ("warning", "evidence-never-ages", "vulnerability-limit"),
        ),
        (
            [rule("required_evidence", evidence="vulnerabilities", signer_role="s")],
            {},
            ("warning", "evidence-never-ages", "required-evidence"),
        ),
        ([SCAN | {"max": {"unknown": 0, "high": 0}}], {}, ("warning", "worse-unlimited", "vulnerability-limit")),
        ([SCAN | {"max": {"critical": 0}}], {}, ("info", "unrated-unlimited", "vulnerability-limit")),
        ([APPROVED | {"waivable": True}], {}, ("warning", "approvals-waivable", "approvals")),
        ([APPROVED | {"count": 1}], {"scope": CRITICAL}, ("warning", "single-approval", "approvals")),
        ([rule("approvals", role="approver")], {"scope": CRITICAL}, ("warning", "single-approval", "approvals")),
        ([TESTS, TESTS | {"id": "again"}], {}, ("warning", "weaker-twin", "again")),
        ([TESTS | {"id": "weak", "max_age": "90d"}, TESTS], {}, ("warning", "weaker-twin", "weak")),
        ([SCAN, SCAN | {"id": "weak", "max": {"high": 2, "unknown": 0}}], {}, ("warning", "weaker-twin", "weak")),
        ([APPROVED, APPROVED | {"id": "weak", "count": 1}], {}, ("warning", "weaker-twin", "weak")),
    ],
)
def test_each_remark_has_its_cause(
    rules: list[dict[str, Any]], spec: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert expected in remarks(*rules, **spec)
    assert expected not in remarks(TESTS, SCAN, APPROVED)


def test_other_limits_and_more_roles_are_seen() -> None:
    scored = rule("vulnerability_limit", max_score={"at_least": 7, "max": 0}, max_age="7d", signer_role="scanner")
    assert remarks(scored) == []
    several = rule("approvals", role="approver", also=[{"role": "security"}])
    assert remarks(several, scope=CRITICAL) == []


def test_a_policy_without_cases_and_rules_without_remedy_are_told() -> None:
    assert remarks(TESTS, tested=False) == [("info", "untested", "")]
    plain = {name: value for name, value in TESTS.items() if name != "remedy"}
    assert remarks(plain) == [("info", "remedy-missing", "tests-passed")]


def test_rules_that_differ_in_what_they_ask_are_no_twins() -> None:
    other_role = TESTS | {"id": "other", "signer_role": "lab"}
    older_but_more = TESTS | {"id": "more", "max_age": "90d", "min_passed": 5}
    other_severity = SCAN | {"id": "low", "max": {"low": 9, "medium": 9, "high": 9, "critical": 9, "unknown": 9}}
    assert remarks(TESTS, other_role, older_but_more, SCAN, other_severity) == []
    announced = TESTS | {"id": "strict", "max_age": "1d", "effective_on": "2027-01-01"}
    assert remarks(TESTS, announced) == []


def test_parts_of_combined_rules_are_read_over_too() -> None:
    parts = [TESTS, rule("vulnerability_limit", max={"high": 0, "unknown": 0}, max_age="1d", signer_role="s")]
    combined = rule("any_of", rules=parts)
    assert remarks(combined) == [("warning", "worse-unlimited", "vulnerability-limit")]
    assert set(RULE_KINDS) >= {"any_of", "all_of"}


def test_no_kind_of_rule_is_too_much() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted(RULE_PAGES.glob("*.md")))
    blocks = re.findall(r"^```yaml\n(.*?)^```$", pages, re.MULTILINE | re.DOTALL)
    read = [document for block in blocks for document in yaml.safe_load_all(block)]
    policies = [read_policy(one) for one in read if isinstance(one, dict) and one.get("kind") == "Policy"]
    assert len(policies) >= 10
    for one in policies:
        assert all(remark.code and remark.says for remark in remarks_on(one, NOW, tested=True) + remarks_on_rules(one))


def run(*arguments: object) -> tuple[int, list[dict[str, str]]]:
    result = CliRunner().invoke(app, ["--json", "policy", "lint", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


def test_examples_have_no_warnings() -> None:
    code, found = run("--strict", EXAMPLES)
    assert (code, {one["level"] for one in found}) == (0, {"info"})
    assert "untested" not in {one["code"] for one in found}


def test_everything_malformed_is_told_with_file_document_and_path(tmp_path: Path) -> None:
    good, bad = document(TESTS), document(TESTS | {"max_aeg": "1d"})
    file = tmp_path / "policies.yaml"
    file.write_text(yaml.safe_dump_all([good, bad, {"apiVersion": "hallmark/v1", "kind": "Polcy"}]), encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "a.test.yaml").write_text("apiVersion: hallmark/v1\nkind: PolicyTest\nspce: 1\n", encoding="utf-8")
    (tmp_path / "foreign.yaml").write_text("apiVersion: v1\nkind: Service\n", encoding="utf-8")
    code, found = run(tmp_path)
    assert code == 2
    errors = {one["origin"]: one for one in found if one["level"] == "error"}
    assert {origin: one["code"] for origin, one in errors.items()} == {
        str(tmp_path / "broken.yaml"): "document_unreadable",
        f"{tmp_path / 'a.test.yaml'} (document 1)": "policy_test_field_unknown",
        f"{file} (document 2)": "policy_field_unknown",
        f"{file} (document 3)": "document_kind_unknown",
    }
    assert "spec.rules[0].max_aeg" in errors[f"{file} (document 2)"]["says"]


def test_strict_makes_warnings_count_and_infos_never(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(yaml.safe_dump(document(TESTS)), encoding="utf-8")
    assert run("--strict", file) == (
        0,
        [
            {
                "level": "info",
                "code": "untested",
                "origin": f"{file} (document 1)",
                "policy": "prod-entry",
                "rule": "",
                "says": "No test cases lie beside it.",
                "remedy": "Write what it is meant to say into prod-entry.test.yaml, and run `hallmark policy test`.",
            }
        ],
    )
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(document(TESTS)), encoding="utf-8")
    code, found = run(tmp_path)
    assert (code, sum(one["code"] == "policy-named-twice" for one in found)) == (0, 2)
    assert run("--strict", tmp_path)[0] == 3
