"""`apply` and `diff`: what reaches the API from YAML, and what counts as a difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.commands.documents import read_documents
from services.cli.main import app
from services.cli.output import out
from shared.errors import Invalid
from shared.policy.policy import read_policy
from shared.policy.template import read_template, resolved
from shared.yaml_reading import read_yaml
from tests.support.small_gateway import SmallGateway, small_gateway

POLICY = """\
apiVersion: hallmark/v1
kind: Policy
metadata: {project: shop, name: prod-entry}
spec:
  effective_on: 2027-01-31
  gates: [{stage: prod, gate: entry}]
  rules:
    - {id: tested, title: Tested, kind: tests_passed, max_age: 24h}
"""
TEST = """\
apiVersion: hallmark/v1
kind: PolicyTest
spec: {policy: prod-entry, cases: [{name: a, expect: {outcome: allow}}]}
"""
PATH = "/projects/shop/policies/prod-entry"


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *arguments: object) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [str(one) for one in arguments])


def test_dates_without_quotes_arrive_as_text(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(POLICY, encoding="utf-8")
    applied = {"kind": "Policy", "name": "prod-entry", "change": "created", "revision": 1, "digest": "sha256:1"}
    with small_gateway({f"PUT {PATH}": applied}) as gateway:
        result = ask(gateway, "apply", "-f", file)
    assert result.exit_code == 0, result.output
    assert gateway.sent[f"PUT {PATH}"]["document"]["spec"]["effective_on"] == "2027-01-31"
    assert gateway.asked == [f"PUT {PATH}"], "the history is only asked for when something was updated"


def test_merged_keys_may_be_said_anew_and_repeated_ones_are_refused() -> None:
    assert read_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "file")[0]["b"] == {"x": 1, "y": 3}
    with pytest.raises(Invalid) as repeated:
        read_yaml("spec:\n  max: {high: 0}\n  max: {high: 9}\n", "file")
    assert repeated.value.code == "document_unreadable"
    assert "`max` is given more than once" in repeated.value.message
    assert "line 3" in repeated.value.message


def test_policy_tests_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "prod-entry.yaml").write_text(f"{POLICY}---\n{TEST}", encoding="utf-8")
    (tmp_path / "prod-entry.test.yaml").write_text("not: even a document", encoding="utf-8")
    assert [one.kind for one in read_documents([tmp_path])] == ["Policy"]


def in_force(**changes: Any) -> dict[str, Any]:
    document = read_policy(read_yaml(POLICY, "here")[0]).normal_form()
    spec: dict[str, Any] = {**document["spec"], **changes}  # type: ignore[dict-item]
    return {f"GET {PATH}": {"document": {**document, "spec": spec}}}


def test_a_difference_in_spelling_is_none(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(POLICY, encoding="utf-8")
    with small_gateway(in_force()) as gateway:
        result = ask(gateway, "diff", "-f", file)
        assert (result.exit_code, "nothing would change" in result.output) == (0, True)
    with small_gateway(in_force(mode="warn")) as gateway:
        result = ask(gateway, "--json", "diff", "-f", file)
    assert result.exit_code == 3
    (change,) = json.loads(result.stdout)
    assert [line.strip() for line in change["lines"] if line[0] in "+-"] == [
        '-    "mode": "warn",',
        '+    "mode": "block",',
    ]


def test_a_default_that_is_in_force_otherwise_is_a_difference(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(POLICY, encoding="utf-8")
    with small_gateway(in_force(waivers={"allowed": False})) as gateway:
        result = ask(gateway, "diff", "-f", file)
    assert result.exit_code == 3
    assert '-      "allowed": false' in result.output


def test_what_the_file_does_not_mention_any_more_is_a_difference(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(POLICY.replace("  effective_on: 2027-01-31\n", ""), encoding="utf-8")
    with small_gateway(in_force()) as gateway:
        result = ask(gateway, "diff", "-f", file)
    assert result.exit_code == 3
    assert '-    "effective_on": "2027-01-31' in result.output


def test_a_malformed_policy_is_refused_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(POLICY.replace("max_age", "max_aeg"), encoding="utf-8")
    with small_gateway(in_force()) as gateway:
        result = ask(gateway, "diff", "-f", file)
    assert isinstance(result.exception, Invalid)
    assert result.exception.message.startswith(f"{file} (document 1): The policy has an unknown field")


def test_an_earlier_revision_that_comes_back_is_told(tmp_path: Path) -> None:
    file = tmp_path / "prod-entry.yaml"
    file.write_text(POLICY, encoding="utf-8")
    applied = {"kind": "Policy", "name": "prod-entry", "change": "updated", "revision": 3, "digest": "sha256:a"}
    history = [{"revision": number, "digest": f"sha256:{digest}"} for number, digest in ((3, "a"), (2, "b"), (1, "a"))]
    answers = {f"PUT {PATH}": applied, f"GET {PATH}/revisions": {"revisions": history, "next": None}}
    with small_gateway(answers) as gateway:
        assert "prod-entry: revision 1 comes back" in ask(gateway, "apply", "-f", file).output
    with small_gateway({f"PUT {PATH}": applied}) as gateway:
        result = ask(gateway, "apply", "-f", file)
        assert (result.exit_code, "comes back" in result.output) == (0, False)


TEMPLATE = """\
apiVersion: hallmark/v1
kind: RuleTemplate
metadata: {project: shop, name: labelled}
spec: {rego: "package p\\nallow := true\\n"}
"""
NAMING = """\
apiVersion: hallmark/v1
kind: Policy
metadata: {project: shop, name: prod-entry}
spec:
  gates: [{stage: prod, gate: entry}]
  rules:
    - {id: labelled, title: Labelled, kind: rego, template: labelled}
"""
TEMPLATE_PATH = "/projects/shop/rule-templates/labelled"


def test_templates_are_applied_before_the_policies_that_name_them(tmp_path: Path) -> None:
    (tmp_path / "a-policy.yaml").write_text(NAMING, encoding="utf-8")
    (tmp_path / "b-template.yaml").write_text(TEMPLATE, encoding="utf-8")
    applied = {"name": "x", "change": "created", "revision": 1, "digest": "sha256:1"}
    with small_gateway({f"PUT {PATH}": applied, f"PUT {TEMPLATE_PATH}": applied}) as gateway:
        result = ask(gateway, "apply", "-f", tmp_path)
    assert result.exit_code == 0, result.output
    assert gateway.asked == [f"PUT {TEMPLATE_PATH}", f"PUT {PATH}"]
    assert gateway.sent[f"PUT {TEMPLATE_PATH}"] == {"document": read_yaml(TEMPLATE, "here")[0]}


def test_a_policy_differs_when_the_template_it_names_does(tmp_path: Path) -> None:
    template, naming = read_yaml(TEMPLATE, "here")[0], read_yaml(NAMING, "here")[0]
    file = tmp_path / "policy.yaml"
    file.write_text(NAMING, encoding="utf-8")
    there = resolved(naming, {"labelled": read_template(template)})
    answers = {
        f"GET {PATH}": {"document": read_policy(there).normal_form()},
        f"GET {TEMPLATE_PATH}": {"document": read_template(template).normal_form()},
    }
    with small_gateway(answers) as gateway:
        assert ask(gateway, "diff", "-f", file).exit_code == 0
        (tmp_path / "template.yaml").write_text(TEMPLATE.replace("true", "false"), encoding="utf-8")
        result = ask(gateway, "diff", "-f", tmp_path)
    assert result.exit_code == 3
    assert "update RuleTemplate labelled" in result.output
    assert "update Policy prod-entry" in result.output
