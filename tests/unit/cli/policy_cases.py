"""Policies and test cases of them, for tests of what tries policies."""

from __future__ import annotations

from typing import Any

from services.cli.policies.cases import read_policy_test
from services.cli.policies.trying import Tried, try_policy
from shared.policy.policy import Policy, read_policy
from shared.rego.pool import answered_offline

ALLOWED = {"outcome": "allow"}


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
    return try_policy(subject, test, answered_offline)[0]
