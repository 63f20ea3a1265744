"""Malformed test cases of policies are refused with their place and the nearest good word."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.policies.cases import read_policy_test
from services.cli.policies.trying import policy_of
from shared.errors import Invalid
from tests.unit.cli.policy_cases import ALLOWED, SCAN, TESTS, document, policy, tried


def refused(given: dict[str, Any], expect: dict[str, Any] | None = None) -> Invalid:
    with pytest.raises(Invalid) as error:
        tried(policy(TESTS), given, expect or ALLOWED)
    return error.value


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
