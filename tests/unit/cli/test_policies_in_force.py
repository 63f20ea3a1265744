"""`hallmark policy list|show|history`: what is in force, and what each revision said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.cli.output import out
from shared.errors import HallmarkError
from shared.policy.policy import read_policy
from shared.yaml_reading import read_yaml
from tests.support.small_gateway import SmallGateway, small_gateway


@pytest.fixture(autouse=True)
def _for_people() -> Iterator[None]:
    yield
    out.as_json = False


def view(number: int, min_passed: int, name: str = "prod-entry") -> dict[str, Any]:
    rule = {"id": "tested", "title": "Tested", "kind": "tests_passed", "min_passed": min_passed}
    spec = {"gates": [{"stage": "prod", "gate": "entry"}], "rules": [rule], "effective_on": "2027-01-31"}
    metadata = {"project": "shop", "name": name}
    policy = read_policy({"apiVersion": "hallmark/v1", "kind": "Policy", "metadata": metadata, "spec": spec})
    return {
        "project": "shop",
        "policy": name,
        "digest": policy.digest,
        "revision": number,
        "mode": "block",
        "document": policy.normal_form(),
        "applied_at": f"2026-11-2{number}T12:00:00Z",
        "applied_by": "ann",
    }


FIRST, SECOND, THIRD = view(1, 1), view(2, 5), view(3, 1)
FOREIGN = view(1, 7, "other")
REVISIONS = [
    {key: one[key] for key in ("revision", "digest", "mode", "applied_at", "applied_by")}
    for one in (THIRD, SECOND, FIRST)
]
ANSWERS = {
    "GET /projects/shop/policies": {"policies": [THIRD], "next": None},
    "GET /projects/shop/policies/prod-entry": THIRD,
    "GET /projects/shop/policies/prod-entry/revisions": {"revisions": REVISIONS, "next": None},
    **{f"GET /projects/shop/policy-revisions/{one['digest']}": one for one in (FIRST, SECOND, FOREIGN)},
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[SmallGateway]:
    with small_gateway(ANSWERS) as gateway:
        yield gateway


def ask(gateway: SmallGateway, *arguments: str) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [*arguments, "-p", "shop"])


def test_the_policies_in_force_are_listed(gateway: SmallGateway) -> None:
    said = ask(gateway, "policy", "list").output
    assert said.splitlines()[1].split() == ["prod-entry", "block", "3", "prod", "entry", "ann", "2026-11-23T12:00:00Z"]


def test_a_policy_is_shown_as_yaml_that_can_be_applied_again(gateway: SmallGateway) -> None:
    said = ask(gateway, "policy", "show", "prod-entry").output
    assert said.startswith("# revision 3, applied by ann at 2026-11-23T12:00:00Z, sha256:")
    (document,) = read_yaml(said, "shown")
    assert read_policy(document).digest == THIRD["digest"]
    earlier = ask(gateway, "policy", "show", "prod-entry", "--digest", SECOND["digest"]).output
    assert read_yaml(earlier, "shown")[0]["spec"]["rules"][0]["min_passed"] == 5
    foreign = ask(gateway, "policy", "show", "prod-entry", "--digest", FOREIGN["digest"])
    assert isinstance(foreign.exception, HallmarkError)
    assert foreign.exception.code == "policy_revision_foreign"


def test_the_history_says_who_when_and_what_came_back(gateway: SmallGateway) -> None:
    lines = ask(gateway, "policy", "history", "prod-entry").output.splitlines()[1:]
    assert [line.split()[:4] for line in lines] == [
        [str(number), "block", "ann", f"2026-11-2{number}T12:00:00Z"] for number in (3, 2, 1)
    ]
    assert [line.rstrip().endswith("(as revision 1)") for line in lines] == [True, False, False]


def test_revisions_are_compared(gateway: SmallGateway) -> None:
    said = json.loads(
        CliRunner(env=gateway.environment)
        .invoke(app, ["--json", "policy", "history", "prod-entry", "-p", "shop", "--diff", "2"])
        .stdout
    )
    changed = [line.strip() for line in said["lines"] if line[0] in "+-" and line[:3] not in ("---", "+++")]
    assert changed == ["-    min_passed: 1", "+    min_passed: 5"]
    out.as_json = False
    assert "They say the same." in ask(gateway, "policy", "history", "prod-entry", "--diff", "1..3").output
    assert "--- nothing\n+++ revision 1\n" in ask(gateway, "policy", "history", "prod-entry", "--diff", "1").output
    for wrong, code in (("x", "revisions_malformed"), ("0", "revisions_malformed"), ("9", "policy_revision_unknown")):
        problem = ask(gateway, "policy", "history", "prod-entry", "--diff", wrong).exception
        assert isinstance(problem, HallmarkError)
        assert problem.code == code
