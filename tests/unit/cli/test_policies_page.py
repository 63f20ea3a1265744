"""What docs/policies.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from services.cli.main import app
from services.cli.policies import advice, rule_advice

PAGE = Path(__file__).parents[3] / "docs" / "policies.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_policies_and_cases_of_the_page_work_as_it_says(tmp_path: Path) -> None:
    first, cases, announced = BLOCKS
    (tmp_path / "prod-entry.yaml").write_text(first, encoding="utf-8")
    (tmp_path / "prod-entry.test.yaml").write_text(cases, encoding="utf-8")
    run = CliRunner(env={"COLUMNS": "200"})
    tested = run.invoke(app, ["policy", "test", str(tmp_path)])
    assert tested.exit_code == 0, tested.output
    assert f"```\n{tested.output}```\n" in TEXT
    (tmp_path / "prod-origin.yaml").write_text(announced, encoding="utf-8")
    linted = run.invoke(app, ["policy", "lint", "--strict", str(tmp_path)])
    assert "0 errors" in linted.output


def test_the_page_lists_every_code_of_advice() -> None:
    sources = "".join(Path(str(one.__file__)).read_text(encoding="utf-8") for one in (advice, rule_advice))
    codes = set(re.findall(r'Remark\(\s*"([a-z-]+)"', sources))
    assert len(codes) >= 15
    assert set(re.findall(r"^\| `([a-z-]+)` \| (?:warning|info)", TEXT, re.MULTILINE)) == codes


def test_the_explanation_on_the_page_is_a_real_one() -> None:
    golden = (Path(__file__).parent / "golden" / "explain-waived-and-waiting.txt").read_text(encoding="utf-8")
    shown = re.search(r"^```\n(~ waived.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert shown
    assert shown[1] in golden
