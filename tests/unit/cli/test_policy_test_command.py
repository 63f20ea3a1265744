"""`hallmark policy test`: which cases are run, what is said of them, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.output import out
from shared.errors import Invalid
from tests.unit.cli.policy_cases import ALLOWED, TESTS, document, policy

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"


@pytest.fixture(autouse=True)
def _for_people() -> Iterator[None]:
    yield
    out.as_json = False


def test_every_example_case_comes_out_as_expected() -> None:
    result = CliRunner().invoke(app, ["--json", "policy", "test", str(EXAMPLES)])
    assert result.exit_code == 0, result.output
    cases = json.loads(result.stdout)
    assert {one["policy"] for one in cases} == {"prod-entry", "prod-release", "qa-entry"}
    assert len(cases) >= 20
    assert {one["outcome"] for one in cases} == {"allow", "deny", "pending", None}


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
