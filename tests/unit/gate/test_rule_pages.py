"""The pages under `docs/rules`: every example in them is a policy that is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from shared.policy.policy import read_policy
from shared.policy.rules import each_rule

PAGES = sorted((Path(__file__).parents[3] / "docs" / "rules").glob("*.md"))
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_of_a_page_is_read_and_one_uses_its_rule(page: Path) -> None:
    blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
    kinds = {rule.kind for block in blocks for rule in each_rule(read_policy(yaml.safe_load(block)).spec.rules)}
    assert page.stem in kinds or page.stem == "index"
