"""Every page that a test looks at is in the pictures, four ways, and in their list."""

import re
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/screenshots"
LOOKED_AT = re.compile(r'must_be_sound_everywhere\("([\w-]+)"\)')
WAYS = {"-".join(way) for way in product(("wide", "narrow"), ("light", "dark"))}


def test_each_page_is_pictured_four_ways_and_listed() -> None:
    looked_at = {
        name for path in (ROOT / "tests/console").glob("*.py") for name in LOOKED_AT.findall(path.read_text("utf-8"))
    }
    listed = (PICTURES / "README.md").read_text("utf-8")
    pictured: dict[str, set[str]] = {}
    for path in PICTURES.glob("*.png"):
        name, width, scheme = path.stem.rsplit("-", 2)
        pictured.setdefault(name, set()).add(f"{width}-{scheme}")
        assert f"({path.name})" in listed
    assert looked_at <= pictured.keys(), looked_at - pictured.keys()
    assert {name for name, ways in pictured.items() if ways != WAYS} == set()
