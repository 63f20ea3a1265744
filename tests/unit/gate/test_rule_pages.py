"""The pages under `docs/rules/` show policies that can be applied, and every rule kind has its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from shared.policy.policy import read_policy

PAGES = sorted((Path(__file__).parents[3] / "docs" / "rules").glob("*.md"))
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_policy_in_a_page_is_read(page: Path) -> None:
    blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
    for document in (one for block in blocks for one in yaml.safe_load_all(block)):
        read_policy(document)
    assert blocks or page.stem == "index"
